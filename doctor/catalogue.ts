/**
 * Every kind of finding, once: its stable id, how bad it is, what it means and why it matters. docs/doctor.md has the same as
 * a table; a test holds the two together.
 */
import type { Severity } from "./types.ts";

export interface FindingKind {
  readonly severity: Severity;
  /** In one line, for the table. */
  readonly meaning: string;
  /** Why it matters: a sentence without final period. */
  readonly why: string;
  /** How such a thing is mended, for the table. */
  readonly mending: string;
}

const kind = (
  severity: Severity,
  meaning: string,
  why: string,
  mending: string,
): FindingKind => ({ severity, meaning, why, mending });

const CONTROL = {
  "no-local-names": kind(
    "fatal",
    "Neither control/me nor control/locals is there",
    "qmail-send does not start without them, and nothing can be looked up",
    "Put this host's full name into control/me",
  ),
  "me-missing": kind(
    "error",
    "control/me is missing or empty",
    "Greetings, bounces and Message-IDs have no name of this host, and qmail-send falls back to odd ones",
    "Put this host's full name into control/me",
  ),
  "rcpthosts-missing": kind(
    "error",
    "control/rcpthosts is missing",
    "qmail-smtpd would relay for everybody; qfront takes it for empty and refuses all mail from outside",
    "Write the domains that mail is taken for, one a line",
  ),
  "plusdomain-missing": kind(
    "note",
    "qmail-inject is there, but neither control/plusdomain nor control/me",
    'Names that end in a plus sign get the literal domain "plusdomain"',
    "Put the parent domain into control/plusdomain",
  ),
  "control-unreadable": kind(
    "error",
    "A control file can't be read",
    "Every recipient that depends on it is answered 451, and qmail-send does not start",
    "Make it a regular, readable file",
  ),
  "control-cr": kind(
    "error",
    "Lines of a control file end in CR LF",
    "qmail takes the CR for a part of the entry, so the entry matches nothing",
    "Strip the CR: sed -i 's/\\r$//' FILE",
  ),
  "control-blank": kind(
    "warning",
    "An entry begins with a blank or has one inside",
    "qmail strips blanks at a line's end alone and knows comments only at its beginning, so the entry matches nothing",
    "Take the blank out; put the comment on a line of its own",
  ),
  "control-wildcard": kind(
    "warning",
    "A domain is written with * or @",
    'qmail knows no such wildcard: ".example.org" is the form for all names below a domain',
    "Write .example.org in place of *.example.org",
  ),
  "control-duplicate": kind(
    "warning",
    "An entry stands twice in a control file",
    "Whoever takes one of the two away believes that it is gone",
    "Delete one of the lines",
  ),
  "virtualdomains-twice": kind(
    "error",
    "A key of control/virtualdomains has two values",
    "The last line counts, the other one is dead",
    "Delete the wrong line",
  ),
  "virtualdomains-no-colon": kind(
    "error",
    "A line of control/virtualdomains has no colon",
    "qmail passes over the line without a word",
    "Write DOMAIN:PREFIX",
  ),
  "percenthack": kind(
    "error",
    "control/percenthack lists a domain that mail is taken for",
    "user%other.example@domain is mail for other.example: everybody can relay through that domain",
    "Remove control/percenthack, or that domain from it",
  ),
} as const;

const DOMAINS = {
  "local-and-virtual": kind(
    "warning",
    "A domain stands in control/locals and in control/virtualdomains",
    "locals wins, so the line of virtualdomains is dead",
    "Delete one of the two lines, then HUP qmail-send",
  ),
  "not-in-rcpthosts": kind(
    "warning",
    "A local or virtual domain is not in control/rcpthosts",
    "Its mail is delivered when it comes from here and refused when it comes from outside",
    "Add the domain to control/rcpthosts",
  ),
  "rcpthosts-undelivered": kind(
    "warning",
    "control/rcpthosts takes mail for a domain that is neither local nor virtual, and control/smtproutes does not know it",
    "Its recipients can't be looked up here, so each name is accepted; where this host is the domain's MX the mail loops",
    "Add it to locals or virtualdomains, or its route to smtproutes, or take it out of rcpthosts",
  ),
  "postmaster-undeliverable": kind(
    "error",
    "postmaster of a domain is no mailbox",
    "RFC 5321 section 4.5.1 wants one, and others block domains without",
    "Make ~alias/.qmail-postmaster, or the file for that virtual domain",
  ),
  "abuse-undeliverable": kind(
    "warning",
    "abuse of a domain is no mailbox",
    "RFC 2142 wants one, and complaints about this host are lost",
    "Make ~alias/.qmail-abuse, or the file for that virtual domain",
  ),
  "role-undecided": kind(
    "error",
    "postmaster or abuse of a domain can't be decided",
    "The answer is 451 until what is wrong there is mended",
    "As the reason says",
  ),
  "mailer-daemon-undeliverable": kind(
    "warning",
    "mailer-daemon of this host is no mailbox",
    "Bounces come from there, and people answer them",
    "Make ~alias/.qmail-mailer-daemon",
  ),
  "double-bounce-undeliverable": kind(
    "warning",
    "Where double bounces go is no mailbox here",
    "What can't be bounced is lost without a word",
    "Write a mailbox into control/doublebounceto (and its host into doublebouncehost)",
  ),
  "catch-all": kind(
    "warning",
    "Every name of a local domain is deliverable",
    "Nothing is refused: dictionary attacks fill the mailbox, and what a program refuses later is bounced to innocents",
    "Take the default away and name each address in a file of its own",
  ),
  "catch-all-domain": kind(
    "note",
    "A virtual domain is a catch-all",
    "Wanted or not: every name of it is accepted",
    "Name each address in a file of its own, where that was not meant",
  ),
  "catch-all-program": kind(
    "warning",
    "A catch-all hands every name to a program",
    "The program decides after the mail was accepted, so its refusals become bounces to forged senders",
    "Name each address in a dot-qmail file of its own, or let users/assign know them",
  ),
} as const;

const STALE = {
  "assign-stale": kind(
    "error",
    "users/cdb is not what users/assign says",
    "qmail and qfront go by the cdb: what was written into assign is not in force",
    "qmail-newu",
  ),
  "assign-broken": kind(
    "error",
    "users/assign can't be made into a cdb",
    "qmail-newu refuses it, so no change to it comes into force",
    "Mend the line; the file ends with a line of one dot",
  ),
  "users-cdb-broken": kind(
    "fatal",
    "users/cdb is no sound cdb",
    "qmail-lspawn defers every local delivery, and every recipient is answered 451",
    "qmail-newu",
  ),
  "morercpthosts-stale": kind(
    "error",
    "control/morercpthosts.cdb is not what control/morercpthosts says",
    "The cdb alone is read: new domains are refused and old ones accepted",
    "qmail-newmrh",
  ),
  "morercpthosts-broken": kind(
    "error",
    "control/morercpthosts.cdb is no sound cdb",
    "Every recipient that is not in rcpthosts is answered 451",
    "qmail-newmrh",
  ),
  "rules-stale": kind(
    "warning",
    "The cdb of connection rules is older than its text",
    "The cdb alone is read, so the last changes to the rules are not in force",
    "tcprules FILE.cdb FILE.tmp < FILE",
  ),
  "poppasswd-stale": kind(
    "error",
    "users/poppasswd.cdb is not what users/poppasswd says",
    "The cdb alone is read: new passwords do not work, and old ones still do",
    "qfront newpop",
  ),
  "poppasswd-line": kind(
    "error",
    "A line of users/poppasswd can be used by no login",
    "qfront newpop refuses the whole file because of it, so no change comes into force",
    "As the reason says, then qfront newpop",
  ),
  "poppasswd-broken": kind(
    "error",
    "users/poppasswd.cdb is no sound cdb",
    "Nobody can log in",
    "qfront newpop",
  ),
  "poppasswd-missing": kind(
    "warning",
    "Logins are taken and there is no users/poppasswd.cdb",
    "Every login is answered with a temporary failure",
    "qfront poppasswd set LOGIN --newpop, or pop3_listen: off",
  ),
} as const;

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

const PERMISSIONS = {
  "control-closed": kind(
    "error",
    "The service's user can't read a control file, or enter a directory on the way",
    "What depends on it is answered 451, or taken for missing",
    "chmod the directory o+x, the file o+r",
  ),
  "delivery-deferred": kind(
    "error",
    "An address can't be decided because of files on its way",
    "It is answered 451, and qmail-local would defer its mail as well",
    "As the reason says",
  ),
  "maildir-missing": kind(
    "error",
    "A Maildir that an address delivers to is not there, or lacks tmp, new or cur",
    "Mail for it is accepted and then deferred for days",
    "maildirmake as its owner",
  ),
  "maildir-closed": kind(
    "error",
    "The owner of an address may not write to its Maildir",
    "Mail for it is accepted and then deferred for days",
    "chown it to its user, mode 0700",
  ),
  "dot-qmail-unreachable": kind(
    "warning",
    "A dot-qmail file has a name that no address leads to",
    "qmail looks for extensions in lower case, with : in the place of dots",
    "Rename it",
  ),
  "checks-cut": kind(
    "note",
    "There are more addresses than were looked at",
    "What is wrong with the others is not told here",
    "qfront lookup takes lists on standard input",
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

export const FINDINGS = {
  ...CONTROL,
  ...DOMAINS,
  ...STALE,
  ...PROCESSES,
  ...SAFETY,
  ...PERMISSIONS,
  ...TLS,
  ...MACHINE,
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingId = keyof typeof FINDINGS;
