/** Settings of the POP3 service (docs/pop3.md). */
import { choice, flag, integer, list } from "./kinds.ts";

export const POP3_SETTINGS = {
  pop3_listen: list([":110"], "HOST:PORT of each POP3 listener"),
  pop3_idle_seconds: integer(
    600,
    "seconds",
    "Longest silence of a client (RFC 1939: 600 or more)",
    1,
  ),
  pop3_session_seconds: integer(86400, "seconds", "Longest POP3 session", 1),
  pop3_max_auth_failures: integer(3, "failures", "Failed logins before the session ends", 1),
  pop3_max_errors: integer(
    20,
    "errors",
    "Commands not understood, or not allowed now, before the session ends",
    1,
  ),
  pop3_line_bytes: integer(
    255,
    "bytes",
    "Longest command line, CRLF included (RFC 2449)",
    64,
    65536,
  ),
  pop3_cleartext: choice(
    ["never", "loopback", "always"],
    "loopback",
    "Who may send a password without TLS: nobody, clients on this machine, everybody",
  ),
  pop3_apop: flag(false, "Offer APOP, for logins whose secret is stored in clear"),
  pop3_login_delay_seconds: integer(
    0,
    "seconds",
    "Shortest time between two logins of one user (LOGIN-DELAY); 0: none",
    0,
    86400,
  ),
  pop3_lock: flag(false, "One session at a time for each maildrop; the next one is told IN-USE"),
  pop3_sizes: choice(
    ["exact", "stat"],
    "exact",
    "Size of a message whose name and the size index do not tell it: counted once, or the file's",
  ),
  pop3_extra_line: flag(false, "End each message with an extra blank line, as qmail-pop3d does"),
  pop3_cache_messages: integer(
    200000,
    "messages",
    "Messages of all Maildirs whose listings are kept in memory between sessions",
  ),
} as const;
