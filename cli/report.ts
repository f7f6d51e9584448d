/**
 * `qfront report`: what logs say about a period - who was refused and why, who guesses, what was accepted and bounced, what
 * waits in the queue - as text, JSON or one HTML page. `--anonymise` masks old logs instead.
 *
 * It reads; only --html and --anonymise write. A site is opened for --check alone, and for the place of the queue.
 */
import {
  anonymiseFile,
  findSources,
  htmlReport,
  makeProgress,
  maskOf,
  parseMoment,
  parseSpan,
  type Period,
  type Privacy,
  PRIVACY_LEVELS,
  type ReadCount,
  readQueue,
  recheck,
  type Report,
  type Source,
  SourceError,
  summarize,
  tallyLogs,
  textReport,
} from "../report/mod.ts";
import type { Command, ParsedArgs } from "./command.ts";
import {
  EXIT_IO,
  reasonOf,
  SITE_OPTIONS,
  StreamError,
  streamError,
  UsageError,
} from "./command.ts";
import { findSite, openLookup, readSettings } from "./site.ts";

/** The outside world, as far as this command touches it. */
export interface ReportIo {
  readonly isTerminal: boolean;
  /** Columns of a terminal's colours are wanted: no NO_COLOR. */
  readonly wantsColour: boolean;
  readonly isErrorTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  now(): number;
}

function writeAll(stream: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    throw streamError("output", error);
  }
}

/** The process' own. */
export const realIo = (): ReportIo => ({
  isTerminal: Deno.stdout.isTerminal(),
  wantsColour: !Deno.noColor,
  isErrorTerminal: Deno.stderr.isTerminal(),
  out: (text) => writeAll(Deno.stdout, text),
  err: (text) => writeAll(Deno.stderr, text),
  now: Date.now,
});

/** --since, --from, --until. @throws {UsageError} */
export function periodOf(args: ParsedArgs, nowMs: number): Period {
  const moment = (name: string): number | null => {
    const text = args.value(name);
    if (text === undefined) return null;
    const ms = parseMoment(text);
    if (ms !== null) return ms;
    throw new UsageError(`--${name} "${text}" is no time (2026-03-01, 2026-03-01T14:00)`);
  };
  const since = args.value("since");
  const span = since === undefined ? null : parseSpan(since);
  if (since !== undefined && span === null) {
    throw new UsageError(`--since "${since}" is no span of time (90m, 24h, 7d, 4w)`);
  }
  if (span !== null && args.value("from") !== undefined) {
    throw new UsageError("--since and --from can't both be given");
  }
  return { fromMs: span === null ? moment("from") : nowMs - span, untilMs: moment("until") };
}

function privacyOf(args: ParsedArgs, otherwise: Privacy): Privacy {
  const text = args.value("privacy") ?? otherwise;
  const found = PRIVACY_LEVELS.find((level) => level === text);
  if (found !== undefined) return found;
  throw new UsageError(`--privacy "${text}" is not one of: ${PRIVACY_LEVELS.join(", ")}`);
}

/** Rows of each table. @throws {UsageError} */
function topOf(args: ParsedArgs): number {
  const text = args.value("top") ?? "10";
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(`--top "${text}" is no number from 1 to 9999`);
}

/** Where qmail is, when that can be told without being asked. */
function siteDirectory(args: ParsedArgs): string | null {
  const isNamed = args.has("check") ||
    ["qmail-dir", "root"].some((name) => args.value(name) !== undefined);
  if (isNamed) return findSite(args).path;
  try {
    return findSite(args).path;
  } catch {
    return null;
  }
}

function isReadable(directory: string): boolean {
  try {
    Deno.readDirSync(directory)[Symbol.iterator]().next();
    return true;
  } catch {
    return false;
  }
}

/** --queue, else the site's where it can be read. */
function queueDirectory(args: ParsedArgs): string | null {
  const given = args.value("queue");
  if (given !== undefined) {
    if (isReadable(given)) return given;
    throw new SourceError(`Queue "${given}" can't be read`);
  }
  const site = siteDirectory(args);
  return site !== null && isReadable(`${site}/queue/info`) ? `${site}/queue` : null;
}

type Counted = Awaited<ReturnType<typeof tallyLogs>>;

/** Asks the look-up when a site is named. */
async function recheckOf(
  args: ParsedArgs,
  { tally }: Counted,
  options: Parameters<typeof recheck>[3],
  complain: (sentence: string) => void,
) {
  const isWanted = args.has("check") ||
    ["qmail-dir", "root"].some((name) => args.value(name) !== undefined);
  if (!isWanted) return null;
  const place = findSite(args);
  const settings = (await readSettings(place, complain)).current;
  const lookup = openLookup(place, settings, { isService: false });
  return await recheck(tally, lookup, lookup.control.lines("virtualdomains") ?? [], options);
}

async function makeReport(
  args: ParsedArgs,
  sources: readonly Source[],
  io: ReportIo,
): Promise<Report> {
  const nowMs = io.now();
  const period = periodOf(args, nowMs);
  const mask = maskOf(privacyOf(args, "none"));
  const top = topOf(args);
  const queue = queueDirectory(args);
  const total = sources.some(({ bytes }) => bytes === 0)
    ? 0
    : sources.reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = makeProgress({ isTerminal: io.isErrorTerminal, write: io.err }, total);
  const counted = await tallyLogs(sources, period, ({ bytes }) => progress.update(bytes))
    .finally(() => progress.done());
  const complain = (sentence: string) => io.err(`qfront: ${sentence}\n`);
  return summarize(counted.tally, {
    ...period,
    top,
    mask,
    nowMs,
    host: Deno.hostname(),
    files: sources.length,
    count: counted.count,
    recheck: await recheckOf(args, counted, { mask, top }, complain),
    queue: queue === null ? null : readQueue(queue, mask, args.has("verbose")),
  });
}

/** JSON that a terminal can show: control characters are escaped. */
export const jsonReport = (report: unknown): string =>
  `${JSON.stringify(report, null, 2)}\n`.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** What `path` leads to by links; itself where there is nothing yet. */
function targetOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

/** True where a new file may take the place of what is there: a device or a pipe is written to. */
function isReplaceable(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Written beside itself and moved, so that a reader never sees half a page. */
function writePage(path: string, page: string): void {
  try {
    const target = targetOf(path);
    if (!isReplaceable(target)) return Deno.writeTextFileSync(target, page);
    const made = `${target}.qfront-${Deno.pid}`;
    Deno.writeTextFileSync(made, page);
    Deno.renameSync(made, target);
  } catch (error) {
    throw new StreamError(`Page "${path}" can't be written: ${reasonOf(error)}`);
  }
}

async function anonymise(
  args: ParsedArgs,
  sources: readonly Source[],
  io: ReportIo,
): Promise<number> {
  const older = args.value("anonymise") ?? "";
  const span = parseSpan(older);
  if (span === null) throw new UsageError(`--anonymise "${older}" is no span of time (30d, 4w)`);
  if (sources.some(({ name }) => name === "-")) {
    throw new UsageError("--anonymise takes files, not standard input");
  }
  const mask = maskOf(privacyOf(args, "hash"));
  if (mask.level === "none") throw new UsageError('--anonymise with --privacy "none" does nothing');
  for (const source of sources) {
    if (source.beforeMs > io.now() - span) {
      io.out(`${source.name}: kept, written to within the last ${older}\n`);
      continue;
    }
    const count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
    await anonymiseFile(source, mask, count);
    io.out(`${source.name}: ${count.lines} lines masked (${mask.level})\n`);
  }
  return 0;
}

async function run(args: ParsedArgs, io: ReportIo): Promise<number> {
  const { operands } = args;
  if (operands.length === 0 && args.value("queue") === undefined) {
    throw new UsageError('report wants logs: qfront report FILE..., "-" for standard input');
  }
  try {
    const sources = findSources(operands, io.now());
    if (args.value("anonymise") !== undefined) return await anonymise(args, sources, io);
    const report = await makeReport(args, sources, io);
    const page = args.value("html");
    if (page !== undefined) writePage(page, htmlReport(report));
    if (args.has("json")) io.out(jsonReport(report));
    else if (page === undefined) io.out(textReport(report, io.isTerminal && io.wantsColour));
    return 0;
  } catch (error) {
    return sourceTrouble(error, io);
  }
}

/** A log that can't be read is one sentence and 74; anything else is thrown on. */
export function sourceTrouble(error: unknown, io: Pick<ReportIo, "err">): number {
  if (!(error instanceof SourceError)) throw error;
  io.err(`qfront: ${error.message}\n`);
  return EXIT_IO;
}

/** The command over `io`. */
export const makeReportCommand = (io: () => ReportIo): Command => ({
  name: "report",
  about: "what logs and the queue say about a period",
  operands: "FILE...",
  text: "Reads our trace, qmail-send, tcpserver and rblsmtpd logs, also gzip'd.",
  options: [
    { name: "since", value: "SPAN", about: "the last 24h, 7d, 4w" },
    { name: "from", value: "TIME", about: "from 2026-03-01 or 2026-03-01T14:00 on" },
    { name: "until", value: "TIME", about: "before that time" },
    { name: "json", about: "as one JSON object" },
    { name: "html", value: "FILE", about: "as a page into FILE" },
    { name: "top", value: "N", about: "rows of each table (10)" },
    { name: "check", about: "look recipients up again (a named site: always)" },
    { name: "queue", value: "DIR", about: "qmail's queue (the site's)" },
    { name: "verbose", short: "v", about: "each message of the queue" },
    {
      name: "privacy",
      value: "HOW",
      words: PRIVACY_LEVELS,
      about: "mask addresses: none, network, hash, hide",
    },
    { name: "anonymise", value: "SPAN", about: "instead, mask addresses in FILEs so old" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront report --since 7d /var/log/qfront/trace*"],
  run: (args) => run(args, io()),
});

export const REPORT: Command = makeReportCommand(realIo);
