/**
 * A transcript file, played: what `qfront transcript run` does with each file, and the project's own tests too.
 *
 * Where it is played is a Ground: a site in this process, or a running server.
 */
import { describeDifference } from "./describe.ts";
import type { Difference } from "./difference.ts";
import {
  parseTranscript,
  type Transcript,
  TranscriptError,
  type TranscriptSetup,
} from "./format.ts";
import type { Partner } from "./partner.ts";
import { playTranscript } from "./player.ts";

/** One session's place. */
export interface Scene {
  readonly partner: Partner;
  /** What was traced, line by line; empty where nobody knows. */
  trace(): readonly string[];
  close(): Promise<void>;
}

/** Where transcripts are played. */
export interface Ground {
  /** Why a transcript with this setup can't be played here; null: it can. */
  lacks(setup: TranscriptSetup): string | null;
  /** @throws {Error} with a sentence when the scene can't be set. */
  open(setup: TranscriptSetup): Promise<Scene>;
}

/** What became of one file. */
export type Outcome =
  | { readonly kind: "passed"; readonly file: string }
  | {
    readonly kind: "differs";
    readonly file: string;
    readonly difference: Difference;
    readonly trace: readonly string[];
  }
  /** It can't be played here: `reason` says why. */
  | { readonly kind: "skipped"; readonly file: string; readonly reason: string }
  /** It can't be read, or the ground gave way. */
  | { readonly kind: "unusable"; readonly file: string; readonly reason: string };

/** A file as a binary string. */
export function readBinary(path: string): string {
  const bytes = Deno.readFileSync(path);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Plays the transcript in `text` on `ground`; `file` names it. Never throws. */
export async function playText(file: string, text: string, ground: Ground): Promise<Outcome> {
  try {
    const transcript = parseTranscript(text);
    const lacks = ground.lacks(transcript.setup);
    if (lacks !== null) return { kind: "skipped", file, reason: lacks };
    return await playOn(file, transcript, await ground.open(transcript.setup));
  } catch (error) {
    if (error instanceof TranscriptError) {
      return { kind: "unusable", file: `${file}:${error.line}`, reason: error.message };
    }
    return { kind: "unusable", file, reason: sentenceOf(error) };
  }
}

async function playOn(file: string, transcript: Transcript, scene: Scene): Promise<Outcome> {
  try {
    const difference = await playTranscript(transcript, scene.partner);
    if (difference === null) return { kind: "passed", file };
    return { kind: "differs", file, difference, trace: scene.trace() };
  } finally {
    await scene.close();
  }
}

/** Plays the file at `path`. Never throws. */
export async function playFile(path: string, ground: Ground): Promise<Outcome> {
  let text: string;
  try {
    text = readBinary(path);
  } catch (error) {
    return { kind: "unusable", file: path, reason: sentenceOf(error) };
  }
  return await playText(path, text, ground);
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** How much of the trace is shown with a difference. */
export type TraceShown = "none" | "last" | "all";

const LAST_LINES = 6;

/** What a person is told of an outcome; "" for one that passed. */
export function describeOutcome(outcome: Outcome, shown: TraceShown = "last"): string {
  switch (outcome.kind) {
    case "passed":
      return "";
    case "skipped":
      return `${outcome.file}: skipped: ${outcome.reason}`;
    case "unusable":
      return `${outcome.file}: can't be played: ${outcome.reason}`;
    case "differs": {
      const trace = shownTrace(outcome.trace, shown);
      const heading = trace.length === 0 ? [] : ["  trace:"];
      const lines = trace.map((line) => `      ${line}`);
      return [describeDifference(outcome.file, outcome.difference), ...heading, ...lines]
        .join("\n");
    }
  }
}

/** The dialogue itself stands above already. */
function shownTrace(trace: readonly string[], shown: TraceShown): readonly string[] {
  if (shown === "none") return [];
  if (shown === "all") return trace;
  return trace.filter((line) => !line.startsWith("(4)")).slice(-LAST_LINES);
}
