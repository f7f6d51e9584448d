/** The catalogue's entries for SMTP (smtp/replies.ts) and for QMTP and QMQP (qmtp/replies.ts), which share most ids. */
import { entry } from "./reply_entry.ts";

const COUNTED = "It counts the client's mistakes: look at what it sent in the trace (level 4)";

/** The way of a session that goes well. */
const GOOD = {
  greeting: entry("The first line, with this host's name", "control/smtpgreeting, control/me"),
  help: entry("Answer to HELP"),
  ready_for_tls: entry("Answer to STARTTLS: the handshake begins", "setting tls_cert"),
  quit: entry("Answer to QUIT"),
  authenticated: entry("A login was right", "setting auth_source"),
  hello: entry("Answer to HELO"),
  extended_hello: entry("Answer to EHLO, with what is offered"),
  noop: entry("Answer to NOOP"),
  reset: entry("Answer to RSET"),
  sender_ok: entry("The sender may send"),
  recipient_ok: entry("The recipient is deliverable, or a relay client's business"),
  accepted: entry(
    'The message is safe: on disk, or with qmail-queue. "qp" is the number in qmail-send\'s log',
    "setting queue",
  ),
  vrfy: entry("Answer to VRFY: nobody is told who exists"),
  auth_challenge: entry("A step of a login's dialogue"),
  go_ahead: entry("Answer to DATA: the message may come"),
} as const;

/** Local trouble: the client tries again. */
const TROUBLE = {
  site_unusable: entry(
    "A control file can't be read, so nobody can say what is accepted",
    "control/me, rcpthosts, databytes and their like",
    "qfront doctor names the file",
  ),
  too_busy: entry(
    "All sessions, or all messages in hand, are taken",
    "settings max_sessions, max_deliveries",
    "Raise them, and the limit of open files with them",
  ),
  too_many_sessions: entry(
    "One address has too many sessions at a time",
    "setting max_sessions_per_address",
    "Raise it, or give that address a connection rule of its own (tcp_rules)",
  ),
  fault: entry(
    "Something failed here that nobody foresaw; the trace and standard error have it",
    "",
    "Please report it: it is a defect",
  ),
  idle: entry(
    "The client said nothing for too long",
    "setting smtp_idle_seconds, control/timeoutsmtpd",
    "Raise it; 1200 seconds are qmail's own",
  ),
  session_time: entry(
    "The session lasted too long altogether",
    "setting smtp_session_seconds, SESSION_TIMEOUT",
    "Raise it",
  ),
  shutdown: entry("The service is being stopped", "setting shutdown_seconds", "It comes back"),
  undecided: entry(
    "The look-up could not tell whether the recipient exists: a home or a file is closed, or broken",
    "The file that qfront lookup --steps ADDRESS names",
    "Mend that file; on_undecided: reject refuses for good instead, which loses mail",
  ),
  undecided_refused: entry(
    "The same as undecided, made final",
    "setting on_undecided: reject",
    "on_undecided: defer",
  ),
  no_delivery: entry(
    "The recipient exists, but what it asks for can't be done without qmail: a program or an mbox",
    "setting queue: maildir",
    "Install qmail and set queue: qmail-queue, or use Maildirs and forwards alone",
  ),
  sender_undecided: entry(
    "control/senderlogins or the like can't be read, so nobody knows who may send as whom",
    "setting sender_login_map",
    "qfront doctor names the file",
  ),
  queue_deferred: entry(
    "The message could not be written: disk, qmail-queue or the QMQP servers",
    "setting queue; the trace has the exit code and its meaning",
    "df, qfront doctor, qmail-queue's permissions",
  ),
  auth_undecided: entry(
    "The login could not be checked: users file, checkpassword or CVM do not answer",
    "setting auth_source",
    "qfront doctor; run the checkpassword program by hand",
  ),
} as const;

/** The client makes mistakes. */
const SYNTAX = {
  unknown_command: entry(
    "No command of SMTP, or none that is known here",
    "max_syntax_errors",
    COUNTED,
  ),
  unimplemented: entry("A command that SMTP has and this service has not", "max_syntax_errors"),
  line_too_long: entry(
    "A command line is too long",
    "setting command_line_bytes",
    "Raise it, if the client is meant to speak so",
  ),
  auth_line_too_long: entry("A line of a login is longer than RFC 4954 allows"),
  bad_sender_syntax: entry("What stands in MAIL FROM is no address", "", COUNTED),
  bad_recipient_syntax: entry("What stands in RCPT TO is no address", "", COUNTED),
  bad_parameter: entry("A parameter of MAIL or RCPT has a wrong value, such as SIZE=big"),
  unknown_parameter: entry("A parameter of MAIL or RCPT that was not offered at EHLO"),
  no_argument: entry("Something stands behind a command that takes nothing"),
  mail_first: entry("RCPT or DATA before MAIL"),
  rcpt_first: entry("DATA without a recipient, perhaps because all were refused"),
  ehlo_first: entry("A command that only an EHLO offers, without it"),
  bare_lf: entry(
    "The message has lines that end in LF alone, which can smuggle a second message in",
    "setting bare_lf",
    "bare_lf: tolerate, on a listener that only trusted clients reach",
  ),
  tls_injection: entry(
    "Something was sent behind STARTTLS before TLS was there: an attack, or a broken client",
    "RFC 3207 section 5",
    "None: it is never taken",
  ),
  already_secured: entry("STARTTLS under TLS"),
  tls_not_offered: entry(
    "STARTTLS where there is no certificate",
    "setting tls_cert",
    "Put chain and key into control/servercert.pem",
  ),
} as const;

/** Ends of sessions by limits. */
const LIMITS = {
  session_closed: entry(
    "The session is ended after an unknown recipient, so that names can't be tried by the thousand",
    "setting on_invalid_rcpt: terminate",
    "on_invalid_rcpt: reject goes on with the other recipients",
  ),
  syntax_limit: entry("Too many mistakes in one session", "setting max_syntax_errors", "Raise it"),
  unknown_limit: entry(
    "Too many unknown recipients in one session",
    "setting max_unknown_recipients",
    "Raise it; 0 is no limit",
  ),
  relay_limit: entry(
    "Too many attempts to relay in one session",
    "setting max_relay_attempts",
    "Raise it, or make the client a relay client (tcp_rules with RELAYCLIENT)",
  ),
  auth_limit: entry(
    "Too many failed logins in one session",
    "setting max_auth_failures",
    "Raise it",
  ),
  message_limit: entry(
    "Too many messages in one session",
    "setting max_messages, MAXMSGS of a mail or connection rule",
    "Raise it; 0 is no limit",
  ),
  too_many_recipients: entry(
    "Too many recipients for one message; the client sends the others with the next one",
    "setting max_recipients, MAXRCPTS",
    "Raise it",
  ),
  too_big: entry(
    "The message is larger than is taken",
    "setting databytes, control/databytes, DATABYTES of a rule",
    "Raise it; 0 is no limit",
  ),
  too_many_hops: entry(
    "The message has gone round: too many Received and Delivered-To lines",
    "setting max_hops",
    "Look for two hosts or addresses that forward to each other",
  ),
} as const;

/** Who may not, and what does not exist. */
const REFUSALS = {
  unknown_recipient: entry(
    "The look-up found nobody who would take the mail",
    "control files, users/assign, dot-qmail files: qfront lookup --steps ADDRESS shows each",
    "Make the dot-qmail file that the look-up names; validate: off accepts everything",
  ),
  relay_refused: entry(
    "The domain is not ours and the client may not relay",
    "control/rcpthosts, control/morercpthosts.cdb",
    "Add the domain to rcpthosts, or give the client RELAYCLIENT (tcp_rules) or a login",
  ),
  bad_sender: entry(
    "The sender is in control/badmailfrom",
    "setting badmailfrom",
    "Take the line out of control/badmailfrom; badmailfrom: shadow only traces",
  ),
  sender_not_owned: entry(
    "Who is logged in sends as somebody else",
    "setting sender_login_map, control/senderlogins",
    "Add SENDER:LOGIN to control/senderlogins",
  ),
  queue_refused: entry(
    "qmail-queue, or a program in its place, refused the message for good",
    "QMAILQUEUE, qmail-scanner and their like",
    "Ask that program's own log",
  ),
} as const;

const AUTH = {
  auth_syntax: entry("AUTH without a mechanism, or with too much"),
  auth_malformed: entry("A login's response is not of the mechanism's form"),
  auth_cancelled: entry("The client gave its login up"),
  auth_not_offered: entry(
    "AUTH where it is not offered",
    "settings smtp_auth, smtp_auth_services",
    "smtp_auth_services: submission smtp offers it on port 25 too",
  ),
  already_authenticated: entry("A second login in one session"),
  auth_in_transaction: entry("AUTH between MAIL and the end of the message"),
  unknown_mechanism: entry(
    "A mechanism that is not offered",
    "What the users file stores: a crypt hash does for PLAIN and LOGIN alone",
    "Store {SCRAM-SHA-256} or {PLAIN} secrets for other mechanisms",
  ),
  auth_required: entry(
    "Submission without a login",
    "the listener's service: submission",
    "Give the client RELAYCLIENT by tcp_rules, or let it log in",
  ),
  auth_refused: entry(
    "Login or password is wrong; which of them is never told",
    "setting auth_source",
    "qfront poppasswd verify LOGIN tries it here",
  ),
  encryption_required: entry(
    "A password in clear is not taken",
    "setting smtp_auth: tls",
    "Let the client use STARTTLS, or smtp_auth: always",
  ),
} as const;

/** Clients that speak for others (XCLIENT). */
const XCLIENT = {
  xclient_syntax: entry("XCLIENT with something that is no attribute"),
  xclient_in_transaction: entry("XCLIENT between MAIL and the end of the message"),
  xclient_refused: entry(
    "XCLIENT from a client that may not speak for others",
    "setting xclient_from",
    "Name the client in xclient_from, if it is a proxy of yours",
  ),
  xclient_denied: entry(
    "XCLIENT names a client that a connection rule denies",
    "setting tcp_rules",
    "Change that rule",
  ),
} as const;

/** What QMTP and QMQP have beside those. */
const QMTP = {
  no_recipient: entry("A message without any recipient"),
  too_slow: entry(
    "Nothing came for too long, or the session lasted too long",
    "settings qmtp_idle_seconds, qmtp_session_seconds",
    "Raise them",
  ),
} as const;

export const SMTP_ENTRIES = {
  ...GOOD,
  ...TROUBLE,
  ...SYNTAX,
  ...LIMITS,
  ...REFUSALS,
  ...AUTH,
  ...XCLIENT,
  ...QMTP,
} as const;
