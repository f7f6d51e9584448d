/** The command line of `serve`, which its workers read as well. */
import { type Command, parseCommand, type ParsedArgs, SITE_OPTIONS } from "./command.ts";

export const SERVE_OPTIONS = {
  name: "serve",
  about: "SMTP and POP3 for many clients",
  operands: "",
  text: "Serves until SIGTERM, then finishes what is in hand. SIGHUP reads all again.",
  options: [
    { name: "smtp", value: "HOST:PORT", repeat: true, about: "listen for SMTP (:25); off: don't" },
    { name: "submission", value: "HOST:PORT", repeat: true, about: "for mail of users (:587)" },
    { name: "smtps", value: "HOST:PORT", repeat: true, about: "the same in TLS (:465)" },
    { name: "qmtp", value: "HOST:PORT", repeat: true, about: "for QMTP (off; usually :209)" },
    { name: "qmqp", value: "HOST:PORT", repeat: true, about: "for QMQP (off; usually :628)" },
    { name: "pop3", value: "HOST:PORT", repeat: true, about: "for POP3 (:110); off: don't" },
    { name: "pop3s", value: "HOST:PORT", repeat: true, about: "for POP3 in TLS (:995)" },
    { name: "control", value: "PATH", about: "socket for ctl, bans and watch" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront serve --smtp 127.0.0.1:2525 --pop3 127.0.0.1:1110"],
} as const satisfies Omit<Command, "run">;

/** Reads serve's arguments. @throws {UsageError} */
export function parseServe(argv: readonly string[]): ParsedArgs {
  return withControl(parseCommand(SERVE_OPTIONS, argv));
}

/** --control PATH is the setting control_socket, behind every --set. */
export function withControl(args: ParsedArgs): ParsedArgs {
  const path = args.value("control");
  if (path === undefined) return args;
  const setting = `control_socket=${path}`;
  return {
    ...args,
    values: (name) => name === "set" ? [...args.values(name), setting] : args.values(name),
  };
}
