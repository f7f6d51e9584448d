/**
 * From the command line to a sub-command. Without one, standard input that is no terminal is an SMTP session
 * (`cat smtp.txt | qfront`, tcpserver, inetd) and a terminal gets the help.
 *
 * Each command's module is loaded only when it is asked for: a stdin session starts a process per connection.
 */
import {
  EXIT_IO,
  EXIT_SOFTWARE,
  exitCodeOf,
  parseCommand,
  runCommand,
  StreamError,
  UsageError,
} from "./command.ts";
import type { CommandTable } from "./help.ts";
import { complain as say, faultText, print } from "./say.ts";
import { VERSION } from "./version.ts";

/** Every command that help names. */
export const COMMANDS: CommandTable = {
  serve: async () => (await import("./serve.ts")).SERVE,
  smtp: async () => (await import("./smtp.ts")).SMTP,
  pop3: async () => (await import("./pop3.ts")).POP3,
  qmtp: async () => (await import("./qmtp.ts")).QMTP,
  qmqp: async () => (await import("./qmqp.ts")).QMQP,
  lookup: async () => (await import("./lookup.ts")).LOOKUP,
  poppasswd: async () => (await import("./poppasswd.ts")).POPPASSWD,
  newpop: async () => (await import("./newpop.ts")).NEWPOP,
  transcript: async () => (await import("./transcript.ts")).TRANSCRIPT,
  bans: async () => (await import("./bans.ts")).BANS,
  ctl: async () => (await import("./ctl.ts")).CTL,
  watch: async () => (await import("./watch.ts")).WATCH,
  explain: async () => (await import("./explain.ts")).EXPLAIN,
  doctor: async () => (await import("./doctor.ts")).DOCTOR,
  reply: async () => (await import("./reply.ts")).REPLY,
  init: async () => (await import("./init.ts")).INIT,
  completions: async () => (await import("./completions.ts")).makeCompletions(COMMANDS),
  report: async () => (await import("./report.ts")).REPORT,
  replay: async () => (await import("./replay.ts")).REPLAY,
  diff: async () => (await import("./diff.ts")).DIFF,
  shadow: async () => (await import("./shadow.ts")).SHADOW,
  promote: async () => (await import("./promote.ts")).PROMOTE,
  demote: async () => (await import("./promote.ts")).DEMOTE,
  help: async () => (await import("./help.ts")).makeHelp(COMMANDS),
};

/** What serve starts by itself, and no help names. */
const HIDDEN: CommandTable = {
  keeper: async () => (await import("./keeper.ts")).KEEPER,
};

function nearest(word: string): string {
  const start = word.toLowerCase().slice(0, 3);
  const close = Object.keys(COMMANDS).find((name) =>
    name.startsWith(start) || start.startsWith(name.slice(0, 3))
  );
  return start === "" || close === undefined ? "" : `, perhaps "${close}" was meant`;
}

/** Runs one command; the result is the exit code. Errors of the caller become one sentence on standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const first = argv[0];
    if (first === "--version" || first === "-V") {
      print(`qfront ${VERSION}`);
      return 0;
    }
    if (first === "--help" || first === "-h") return await runNamed("help", []);
    if (first !== undefined && !first.startsWith("-")) {
      return await runNamed(first, argv.slice(1));
    }
    await requireOptions(argv);
    return Deno.stdin.isTerminal() ? await runNamed("help", []) : await runNamed("smtp", argv);
  } catch (error) {
    const code = exitCodeOf(error);
    if (code !== null && error instanceof Error) return complain(error.message, code);
    if (error instanceof StreamError) {
      return error.message === "" ? EXIT_IO : complain(error.message, EXIT_IO);
    }
    return complain(`Internal error: ${faultText(error)}`, EXIT_SOFTWARE);
  }
}

/**
 * Options alone are those of one session on standard input; at a terminal, where nobody types one by accident, they get
 * the help when they are right. @throws {UsageError}
 */
async function requireOptions(args: readonly string[]): Promise<void> {
  const [word] = parseCommand((await import("./smtp.ts")).SMTP, args).operands;
  if (word === undefined || !Object.hasOwn(COMMANDS, word)) return;
  throw new UsageError(`The command comes before its options: qfront ${word} ...`);
}

async function runNamed(name: string, args: readonly string[]): Promise<number> {
  const table = Object.hasOwn(HIDDEN, name) ? HIDDEN : COMMANDS;
  const load = Object.hasOwn(table, name) ? table[name] : undefined;
  if (load === undefined) {
    throw new UsageError(`There is no command "${name}"${nearest(name)} (see qfront help)`);
  }
  return await runCommand(await load(), args, print);
}

function complain(sentence: string, code: number): number {
  say(sentence);
  return code;
}
