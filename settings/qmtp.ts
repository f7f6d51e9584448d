/** Settings of the QMTP and QMQP services (docs/qmtp.md). What judges recipients is set with SMTP's. */
import { integer, list } from "./kinds.ts";

export const QMTP_SETTINGS = {
  qmtp_listen: list([], "HOST:PORT of each QMTP listener, such as :209"),
  qmqp_listen: list([], "HOST:PORT of each QMQP listener, such as :628"),
  qmtp_idle_seconds: integer(300, "seconds", "Longest silence of a QMTP or QMQP client", 1),
  qmtp_session_seconds: integer(3600, "seconds", "Longest QMTP or QMQP session", 1),
  qmtp_message_bytes: integer(
    200000000,
    "bytes",
    "Longest message netstring, and longest QMQP netstring; a longer one ends the session",
    1,
  ),
  qmtp_recipients_bytes: integer(
    4194304,
    "bytes",
    "Longest netstring of recipients (QMTP); a longer one ends the session",
    1,
  ),
  qmqp_max_recipients: integer(100000, "recipients", "Recipients of one QMQP message", 1),
} as const;
