/** `qfront smtp`: one SMTP session on standard input, in place of qmail-smtpd. */
import { stdinCommand } from "./stdin_command.ts";

export const SMTP = stdinCommand(
  "smtp",
  "one SMTP session on standard input",
  "In place of qmail-smtpd under tcpserver or inetd (TCPREMOTEIP, RELAYCLIENT ...\n" +
    "in the environment), or on a transcript.",
  "cat smtp.txt | qfront smtp",
);
