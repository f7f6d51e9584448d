/**
 * A sub-command as data: what help prints, what the parser takes and what runs all come from one description.
 *
 * Exit codes: 0 done, 1 refused, 64 a wrong argument, 70 a fault of ours, 74 standard input or output failed, 78 a site that can't
 * be used (sysexits); `lookup` adds qmail's 100 and 111.
 */
import { parseArgs } from "@std/cli/parse-args";

export const EXIT_REFUSED = 1;
export const EXIT_USAGE = 64;
export const EXIT_SITE = 78;
export const EXIT_SOFTWARE = 70;
export const EXIT_IO = 74;

/** A wrong argument: the message is one sentence; exit 64. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A site that can't be used: the message is one sentence; exit 78. */
export class SiteError extends Error {
  override name = "SiteError";
}

/** What was asked for is refused, though the site is in order: the message is one sentence; exit 1. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** Standard input or output failed: exit 74. The message is one sentence; empty when the reader has gone away. */
export class StreamError extends Error {
  override name = "StreamError";
}

/** What `error` of reading or writing `stream` means for the command. */
export function streamError(stream: "input" | "output", error: unknown): StreamError {
  if (error instanceof Deno.errors.BrokenPipe) return new StreamError("");
  return new StreamError(`Standard ${stream} failed: ${reasonOf(error)}`);
}

/** Why the system said no, in words: without the runtime's number, call and name of the file. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  const said = error instanceof Error ? error.message : String(error);
  return said.replace(/\s*\(os error \d+\).*$/s, "");
}

export interface CommandOption {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter or digit, without dash. */
  readonly short?: string;
  /** Word for the value in the help; absent: the option takes none. */
  readonly value?: string;
  readonly repeat?: boolean;
  /** What the value may be, for a shell to complete. */
  readonly words?: readonly string[];
  readonly about: string;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly about: string;
  /** What stands behind the name in the usage line, options apart. */
  readonly operands: string;
  /** What an operand may be where the usage line only has a name for it: the checks of CHECK. For a shell to complete. */
  readonly words?: readonly string[];
  /** A few lines of explanation. */
  readonly text: string;
  readonly options: readonly CommandOption[];
  readonly examples: readonly string[];
  run(args: ParsedArgs): Promise<number>;
}

/** What the command line said. */
export interface ParsedArgs {
  readonly operands: readonly string[];
  /** Value of an option; undefined: not given. */
  value(name: string): string | undefined;
  values(name: string): readonly string[];
  has(name: string): boolean;
}

/** Options that every command which opens a site takes. */
export const SITE_OPTIONS: readonly CommandOption[] = [
  { name: "qmail-dir", value: "DIR", about: "qmail's directory (QMAILHOME, else /var/qmail)" },
  { name: "root", value: "DIR", about: "the site lies below DIR: everything absolute does" },
  { name: "trace-cfg", value: "FILE", about: "the settings (control/trace.cfg)" },
  { name: "set", value: "KEY=VALUE", repeat: true, about: "a setting, before trace.cfg" },
  { name: "dns-file", value: "FILE", about: "all answers of the DNS, for a trial" },
];

const HELP: CommandOption = { name: "help", about: "this text" };

/** Stands for an empty value, which the parser would not see; no argument has a NUL. */
const EMPTY = "\0";

/** Each option that takes a value joined to it, so that an empty value, or one that begins with "-", stays a value. */
function withValues(args: readonly string[], taking: readonly CommandOption[]): string[] {
  const names = new Set(taking.map((o) => `--${o.name}`));
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return [...joined, ...args.slice(i)];
    const value = names.has(arg) ? args[i + 1] : undefined;
    if (value !== undefined) {
      joined.push(`${arg}=${value || EMPTY}`);
      i++;
    } else joined.push(names.has(arg.slice(0, -1)) && arg.endsWith("=") ? arg + EMPTY : arg);
  }
  return joined;
}

/** A switch takes no value: "--json=no" would turn it on. @throws {UsageError} */
function refuseValues(switches: readonly CommandOption[], args: readonly string[]): void {
  const end = args.indexOf("--");
  const given = end < 0 ? args : args.slice(0, end);
  const wrong = switches.find((o) => given.some((arg) => arg.startsWith(`--${o.name}=`)));
  if (wrong !== undefined) throw new UsageError(`--${wrong.name} takes no value`);
}

/** Reads `args` as `command` takes them. @throws {UsageError} on an unknown option or a missing value. */
export function parseCommand(command: Omit<Command, "run">, args: readonly string[]): ParsedArgs {
  const options = [...command.options, HELP];
  refuseValues(options.filter((o) => o.value === undefined), args);
  const taking = options.filter((o) => o.value !== undefined);
  const parsed = parseArgs(withValues(args, taking), {
    boolean: options.filter((o) => o.value === undefined).map((o) => o.name),
    string: ["_", ...taking.map((o) => o.name)],
    collect: taking.map((o) => o.name),
    alias: Object.fromEntries(options.filter((o) => o.short).map((o) => [o.name, o.short ?? ""])),
    "--": true,
    unknown: (arg) => {
      if (arg !== "-" && arg.startsWith("-")) {
        throw new UsageError(
          `${command.name} has no option "${arg}" (see qfront ${command.name} --help)`,
        );
      }
      return true;
    },
  });
  const values = (name: string): string[] => {
    const found = parsed[name];
    return Array.isArray(found) ? found.map((v) => v === EMPTY ? "" : String(v)) : [];
  };
  for (const option of taking) {
    const given = values(option.name);
    if (given.includes("") && option.name !== "default-delivery") {
      throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}`);
    }
    if (given.length > 1 && option.repeat !== true) {
      throw new UsageError(`--${option.name} may stand only once`);
    }
  }
  return {
    operands: [...parsed._.map(String), ...(parsed["--"] ?? [])],
    value: (name) => values(name)[0],
    values,
    has: (name) => parsed[name] === true,
  };
}

/** The help text of one command; fits a screen of 80 by 24. */
export function helpText(command: Command): string {
  const usage = `usage: qfront ${command.name} [OPTION]...${
    command.operands === "" ? "" : ` ${command.operands}`
  }`;
  const rows = [...command.options, HELP].map((o): [string, string] => [
    `  ${o.short === undefined ? "" : `-${o.short}, `}--${o.name}${
      o.value === undefined ? "" : ` ${o.value}`
    }`,
    o.about + (o.repeat === true ? " (repeatable)" : ""),
  ]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const lines = rows.map(([left, right]) => left.padEnd(width) + right);
  const examples = command.examples.map((e) => `  ${e}`);
  return [usage, "", command.text.trim(), "", ...lines, "", "example:", ...examples, ""].join("\n");
}

/** Runs a command, or prints its help line by line. @throws {UsageError} or {SiteError}, and what else it throws */
export async function runCommand(
  command: Command,
  args: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  const parsed = parseCommand(command, args);
  if (!parsed.has("help")) return await command.run(parsed);
  print(helpText(command).trimEnd());
  return 0;
}

/** The exit code of an error that is the caller's, the site's or an answer; null: it is none of them. */
export function exitCodeOf(error: unknown): number | null {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof RefusedError) return EXIT_REFUSED;
  return error instanceof SiteError ? EXIT_SITE : null;
}

/** Runs a command as the shell would: such an error becomes one sentence. */
export async function runAlone(
  command: Command,
  args: readonly string[],
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  try {
    return await runCommand(command, args, print);
  } catch (error) {
    const code = exitCodeOf(error);
    if (code === null || !(error instanceof Error)) throw error;
    complain(`qfront: ${error.message}`);
    return code;
  }
}
