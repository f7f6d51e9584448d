/**
 * `qfront diff OLD_DIR NEW_DIR`: which addresses two sets of control files answer otherwise, and why - before the new one is put
 * into its place.
 *
 * Asked are the attempts of logs, or the addresses of a file, or else all that either tree can name. Users and their homes
 * are the system's, for both. It reads; nothing changes. Exit code as diff(1): 1 where something differs.
 */
import {
  addressesOf,
  Differ,
  type DiffReport,
  diffText,
  type DiffTree,
  type TreePlace,
  UNSEEN_CHECKS,
} from "../replay/mod.ts";
import { type Attempt, findSources, type ReadCount, SourceError } from "../report/mod.ts";
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { PERIOD_OPTIONS, readAttempts, topOf } from "./log_input.ts";
import { judgeOf, openLogTrial } from "./replay.ts";
import { jsonReport, periodOf, realIo, type ReportIo, sourceTrouble } from "./report.ts";
import { findSite, readSettings } from "./site.ts";
import type { Trial } from "./trial.ts";
import { ControlError } from "../validate/types.ts";

/** Something differs. */
const EXIT_DIFFERS = 1;

/** Checks that ask the DNS or remember: no control file has them. */
const SET_ASIDE = "reverse_dns dnsbl helo_dns sender_domain spf".split(" ");
const REMEMBERING = ["rates", "ban", "harvest", "greylist"];

/** One tree, opened. */
interface Side {
  readonly trial: Trial;
  readonly tree: DiffTree;
  readonly place: TreePlace;
  /** Checks that are on and not asked. */
  readonly aside: readonly string[];
}

/** `args` for the tree at `dir`. */
const sideArgs = (args: ParsedArgs, dir: string): ParsedArgs => ({
  ...args,
  value: (name) => name === "qmail-dir" ? dir : args.value(name),
});

/**
 * `args` with the checks of `aside` off. Control files are what is compared, and a directory made for that has no programs:
 * whether the queue can take mail is not asked.
 */
const withoutChecks = (args: ParsedArgs, aside: readonly string[]): ParsedArgs => ({
  ...args,
  values: (name) => {
    const given = args.values(name);
    if (name !== "set") return given;
    return [...given, "queue=qmail-queue", ...aside.map((check) => `${check}=off`)];
  },
});

/** Opens the tree at `dir`. @throws {SiteError} */
async function openSide(given: ParsedArgs, dir: string): Promise<Side> {
  const args = sideArgs(given, dir);
  const found = findSite(args);
  const { path, root, qmailDir } = found;
  if (!isDirectory(`${path}/control`)) {
    throw new SiteError(`"${path}" is no qmail directory: it has no directory "control"`);
  }
  const settings = (await readSettings(found, () => {})).current;
  const unasked = settings.dns_file === "" ? [...SET_ASIDE, ...REMEMBERING] : REMEMBERING;
  const { trial, unasked: count } = await openLogTrial(
    withoutChecks(args, unasked),
    settings,
    false,
  );
  const judge = judgeOf(trial, count, false);
  const { lookup } = trial.site.current;
  const modes = new Map(Object.entries(settings));
  return {
    trial,
    aside: [...unasked, ...UNSEEN_CHECKS].filter((check) => modes.get(check) === "on"),
    tree: {
      qmailDir,
      judge: (attempt) => judge.judge(attempt),
      lookup: (address) => lookup.lookup(address, true),
    },
    place: { path, root, breaks: settings.conf_break, lines: (name) => lookup.control.lines(name) },
  };
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Somebody whom nobody knows wants to write to `recipient`. */
const stranger = (args: ParsedArgs) => (recipient: string): Attempt => ({
  whenMs: null,
  ip: args.value("ip") ?? "192.0.2.1",
  helo: args.value("helo") ?? "client.example.net",
  sender: args.value("from") ?? "somebody@example.net",
  recipient,
  outcome: "refused",
  rule: "",
  session: null,
  login: null,
  qp: null,
  delivered: null,
});

/** Addresses of a file, one a line; "-" is standard input. @throws {SourceError} */
async function addressesIn(path: string): Promise<string[]> {
  try {
    const bytes = path === "-"
      ? await new Response(Deno.stdin.readable).bytes()
      : Deno.readFileSync(path);
    const lines = new TextDecoder("latin1").decode(bytes).split(/\r?\n/);
    return [...new Set(lines.map((line) => line.trim()).filter((line) => !/^(#|$)/.test(line)))];
  } catch (error) {
    const why = reasonOf(error);
    throw new SourceError(`Addresses "${path}" can't be read: ${why}`);
  }
}

/** What is asked. */
interface Question {
  readonly asked: "attempts" | "addresses";
  readonly attempts: AsyncIterable<Attempt> | Iterable<Attempt>;
  readonly notes: readonly string[];
}

async function questionOf(
  args: ParsedArgs,
  sides: readonly Side[],
  io: ReportIo,
): Promise<Question> {
  const logs = args.values("log");
  const file = args.value("addresses");
  if (logs.length > 0) {
    const count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
    const sources = findSources(logs, io.now());
    const attempts = readAttempts(sources, periodOf(args, io.now()), io, count);
    return { asked: "attempts", attempts, notes: [] };
  }
  if (file !== undefined) {
    const addresses = await addressesIn(file);
    return { asked: "addresses", attempts: addresses.map(stranger(args)), notes: [] };
  }
  const named = sides.map(({ place }) => addressesOf(place));
  const addresses = new Set(named.flatMap((one) => one.addresses));
  const notes = new Set(named.flatMap((one) => one.notes));
  return { asked: "addresses", attempts: [...addresses].map(stranger(args)), notes: [...notes] };
}

async function compare(args: ParsedArgs, io: ReportIo): Promise<DiffReport> {
  const [old_dir = "", new_dir = ""] = args.operands;
  const top = topOf(args, "50");
  const old = await openSide(args, old_dir);
  try {
    const now = await openSide(args, new_dir);
    try {
      const { asked, attempts, notes } = await questionOf(args, [old, now], io);
      const differ = new Differ(old.tree, now.tree);
      for await (const attempt of attempts) await differ.take(attempt);
      const set_aside = [...new Set([...old.aside, ...now.aside])];
      return differ.report(top, { old_dir, new_dir, asked, set_aside, notes });
    } finally {
      await now.trial.close();
    }
  } finally {
    await old.trial.close();
  }
}

async function run(args: ParsedArgs, io: ReportIo): Promise<number> {
  if (args.operands.length !== 2) {
    throw new UsageError("diff wants two qmail directories: qfront diff OLD_DIR NEW_DIR");
  }
  if (args.values("log").length > 0 && args.value("addresses") !== undefined) {
    throw new UsageError("--log and --addresses can't both be given");
  }
  try {
    const report = await compare(args, io);
    io.out(args.has("json") ? jsonReport(report) : diffText(report));
    return Object.values(report.changes).every((n) => n === 0) ? 0 : EXIT_DIFFERS;
  } catch (error) {
    if (error instanceof ControlError) throw new SiteError(error.message);
    return sourceTrouble(error, io);
  }
}

/** The command over `io`. */
export const makeDiff = (io: () => ReportIo): Command => ({
  name: "diff",
  about: "which addresses two sets of control files answer otherwise, and why",
  operands: "OLD_DIR NEW_DIR",
  text: "Asks both about attempts of logs, a file of addresses, or all that either names.",
  options: [
    { name: "log", value: "LOG", repeat: true, about: "ask about the attempts of a log" },
    ...PERIOD_OPTIONS,
    { name: "addresses", value: "FILE", about: 'ask about these, one a line; "-": standard input' },
    { name: "ip", value: "ADDRESS", about: "who asks for addresses (192.0.2.1)" },
    { name: "helo", value: "NAME", about: "what it calls itself" },
    { name: "from", value: "SENDER", about: "for whom it asks" },
    { name: "top", value: "N", about: "rows (50)" },
    { name: "json", about: "as one JSON object" },
    ...SITE_OPTIONS.filter(({ name }) => name !== "qmail-dir" && name !== "trace-cfg"),
  ],
  examples: ["qfront diff /var/qmail /root/qmail.new"],
  run: (args) => run(args, io()),
});

export const DIFF: Command = makeDiff(realIo);
