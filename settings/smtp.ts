/** Settings of the SMTP service (docs/smtp.md). Limits are enforced in smtp/ itself. */
import { choice, flag, integer, list, type Setting, SettingError, text } from "./kinds.ts";

const SERVICES = ["smtp", "submission"];

/** Words that are services. */
function services(fallback: readonly string[], about: string): Setting<readonly string[]> {
  const words = list(fallback, about);
  return {
    ...words,
    parse(text) {
      const named = words.parse(text.toLowerCase());
      const wrong = named.find((word) => !SERVICES.includes(word));
      if (wrong === undefined) return named;
      throw new SettingError(`"${wrong}" is not one of ${SERVICES.join(", ")}`);
    },
  };
}

export const SMTP_SETTINGS = {
  smtp_listen: list([":25"], "HOST:PORT of each SMTP listener"),
  submission_listen: list([], "HOST:PORT of each submission listener, such as :587"),
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
  tcp_rules: text(
    "",
    "Connection rules of SMTP listeners: a text of tcprules, or a .cdb made of one; empty: none",
  ),
  smtp_auth: choice(
    ["off", "tls", "always"],
    "tls",
    "AUTH never, only under TLS, or in clear too",
  ),
  smtp_auth_services: services(
    ["submission"],
    "Where AUTH is offered: submission (587, 465), smtp (25)",
  ),
  max_auth_failures: integer(
    3,
    "failures",
    "Failed logins that an SMTP session may have; one more ends it",
    0,
  ),
  reply_session_id: flag(
    false,
    "Refusals end in the session's number in the trace: [s:25466]",
  ),
  sender_login_map: flag(
    false,
    "Who is logged in may only send as himself and as control/senderlogins allows",
  ),
} as const;
