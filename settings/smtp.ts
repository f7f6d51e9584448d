/** Settings of the SMTP service (docs/smtp.md). Limits are enforced in smtp/ itself. */
import { choice, flag, integer, list } from "./kinds.ts";

export const SMTP_SETTINGS = {
  smtp_listen: list([":25"], "HOST:PORT of each SMTP listener"),
  validate: flag(true, "Look every recipient up; off accepts as qmail-smtpd does"),
  on_invalid_rcpt: choice(
    ["terminate", "reject"],
    "terminate",
    "After an invalid recipient end the session, or only refuse the recipient",
  ),
  on_undecided: choice(
    ["defer", "reject"],
    "defer",
    "Answer for a recipient that cannot be decided: 451 or 550",
  ),
  bare_lf: choice(
    ["auto", "reject", "tolerate"],
    "auto",
    "LF without CR in mail data; auto: tolerate in a transcript on standard input, reject elsewhere",
  ),
  command_line_bytes: integer(2048, "bytes", "Longest command line, CRLF included", 512, 1048576),
  max_recipients: integer(100, "recipients", "Recipients of one message; 452 beyond", 1),
  max_messages: integer(0, "messages", "Messages of one session; 0: no limit"),
  max_syntax_errors: integer(
    20,
    "errors",
    "Commands not understood that a session may have; one more ends it",
    1,
  ),
  max_unknown_recipients: integer(
    20,
    "recipients",
    "Unknown recipients that a session may have when on_invalid_rcpt is reject; 0: no limit",
  ),
  max_relay_attempts: integer(
    5,
    "attempts",
    "Refused relay attempts that a session may have; one more ends it",
    1,
  ),
  databytes: integer(0, "bytes", "Largest message; 0: as control/databytes and DATABYTES say"),
  max_hops: integer(
    100,
    "hops",
    "Received and Delivered-To header lines that mean a loop",
    1,
  ),
  smtp_idle_seconds: integer(
    0,
    "seconds",
    "Longest silence of a client; 0: as control/timeoutsmtpd says, else 1200",
  ),
  smtp_session_seconds: integer(
    0,
    "seconds",
    "Longest SMTP session; 0: as SESSION_TIMEOUT says, else 86400",
  ),
} as const;
