/**
 * `qfront lookup`: what qmail would do with addresses, from the command line or standard input.
 *
 * Addresses are bytes: those of the command line as the terminal sent them (the runtime takes UTF-8
 * alone there), those of standard input as they are, one a line or ended by NUL. Exit code 0: all deliverable; 100: one is not; 111: one
 * is undecided. It asks, it never delivers.
 */
import { fromLatin1, latin1 } from "../cdb/mod.ts";
import { VALIDATE_EVENTS } from "../trace/events_validate.ts";
import { createLookupService, SiteFault } from "../validate/lookup.ts";
import { binaryPath } from "../validate/system.ts";
import { answerOf, type LookupResult, type SiteLookup } from "../validate/types.ts";
import {
  type Command,
  type ParsedArgs,
  runAlone,
  SITE_OPTIONS,
  SiteError,
  streamError,
  UsageError,
} from "./command.ts";
import { complain, printBytes } from "./say.ts";
import { findSite, readSettings } from "./site.ts";

const EXIT_UNDELIVERABLE = 100;
const EXIT_UNDECIDED = 111;
/** How old, in milliseconds, an answer of the file system may be in a list on standard input. */
const KEEP_MS = 1;

/** The outside world, as far as this command touches it. */
export interface LookupIo {
  /** Bytes of standard input; null at its end. */
  read(buffer: Uint8Array): number | null;
  write(bytes: Uint8Array): void;
}

/** Who sits at a terminal is told what is waited for. */
let isAnnounced = false;

function announce(): void {
  if (isAnnounced) return;
  isAnnounced = true;
  if (Deno.stdin.isTerminal()) complain("Addresses, one a line; Ctrl-D ends them");
}

const REAL_IO: LookupIo = {
  read(buffer) {
    try {
      announce();
      return Deno.stdin.readSync(buffer);
    } catch (error) {
      throw streamError("input", error);
    }
  },
  write: printBytes,
};

const KEYS = [
  "address",
  "route",
  "rewritten",
  "verdict",
  "selector",
  "user",
  "uid",
  "gid",
  "home",
  "dash",
  "ext",
  "qmailfile",
  "reason",
] as const;

/**
 * One object on a line; a key is absent where its step was not reached. Text of U+0000..U+00FF, one
 * char a byte.
 */
export function jsonLine(result: LookupResult): string {
  const fields = KEYS.filter((key) => result[key] !== undefined).map((key) => [key, result[key]]);
  return `${JSON.stringify(Object.fromEntries(fields))}\n`;
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROLS = /[\x00-\x1f\x7f]/g;

/** Control characters as \x1b, so that a line stays a line. */
const visible = (text: string): string =>
  text.replace(CONTROLS, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** One readable line, and with `explain` one more for each step. Binary. */
export function textLines(result: LookupResult): string {
  const steps = (result.steps ?? []).map(({ step, file, key, found }) =>
    `  ${visible(VALIDATE_EVENTS.step.text({ step, file, key, found }))}\n`
  );
  const address = result.address === "" ? '""' : result.address;
  return `${visible(`${address}: ${result.verdict}. ${result.reason}`)}\n${steps.join("")}`;
}

/**
 * Pieces of standard input as addresses; a last one without its end counts, an end without address
 * behind it does not.
 */
function* addressesIn(io: LookupIo, separator: string): Generator<string[]> {
  const buffer = new Uint8Array(65536);
  let partial = "";
  for (let count = io.read(buffer); count !== null; count = io.read(buffer)) {
    const pieces = (partial + latin1(buffer.subarray(0, count))).split(separator);
    partial = pieces.pop() ?? "";
    yield pieces;
  }
  if (partial !== "") yield [partial];
}

/** Exit codes, the graver one winning. */
function codeOf(result: LookupResult): number {
  switch (answerOf(result)) {
    case "deliverable":
      return 0;
    case "undeliverable":
      return EXIT_UNDELIVERABLE;
    case "undecided":
      return EXIT_UNDECIDED;
  }
}

/** --conf-patrn as mode bits; undefined: not given. @throws {UsageError} */
function patternOf(args: ParsedArgs): number | undefined {
  const text = args.value("conf-patrn");
  if (text === undefined) return undefined;
  if (!/^[0-7]{1,4}$/.test(text)) {
    throw new UsageError(`--conf-patrn "${text}" is not one to four octal digits`);
  }
  return parseInt(text, 8);
}

/** --conf-break as a byte; undefined: not given. @throws {UsageError} */
function breakOf(args: ParsedArgs): string | undefined {
  const text = args.value("conf-break");
  if (text === undefined) return undefined;
  if (binaryPath(text).length !== 1) {
    throw new UsageError(`--conf-break "${text}" is not one character`);
  }
  return text;
}

/** Where problems of the settings go: a missing file is none here, because nothing is traced. */
function problemsOf(traceCfg: string): (sentence: string) => void {
  try {
    Deno.statSync(traceCfg);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return () => {};
  }
  return complain;
}

/** The look-up that the command line means. @throws {UsageError} or {SiteError} */
async function openLookup(args: ParsedArgs): Promise<SiteLookup> {
  const confBreak = breakOf(args);
  const confPatrn = patternOf(args);
  const place = findSite(args);
  const settings = (await readSettings(place, problemsOf(place.traceCfg))).current;
  const given = args.value("default-delivery");
  const set = settings.default_delivery === "" ? null : binaryPath(settings.default_delivery);
  try {
    return createLookupService({
      root: place.root,
      qmailDir: place.qmailDir,
      confBreak: confBreak ?? settings.conf_break,
      confPatrn: confPatrn ?? parseInt(settings.conf_patrn, 8),
      defaultDelivery: given === undefined ? set : binaryPath(given),
      users: settings.users,
      recheckMs: 0,
      keepMs: args.operands.length > 0 ? 0 : KEEP_MS,
    });
  } catch (error) {
    if (error instanceof SiteFault) throw new SiteError(error.message);
    throw error;
  }
}

async function run(args: ParsedArgs, io: LookupIo): Promise<number> {
  const lookup = await openLookup(args);
  const json = args.has("json");
  const explain = args.has("steps") && !json;
  let code = 0;
  const batches = args.operands.length > 0
    ? [args.operands.map(binaryPath)]
    : addressesIn(io, args.has("null") ? "\0" : "\n");
  const utf8 = new TextEncoder();
  for (const addresses of batches) {
    const lines: string[] = [];
    for (const address of addresses) {
      const result = lookup.lookup(address, explain);
      code = Math.max(code, codeOf(result));
      lines.push(json ? jsonLine(result) : textLines(result));
    }
    const text = lines.join("");
    io.write(json ? utf8.encode(text) : fromLatin1(text));
  }
  return code;
}

/** The command over `io`. */
export const makeLookup = (io: LookupIo): Command => ({
  name: "lookup",
  about: "what would qmail do with an address?",
  operands: "[ADDRESS]...",
  text: "Without addresses they come from standard input. Exit code 0: all deliverable,\n" +
    "100: one is not, 111: one is undecided.",
  options: [
    { name: "json", about: "one JSON object a line" },
    { name: "null", short: "0", about: "addresses on standard input end with NUL, not LF" },
    { name: "steps", about: "show each step of the look-up" },
    { name: "conf-break", value: "C", about: "between user and extension (-)" },
    { name: "conf-patrn", value: "OCTAL", about: "mode bits that no home may have (002)" },
    { name: "default-delivery", value: "TEXT", about: "what qmail-start got (./Maildir/)" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront lookup --steps joe@example.org board@club.example"],
  run: (args) => run(args, io),
});

export const LOOKUP = makeLookup(REAL_IO);

/**
 * Runs the command on arguments as the shell gives them; complaints go to standard error. The
 * result is the exit code.
 */
export function runLookup(args: readonly string[], io: LookupIo = REAL_IO): Promise<number> {
  const print = (line: string): void => io.write(new TextEncoder().encode(`${line}\n`));
  return runAlone(makeLookup(io), args, print, (line) => console.error(line));
}
