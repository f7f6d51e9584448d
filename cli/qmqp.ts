/** `qfront qmqp`: one QMQP request on standard input, in place of qmail-qmqpd. */
import { stdinCommand } from "./stdin_command.ts";

export const QMQP = stdinCommand(
  "qmqp",
  "one QMQP request on standard input",
  "In place of qmail-qmqpd under tcpserver or inetd, for front machines that this\n" +
    "host queues for: give RELAYCLIENT to nobody else.",
  "tcpserver -x /etc/tcp.qmqp.cdb 0 628 qfront qmqp",
);
