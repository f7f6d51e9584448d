/** The catalogue's entries for pop3/replies.ts. */
import { entry } from "./reply_entry.ts";

const GOOD = {
  "pop3.greeting": entry("The first line; with APOP it has a time stamp", "setting pop3_apop"),
  "pop3.ok": entry("Done"),
  "pop3.bye": entry("Answer to QUIT; deleted messages are gone"),
  "pop3.user.ok": entry("A name was given; whether it exists is never told"),
  "pop3.auth.ok": entry("The login was right and the maildrop is open"),
  "pop3.sasl.challenge": entry("A step of a login's dialogue"),
  "pop3.stls.ready": entry("Answer to STLS: the handshake begins", "setting tls_cert"),
  "pop3.utf8": entry("Answer to UTF8"),
  "pop3.stat": entry("Number and size of all messages"),
  "pop3.list": entry("Number and size of a message"),
  "pop3.uidl": entry("Number and unique-id of a message"),
  "pop3.last": entry("The highest message that was read in this session"),
} as const;

const LOGIN = {
  "pop3.auth.failed": entry(
    "Login or password is wrong; which of them is never told",
    "setting auth_source",
    "qfront poppasswd verify LOGIN tries it here",
  ),
  "pop3.auth.undecided": entry(
    "The login could not be checked: users file, checkpassword or CVM do not answer",
    "setting auth_source",
    "qfront doctor; is there a users/poppasswd.cdb (qfront newpop)?",
  ),
  "pop3.auth.soon": entry(
    "The login comes too soon after the last one",
    "setting pop3_login_delay_seconds",
    "Lower it; 0 is none",
  ),
  "pop3.auth.clear": entry(
    "A password in clear is not taken from there",
    "setting pop3_cleartext",
    "Let the client use TLS, or pop3_cleartext: always",
  ),
  "pop3.sasl.mechanism": entry(
    "A mechanism that is not offered",
    "What the users file stores: a crypt hash does for PLAIN and LOGIN alone",
    "Store {SCRAM-SHA-256} or {PLAIN} secrets for other mechanisms",
  ),
  "pop3.sasl.malformed": entry("A login's response is not of the mechanism's form"),
  "pop3.sasl.cancelled": entry("The client gave its login up"),
  "pop3.stls.done": entry("STLS under TLS"),
  "pop3.stls.pipelined": entry(
    "Something was sent behind STLS before TLS was there: an attack, or a broken client",
    "RFC 2595",
    "None: it is never taken",
  ),
  "pop3.user.first": entry("PASS without USER"),
  "pop3.maildrop.temporary": entry(
    "The maildrop can't be opened now",
    "The Maildir that the trace names; the keeper, where it is gone",
    "qfront doctor --only deliveries",
  ),
  "pop3.maildrop.in_use": entry(
    "Another session has the maildrop",
    "setting pop3_lock",
    "pop3_lock: off, or wait for the other session's end",
  ),
  "pop3.maildrop.permanent": entry(
    "The maildrop can't be opened and will not be by itself: no owner, no Maildir, or root's",
    "users/poppasswd, the look-up of the login as an address",
    "The trace names what is missing",
  ),
} as const;

const SESSION = {
  "pop3.unknown": entry(
    "No command of POP3, or none that is known here",
    "setting pop3_max_errors",
  ),
  "pop3.syntax": entry("A command's arguments are wrong", "setting pop3_max_errors"),
  "pop3.line.long": entry("A command line is too long", "setting pop3_line_bytes", "Raise it"),
  "pop3.state.authorization": entry("A command that needs a login, without it"),
  "pop3.state.transaction": entry("A second login in one session"),
  "pop3.errors": entry("Too many mistakes in one session", "setting pop3_max_errors", "Raise it"),
  "pop3.message.zero": entry("Message 0: they are counted from 1"),
  "pop3.message.none": entry("There is no message of that number"),
  "pop3.message.deleted": entry("The message was deleted in this session; RSET takes that back"),
  "pop3.message.gone": entry("The message's file was taken away by another program meanwhile"),
  "pop3.message.unreadable": entry(
    "The message's file can't be read",
    "Its permissions, or the disk",
    "The trace names file and reason",
  ),
  "pop3.update.failed": entry(
    "Some messages that were deleted could not be taken away; they will be there again",
    "Permissions of the Maildir, or the disk",
    "The trace names file and reason",
  ),
  "pop3.failure": entry("Something failed here that nobody foresaw; the trace has it"),
  "pop3.sessions": entry(
    "All sessions, or those of this address, are taken",
    "settings max_sessions, max_sessions_per_address",
    "Raise them",
  ),
  "pop3.stopping": entry("The service is being stopped", "setting shutdown_seconds"),
} as const;

export const POP3_ENTRIES = { ...GOOD, ...LOGIN, ...SESSION } as const;
