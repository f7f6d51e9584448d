/** `qfront pop3`: one POP3 session on standard input, in place of qmail-popup, checkpassword and qmail-pop3d. */
import { stdinCommand } from "./stdin_command.ts";

export const POP3 = stdinCommand(
  "pop3",
  "one POP3 session on standard input",
  "In place of qmail-popup, checkpassword and qmail-pop3d under tcpserver or inetd.",
  "tcpserver 0 110 qfront pop3",
);
