/**
 * What the tools for users/poppasswd share: where the files are, how they are read, what speaks to
 * the person.
 */
import { fromBytes, fromUtf8, toBytes } from "../auth/bytes.ts";
import { MAX_PASSWORD_BYTES } from "../auth/crypt.ts";
import { type FileLooks, type FileSteps, looksOf, withLock } from "../auth/replace_file.ts";
import { askSecret, SecretAborted } from "./ask_secret.ts";
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  RefusedError,
  runAlone,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { printBytes } from "./say.ts";

/** The outside world, as far as these tools touch it. Text is binary: one char a byte. */
export interface ToolIo {
  out(line: string): void;
  err(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks without echo; null: there is no terminal. */
  askSecret(prompt: string): string | null;
  readStdin(): Promise<Uint8Array>;
  /** Steps of replacing a file; absent: the real ones. */
  readonly steps?: FileSteps;
}

async function readStdin(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of Deno.stdin.readable) parts.push(chunk);
  return toBytes(parts.map(fromBytes).join(""));
}

/** Standard input and output, and the terminal. */
export const REAL_IO: ToolIo = {
  out: (line) => printBytes(toBytes(`${line}\n`)),
  err: (line) => {
    try {
      Deno.stderr.writeSync(toBytes(`${line}\n`));
    } catch {
      // Nobody is left to tell.
    }
  },
  env: {
    get QMAILHOME() {
      return Deno.env.get("QMAILHOME");
    },
  },
  askSecret(prompt) {
    try {
      return askSecret(prompt);
    } catch (error) {
      throw error instanceof SecretAborted ? new RefusedError(error.message) : error;
    }
  },
  readStdin,
};

/** Options with which a tool finds the site. */
export const PLACE_OPTIONS = SITE_OPTIONS.filter((o) =>
  o.name === "qmail-dir" || o.name === "root"
);

export interface UsersSite {
  /** Paths as Deno's file calls take them. */
  readonly directory: string;
  readonly text: string;
  readonly cdb: string;
  readonly lock: string;
}

/** Where the users' files are. @throws {SiteError} when there is no directory for them. */
export function findUsers(args: ParsedArgs, io: ToolIo): UsersSite {
  const home = args.value("qmail-dir") ?? (io.env.QMAILHOME || "/var/qmail");
  const root = (args.value("root") ?? "").replace(/\/+$/, "");
  const directory = `${root}${home.replace(/\/+$/, "")}/users`;
  try {
    if (!Deno.statSync(directory).isDirectory) {
      throw new SiteError(`"${directory}" is no directory`);
    }
  } catch (error) {
    if (error instanceof SiteError) throw error;
    throw siteError(directory, error);
  }
  const text = `${directory}/poppasswd`;
  return { directory, text, cdb: `${text}.cdb`, lock: `${text}.lock` };
}

/** A file that can't be used, as one sentence. */
export function siteError(path: string, error: unknown): SiteError {
  if (error instanceof Deno.errors.NotFound) return new SiteError(`"${path}" does not exist`);
  return new SiteError(`"${path}" can't be used: ${reasonOf(error)}`);
}

/** The file's text, binary; null when there is no such file. @throws {SiteError} */
export function readUsers(path: string): string | null {
  try {
    return fromBytes(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw siteError(path, error);
  }
}

/** The same, where the file must be there. @throws {SiteError} */
export function readUsersOrFail(path: string): string {
  const text = readUsers(path);
  if (text === null) throw new SiteError(`"${path}" does not exist`);
  return text;
}

/** Runs `work` as the only editor. @throws {SiteError} when the lock file can't be opened. */
export function editing<T>(site: UsersSite, work: () => T | Promise<T>): Promise<T> {
  let looks: FileLooks | null;
  try {
    looks = looksOf(site.text, site.directory);
    Deno.openSync(site.lock, { write: true, create: true, mode: 0o600 }).close();
  } catch (error) {
    throw siteError(site.lock, error);
  }
  return withLock(site.lock, looks, work);
}

/** A login from the command line, as bytes. */
export const loginArgument = (word: string): string => fromUtf8(word);

/** Refuses what can't be a password. */
function checked(password: string): string {
  if (password === "") throw new RefusedError("The password is empty");
  if (password.length > MAX_PASSWORD_BYTES) {
    throw new RefusedError(`The password is longer than ${MAX_PASSWORD_BYTES} bytes`);
  }
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(password)) {
    throw new RefusedError("The password has a control character");
  }
  if (password.includes(fromUtf8("\ufffd"))) {
    throw new RefusedError("The password is not UTF-8: give it on standard input with --stdin");
  }
  return password;
}

/** The first line of standard input, or what is typed without echo, `twice` if asked. */
export async function readPassword(
  args: ParsedArgs,
  io: ToolIo,
  twice: boolean,
): Promise<string> {
  if (args.has("stdin")) {
    const [line = ""] = fromBytes(await io.readStdin()).split("\n");
    return checked(line.replace(/\r$/, ""));
  }
  const first = io.askSecret("Password:");
  if (first === null) {
    throw new UsageError("Standard input is no terminal: give the password with --stdin");
  }
  checked(first);
  if (twice && io.askSecret("Again:") !== first) {
    throw new RefusedError("The two passwords are not the same: nothing was changed");
  }
  return first;
}

/** Runs a tool as the shell would, over `io`. The result is the exit code: 1 refused, 64 usage, 78 site. */
export function runTool(
  command: Command,
  args: readonly string[],
  io: ToolIo,
): Promise<number> {
  return runAlone(command, args, (line) => io.out(line), (line) => io.err(fromUtf8(line)));
}
