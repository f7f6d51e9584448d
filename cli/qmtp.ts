/** `qfront qmtp`: one QMTP session on standard input, in place of qmail-qmtpd. */
import { stdinCommand } from "./stdin_command.ts";

export const QMTP = stdinCommand(
  "qmtp",
  "one QMTP session on standard input",
  "In place of qmail-qmtpd under tcpserver or inetd (TCPREMOTEIP, RELAYCLIENT ...\n" +
    "in the environment).",
  "tcpserver -x /etc/tcp.qmtp.cdb 0 209 qfront qmtp",
);
