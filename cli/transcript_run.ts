/**
 * `qfront transcript run`: plays files, prints the first difference of each and how it went in all.
 *
 * Exit codes: 0 as it should be, 1 a server said something else, 2 a file could not be played.
 */
import { describeDifference, hintFor } from "../transcript/describe.ts";
import { dialPartner } from "../transcript/dial.ts";
import type { TranscriptSetup } from "../transcript/format.ts";
import { describeOutcome, type Ground, type Outcome, playFile } from "../transcript/play_file.ts";
import { type ParsedArgs, reasonOf, SITE_OPTIONS, SiteError, UsageError } from "./command.ts";
import { copyOf, itself, type SiteArgs } from "./transcript_copy.ts";
import { siteGround } from "./transcript_site.ts";

const EXIT_DIFFERENT = 1;
const EXIT_UNPLAYED = 2;
const SILENCE_MILLIS = 600_000;

/** The transcripts that operands name: files as they are, of directories all that end in .txt. @throws {UsageError} */
export function transcriptFiles(operands: readonly string[]): string[] {
  return operands.flatMap((path) => {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch {
      return [path]; // Said when it is its turn.
    }
    if (!info.isDirectory) return [path];
    const found = textFiles(path === "/" ? "" : path.replace(/\/+$/, "")).sort();
    if (found.length === 0) throw new UsageError(`There is no .txt file in "${path}"`);
    return found;
  });
}

/** Names of all that is in a directory. @throws {SiteError} */
function entriesOf(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory || "/")];
  } catch (error) {
    throw new SiteError(`The directory "${directory}" can't be read: ${reasonOf(error)}`);
  }
}

function textFiles(directory: string): string[] {
  return entriesOf(directory).flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) return textFiles(path);
    return entry.name.endsWith(".txt") ? [path] : [];
  });
}

/** What a running server can't be given. */
function wantsOfServer(setup: TranscriptSetup): string[] {
  return [
    ...(setup.settings.length > 0 ? ["@set"] : []),
    ...(Object.keys(setup.env).length > 0 ? ["@env"] : []),
    ...(setup.files.length > 0 ? ["@file"] : []),
    ...(setup.input === "transcript" ? ["@input"] : []),
  ];
}

/** A running server, of whatever make. */
function serverGround(place: string, waitMillis: number, anyway: boolean): Ground {
  const [, hostname = "", port = ""] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(place) ?? [];
  if (port === "" || Number(port) > 65535) {
    throw new UsageError(`--against takes HOST:PORT, not "${place}"`);
  }
  return {
    lacks(setup) {
      const wants = wantsOfServer(setup);
      return anyway || wants.length === 0
        ? null
        : `a running server can't be given its ${wants.join(" ")} (--anyway plays it)`;
    },
    async open(setup) {
      const partner = await dialPartner({
        hostname,
        port: Number(port),
        implicitTls: setup.tls === "implicit",
        waitMillis,
        silenceMillis: SILENCE_MILLIS,
      });
      return { partner, trace: () => [], close: () => partner.close() };
    },
  };
}

function number(args: ParsedArgs, name: string, otherwise: number): number {
  const value = args.value(name);
  if (value === undefined) return otherwise;
  if (/^\d{1,5}$/.test(value) && Number(value) > 0) return Number(value);
  throw new UsageError(`--${name} takes a number from 1 to 99999, not "${value}"`);
}

/** What is for a running server, and what for a site: given for the other it would mean nothing. @throws {UsageError} */
function requireFor(args: ParsedArgs, isServer: boolean): void {
  const wrong = (isServer ? ["copy", "deliver", "piece"] : ["wait", "anyway"])
    .find((name) => args.has(name) || args.values(name).length > 0);
  if (wrong === undefined) return;
  throw new UsageError(
    isServer ? `--against and --${wrong} don't go together` : `--${wrong} needs --against`,
  );
}

const SITE_NAMES = SITE_OPTIONS.map(({ name }) => name);

/** The ground that the command line asks for. @throws {UsageError} */
export function groundOf(args: ParsedArgs): Ground {
  const server = args.value("against");
  requireFor(args, server !== undefined);
  if (server !== undefined) {
    const local = SITE_NAMES.find((name) => args.values(name).length > 0);
    if (local !== undefined) throw new UsageError(`--against and --${local} don't go together`);
    return serverGround(server, number(args, "wait", 10) * 1000, args.has("anyway"));
  }
  const siteArgs: SiteArgs = Object.fromEntries(
    SITE_NAMES.map((name) => [name, args.values(name)]),
  );
  const root = args.value("root");
  if (args.has("copy") && root === undefined) {
    throw new UsageError("--copy needs --root: only a site below a directory of its own is copied");
  }
  const prepare = args.has("copy") ? copyOf(root ?? "", siteArgs) : itself(siteArgs);
  const chunkBytes = number(args, "piece", 0);
  return siteGround({ deliver: args.has("deliver"), chunkBytes, prepare }, args.has("copy"));
}

/** Tells of outcomes as they come, and at the end. */
interface Voice {
  tell(outcome: Outcome, number: number): void;
  end(outcomes: readonly Outcome[]): void;
}

type Print = (line: string) => void;

function summary(outcomes: readonly Outcome[]): string {
  const count = (...kinds: Outcome["kind"][]) =>
    outcomes.filter(({ kind }) => kinds.includes(kind)).length;
  const skipped = count("skipped");
  return `${count("passed")} passed, ${count("differs", "unusable")} failed` +
    (skipped === 0 ? "" : `, ${skipped} skipped`);
}

function personsVoice(print: Print): Voice {
  return {
    tell(outcome) {
      const text = describeOutcome(outcome);
      if (text !== "") print(`${text}${outcome.kind === "differs" ? "\n" : ""}`);
    },
    end: (outcomes) => print(summary(outcomes)),
  };
}

/** The Test Anything Protocol, version 14. */
function tapVoice(print: Print, count: number): Voice {
  print(`TAP version 14\n1..${count}`);
  const name = (text: string) => text.replace(/[\\#]/g, "\\$&");
  return {
    tell(outcome, n) {
      const file = name(outcome.file);
      if (outcome.kind === "passed") return print(`ok ${n} - ${file}`);
      if (outcome.kind === "skipped") return print(`ok ${n} - ${file} # SKIP ${outcome.reason}`);
      print(`not ok ${n} - ${file}`);
      const lines = describeOutcome(outcome).split("\n").map((line) => `    ${line}`);
      print(`  ---\n  message: |\n${lines.join("\n")}\n  ...`);
    },
    end: (outcomes) => print(`# ${summary(outcomes)}`),
  };
}

function jsonVoice(print: Print): Voice {
  return {
    tell() {},
    end(outcomes) {
      const transcripts = outcomes.map((outcome) =>
        outcome.kind !== "differs" ? outcome : {
          kind: outcome.kind,
          file: outcome.file,
          ...outcome.difference,
          hint: hintFor(outcome.difference),
          text: describeDifference(outcome.file, outcome.difference),
          trace: outcome.trace,
        }
      );
      print(JSON.stringify({ summary: summary(outcomes), transcripts }, null, 2));
    },
  };
}

function voiceOf(args: ParsedArgs, count: number, print: Print): Voice {
  if (args.has("json") && args.has("tap")) throw new UsageError("--json or --tap, not both");
  if (args.has("json")) return jsonVoice(print);
  return args.has("tap") ? tapVoice(print, count) : personsVoice(print);
}

/** Plays what `operands` name. @throws {UsageError} */
export async function runTranscripts(
  args: ParsedArgs,
  operands: readonly string[],
  print: Print,
): Promise<number> {
  if (operands.length === 0) throw new UsageError("transcript run needs a file or a directory");
  const ground = groundOf(args);
  const files = transcriptFiles(operands);
  const voice = voiceOf(args, files.length, print);
  const outcomes: Outcome[] = [];
  for (const file of files) {
    const outcome = await playFile(file, ground);
    outcomes.push(outcome);
    voice.tell(outcome, outcomes.length);
  }
  voice.end(outcomes);
  if (outcomes.some(({ kind }) => kind === "unusable")) return EXIT_UNPLAYED;
  return outcomes.some(({ kind }) => kind === "differs") ? EXIT_DIFFERENT : 0;
}
