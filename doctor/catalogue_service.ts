/** Findings about the service and its machine: processes, open doors, certificates, trace, disks, settings, clock. */
import { kind } from "./catalogue_kind.ts";

const PROCESSES = {
  "qmail-send-not-running": kind(
    "error",
    "Mail goes to qmail-queue, and no qmail-send runs",
    "Mail is accepted and stays in the queue",
    "Start qmail's own service",
  ),
  "qmail-send-restart": kind(
    "error",
    "qmail-send is older than a control file that it reads at its start alone",
    "The look-up here goes by the new file and qmail-send by the old one: they disagree about who exists",
    "Restart qmail-send (svc -t /service/qmail-send)",
  ),
  "qmail-send-hup": kind(
    "warning",
    "control/locals or control/virtualdomains changed after qmail-send's start",
    "qmail-send reads them again only at a HUP, and whether it had one since can't be seen from outside",
    "Send it a HUP; a second one does no harm",
  ),
  "open-files": kind(
    "warning",
    "The running service may open fewer files than its sessions need",
    "Beyond the limit no connection is accepted, and nothing in the service raises the limit",
    "LimitNOFILE= (systemd) or ulimit -n in the run file, or a smaller max_sessions",
  ),
  "open-files-here": kind(
    "note",
    "Started from this shell, the service could open fewer files than its sessions need",
    "The limit is inherited; a service file sets its own",
    "ulimit -n before qfront serve",
  ),
  "queue-program-missing": kind(
    "fatal",
    "The qmail-queue program is not there or can't be executed",
    "Every message is answered 451",
    "Install it, or choose another way with setting queue",
  ),
  "queue-program-mode": kind(
    "error",
    "qmail-queue is not setuid, or belongs to root",
    "It can't write the queue when a service that is not qmailq starts it: every message is answered 451",
    "chown qmailq:qmail and chmod 4711",
  ),
  "queue-trigger": kind(
    "warning",
    "queue/lock/trigger is no fifo that others may write to",
    "qmail-send learns of new mail at its next look around, up to 25 minutes later",
    "Make it anew: make setup check in qmail's source",
  ),
  "qmqp-servers-missing": kind(
    "fatal",
    "queue is qmqp, and control/qmqpservers names nobody",
    "Every message is answered 451",
    "Write the address of a QMQP server into control/qmqpservers",
  ),
  "journal-unusable": kind(
    "warning",
    "The delivery journal's directory is not that of who delivers, or others can write to it",
    "Deliveries go without it, and what it holds is not looked after",
    "chown it to that user, mode 0700",
  ),
  "journal-waits": kind(
    "warning",
    "The delivery journal holds accepted messages, and no service has it open",
    "They may be missing from their Maildirs until a service looks after them",
    "Start qfront, or reload it",
  ),
  "journal-unreadable": kind(
    "error",
    "A file of the delivery journal can't be understood",
    "What it holds was accepted, and no start of this version delivers it",
    "Start the version of qfront that wrote it once",
  ),
} as const;

const SAFETY = {
  "open-relay": kind(
    "fatal",
    "Connection rules give RELAYCLIENT to strangers",
    "Everybody may send mail to anywhere through this host; it will be found within a day and blocked for weeks",
    "Give RELAYCLIENT to your own networks alone",
  ),
  "rules-unusable": kind(
    "fatal",
    "Connection rules can't be used",
    "serve does not start; a running one keeps the rules it has",
    "Mend the line that is named",
  ),
  "rules-dead": kind(
    "warning",
    "A connection rule matches nobody",
    "What it was meant to allow or to deny is not",
    "As the reason says",
  ),
  "validation-off": kind(
    "warning",
    "Setting validate is off",
    "Unknown recipients are accepted and bounced to forged senders",
    "validate: on",
  ),
  "passwords-in-clear": kind(
    "warning",
    "Passwords are taken without TLS from everybody",
    "Who can listen to the network can read them",
    "smtp_auth: tls, pop3_cleartext: loopback",
  ),
  "run-as": kind(
    "fatal",
    "serve refuses to start as root here",
    "The user that serves the network could change what runs as root, or there is no such user",
    "As the reason says",
  ),
  "run-as-nobody": kind(
    "warning",
    "There is no user qmaild, and run_as names nobody",
    "The service becomes nobody, whom other programs share",
    "Make a user qmaild, or set run_as",
  ),
  "control-writable": kind(
    "error",
    "A control file or directory can be written by everybody",
    "Every local user can make this host deliver, relay or run what he likes",
    "chmod o-w",
  ),
  "secrets-open": kind(
    "error",
    "users/poppasswd or its cdb can be read by everybody",
    "Every local user can guess passwords at leisure, or read those stored in clear",
    "chmod 0600, owned by who has to read it",
  ),
  "key-open": kind(
    "error",
    "A private key can be read by everybody",
    "Every local user can pretend to be this host",
    "chmod 0600",
  ),
} as const;

const TLS = {
  "certificate-unusable": kind(
    "fatal",
    "A certificate or its key can't be used",
    "serve does not start with it; a running one keeps the pair from before",
    "As the reason says",
  ),
  "certificate-missing": kind(
    "note",
    "There is no certificate, so TLS is not offered",
    "Passwords and mail cross the network in clear, and some senders insist on TLS",
    "Put chain and key into control/servercert.pem",
  ),
  "certificate-expired": kind(
    "error",
    "A certificate has expired, or is not valid yet",
    "Mail clients refuse the connection; senders with a policy defer their mail",
    "Renew it; it is taken over without a restart",
  ),
  "certificate-expires": kind(
    "warning",
    "A certificate expires within two weeks",
    "Mail clients will refuse the connection",
    "Renew it; look why that did not happen by itself",
  ),
  "certificate-name": kind(
    "warning",
    "No certificate is for the name in control/me",
    "Clients that connect to that name are told of a wrong certificate",
    "Get a certificate with that name among its subjectAltName",
  ),
  "certificate-self-signed": kind(
    "note",
    "A certificate is signed by itself",
    "Mail clients ask their users what to do about it; senders mostly do not mind",
    "Get one of an authority",
  ),
} as const;

const MACHINE = {
  "dnsbl-dead": kind(
    "error",
    "A list of dnsbl_lists fails its self-test (RFC 5782 section 5)",
    "It lists everybody, or nobody: the service leaves it out, and what it was to keep away comes in",
    "Take it out of dnsbl_lists",
  ),
  "dnsbl-silent": kind(
    "note",
    "The self-test of a list had no answer",
    "Perhaps the network is away; perhaps the list refuses the name server that is asked",
    "Ask again later; use a name server of your own",
  ),
  "trace-unwritable": kind(
    "error",
    "The service's user can't write the trace file",
    "There is no trace; mail goes on",
    "chown file and directory to that user",
  ),
  "trace-rotation": kind(
    "warning",
    "The service's user can't write to the trace file's directory",
    "After a rotation that renames the file no new one can be made",
    "chown the directory to that user",
  ),
  "trace-off": kind(
    "note",
    "There is no trace",
    "When something goes wrong nobody can say what happened",
    "trace_file and trace_level in control/trace.cfg",
  ),
  "disk-full": kind(
    "error",
    "A file system has less than 1 % or 20 MB left, or no inodes",
    "Mail is deferred",
    "Make room",
  ),
  "disk-low": kind(
    "warning",
    "A file system has less than 5 % of its space or inodes left",
    "Mail will be deferred",
    "Make room",
  ),
  "setting-unknown": kind(
    "warning",
    "trace.cfg has a setting that does not exist",
    "The line has no effect",
    "Write the name that was meant, or delete the line",
  ),
  "setting-wrong": kind(
    "warning",
    "trace.cfg has a value that its setting does not take, or a setting twice",
    "The default is used in its place, or the last of the two",
    "As the reason says",
  ),
  "settings-unparsed": kind(
    "error",
    "trace.cfg has a line that can't be read",
    "A running service keeps its settings; one that starts has no trace",
    "Mend the line",
  ),
  "setting-useless": kind(
    "warning",
    "Settings contradict each other",
    "One of them has no effect",
    "As the reason says",
  ),
  "policy-useless": kind(
    "warning",
    "A word of a policy setting or a policy file has no effect",
    "What it was to refuse comes in",
    "As the reason says",
  ),
  "clock-wrong": kind(
    "error",
    "The clock is wrong",
    "Dates of messages, greylists, bans and certificates go by it",
    "Set it, and run an NTP client",
  ),
  "from-the-future": kind(
    "warning",
    "A control file was changed in the future",
    "Clock or file is wrong; what is newer than what can't be told any more",
    "Set the clock, then touch the file",
  ),
  "outgoing-ip": kind(
    "note",
    "control/outgoingip sets the source address of qmail-remote",
    "Outgoing mail comes from there: its reverse DNS and SPF have to fit that address",
    "Nothing to do; qfront itself sends no mail",
  ),
  "outgoing-ip-wrong": kind(
    "warning",
    "control/outgoingip is no address",
    "qmail-remote can't use it, and mail stays in the queue",
    "Write one IP address",
  ),
} as const;

export const SERVICE_FINDINGS = { ...PROCESSES, ...SAFETY, ...TLS, ...MACHINE } as const;
