/**
 * `qfront newpop`: makes users/poppasswd.cdb, which the services read, from users/poppasswd, which
 * people edit.
 *
 * The new file takes the old one's place only when it is complete and on disk. A line that no login
 * could use, or a login that stands there twice, leaves the old one in force: a typing error locks
 * nobody out.
 */
import { type Hasher, makeHasher } from "../auth/crypt.ts";
import { type PoppasswdEntry, type PoppasswdLine, readPoppasswd } from "../auth/poppasswd_file.ts";
import { looksOf, replaceFile } from "../auth/replace_file.ts";
import { makeCdb } from "../cdb/mod.ts";
import { type Command, type ParsedArgs, UsageError } from "./command.ts";
import {
  editing,
  findUsers,
  PLACE_OPTIONS,
  readUsersOrFail,
  REAL_IO,
  runTool,
  siteError,
  type ToolIo,
  type UsersSite,
} from "./users_site.ts";

/** A fault of one line, for people. */
export interface LineFault {
  readonly number: number;
  readonly login: string;
  readonly fault: string;
}

/**
 * What is wrong with the lines: unusable ones, and those whose hash can't be computed on this host.
 */
export function lineFaults(lines: readonly PoppasswdLine[], hasher: Hasher): LineFault[] {
  const missing = new Map<string, string | null>();
  const missingFor = ({ format, hash }: PoppasswdEntry) => {
    const known = missing.get(format.costClass);
    if (known !== undefined) return known;
    const fault = hasher.missing(hash);
    missing.set(format.costClass, fault);
    return fault;
  };
  return lines.flatMap((line): LineFault[] => {
    if (line.kind === "comment") return [];
    if (line.kind === "unusable") return [line];
    const fault = missingFor(line.entry);
    return fault === null ? [] : [{ number: line.number, login: line.entry.login, fault }];
  });
}

/** One fault as a line of text. */
export function faultText({ number, login, fault }: LineFault): string {
  return `line ${number}${login === "" ? "" : `, login "${login}"`}: ${fault}`;
}

function* records(lines: readonly PoppasswdLine[]): Generator<readonly [string, string]> {
  for (const line of lines) if (line.kind === "login") yield [line.entry.login, line.rest];
}

/** Builds the cdb; the caller holds the lock. The result is the exit code. @throws {SiteError} */
export function buildCdb(site: UsersSite, io: ToolIo): number {
  const begun = performance.now();
  const lines = readPoppasswd(readUsersOrFail(site.text));
  const faults = lineFaults(lines, makeHasher());
  if (faults.length > 0) {
    for (const fault of faults) io.err(`${site.text} ${faultText(fault)}`);
    io.err(`qfront: "${site.cdb}" stays as it was, because of the ${faults.length} faults above`);
    return 1;
  }
  const bytes = makeCdb(records(lines));
  try {
    replaceFile(site.cdb, bytes, looksOf(site.cdb, site.text), io.steps);
  } catch (error) {
    throw siteError(site.cdb, error);
  }
  const count = lines.filter((l) => l.kind === "login").length;
  const seconds = ((performance.now() - begun) / 1000).toFixed(3);
  io.out(`${site.cdb}: ${count} logins, ${bytes.length} bytes, ${seconds} seconds`);
  return 0;
}

/** The command over `io`. */
export const makeNewpop = (io: ToolIo): Command => ({
  name: "newpop",
  about: "make users/poppasswd.cdb from users/poppasswd",
  operands: "",
  text: "Makes users/poppasswd.cdb, which the services read, from users/poppasswd. They\n" +
    "see it at the next login. When a line can't be used by any login, or a login\n" +
    "stands there twice, the lines are named, the old file stays in force and the\n" +
    "exit code is 1.",
  options: PLACE_OPTIONS,
  examples: ["qfront newpop"],
  async run(args: ParsedArgs): Promise<number> {
    if (args.operands.length > 0) throw new UsageError("newpop takes no operands");
    const site = findUsers(args, io);
    return await editing(site, () => buildCdb(site, io));
  },
});

export const NEWPOP: Command = makeNewpop(REAL_IO);

/** Runs `qfront newpop` with these arguments; the result is the exit code. */
export function runNewpop(args: readonly string[], io: ToolIo = REAL_IO): Promise<number> {
  return runTool(makeNewpop(io), args, io);
}
