/**
 * The transcript format: a dialogue in a text file, that is a test.
 *
 *     # Guessing a name ends the session.
 *     @set on_invalid_rcpt=terminate
 *     S: 220 *
 *     C: HELO client.example
 *     S: 250 *
 *     C: MAIL FROM:<>
 *     C: RCPT TO:<nobody@example.org>
 *     S: 250 *
 *     S: 550 5.1.1 *
 *     S: 421 4.7.0 *
 *     S: <eof>
 *
 * docs/transcripts.md has the whole of it. Texts are binary strings, one char a byte. Nothing is played here.
 */
import { compilePattern, unescapeText } from "./pattern.ts";

/** What a dialogue needs around it. */
export interface TranscriptSetup {
  readonly protocol: "smtp" | "submission" | "pop3";
  /** Name of the site it is meant for; null: any. */
  readonly site: string | null;
  /** KEY=VALUE of each @set. */
  readonly settings: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Address of the client; null: the player's choice. */
  readonly remoteIp: string | null;
  /** Whether the client is a socket or a pipe. */
  readonly input: "socket" | "transcript";
  /** Whether the session can go over to TLS (offered), begins with it (implicit) or neither; null: as the site has it. */
  readonly tls: "none" | "offered" | "implicit" | null;
  /** Files put into a copy of the site before, paths relative to its root. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** One line of the dialogue. `line`: its number in the file, from 1. */
export type Step =
  | { readonly kind: "send"; readonly line: number; readonly bytes: string; readonly shown: string }
  | { readonly kind: "end_input"; readonly line: number }
  | { readonly kind: "silence"; readonly line: number }
  /** The client goes over to TLS. */
  | { readonly kind: "tls"; readonly line: number }
  /** The client waits so long before it goes on. */
  | { readonly kind: "wait"; readonly line: number; readonly seconds: number }
  | {
    readonly kind: "expect";
    readonly line: number;
    readonly pattern: RegExp;
    readonly shown: string;
  }
  /** Any number of lines, up to the one that the next step expects. */
  | { readonly kind: "skip"; readonly line: number }
  | { readonly kind: "expect_end"; readonly line: number };

export interface Transcript {
  readonly setup: TranscriptSetup;
  readonly steps: readonly Step[];
}

/** A transcript that can't be understood. `message` is a sentence, `line` where. */
export class TranscriptError extends Error {
  override name = "TranscriptError";
  constructor(readonly line: number, message: string) {
    super(message);
  }
}

interface MutableSetup {
  protocol: "smtp" | "submission" | "pop3";
  site: string | null;
  settings: string[];
  env: Record<string, string>;
  remoteIp: string | null;
  input: "socket" | "transcript";
  tls: "none" | "offered" | "implicit" | null;
  files: { path: string; text: string }[];
}

const DIALOGUE = /^([CS])(?:\*(\d{1,6}))?(-raw)?:(?: (.*))?$/;

/** Reads a transcript (a binary string). @throws {TranscriptError} */
export function parseTranscript(text: string): Transcript {
  const setup: MutableSetup = {
    protocol: "smtp",
    site: null,
    settings: [],
    env: {},
    remoteIp: null,
    input: "socket",
    tls: null,
    files: [],
  };
  const steps: Step[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    const words = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (words.trim() === "" || words.startsWith("#")) continue;
    try {
      if (words.startsWith("@") || words.startsWith("|")) {
        if (steps.length > 0) throw new Error("What begins with @ or | stands before the dialogue");
        readSetup(setup, words);
      } else readDialogue(steps, words, line);
    } catch (error) {
      if (error instanceof Error) throw new TranscriptError(line, error.message);
      throw error;
    }
  }
  checkSteps(steps);
  const turnsToTls = steps.some((step) => step.kind === "tls");
  return { setup: { ...setup, tls: setup.tls ?? (turnsToTls ? "offered" : null) }, steps };
}

function readDialogue(steps: Step[], words: string, line: number): void {
  const match = DIALOGUE.exec(words);
  if (match === null) {
    throw new Error(
      `"${words.slice(0, 40)}" begins with none of C: S: C-raw: @ | # (a file of client lines ` +
        "alone is for standard input: qfront smtp < FILE)",
    );
  }
  const [, side, times, raw, rest = ""] = match;
  const step = side === "C" ? clientStep(rest, raw !== undefined, line) : serverStep(rest, line);
  if (side === "S" && raw !== undefined) throw new Error("Only C: has a raw form");
  for (let n = Number(times ?? 1); n > 0; n--) steps.push(step);
}

function clientStep(text: string, raw: boolean, line: number): Step {
  if (raw) return { kind: "send", line, bytes: unescapeText(text), shown: text };
  if (text === "<eof>") return { kind: "end_input", line };
  if (text === "<silence>") return { kind: "silence", line };
  if (text === "<tls>") return { kind: "tls", line };
  const wait = /^<wait (\d{1,4}(?:\.\d{1,3})?)>$/.exec(text);
  if (wait !== null) return { kind: "wait", line, seconds: Number(wait[1]) };
  return { kind: "send", line, bytes: text + "\r\n", shown: text };
}

function serverStep(text: string, line: number): Step {
  if (text === "<eof>") return { kind: "expect_end", line };
  if (text === "...") return { kind: "skip", line };
  return { kind: "expect", line, pattern: compilePattern(text), shown: text };
}

function readSetup(setup: MutableSetup, words: string): void {
  if (words.startsWith("|")) {
    const file = setup.files.at(-1);
    if (file === undefined) throw new Error("A line of a file comes before its @file");
    file.text += words.slice(words.startsWith("| ") ? 2 : 1) + "\n";
    return;
  }
  const [, name = "", value = ""] = /^@(\S*)\s*(.*?)\s*$/.exec(words) ?? [];
  switch (name) {
    case "protocol":
      setup.protocol = oneOf(name, value, ["smtp", "submission", "pop3"]);
      return;
    case "input":
      setup.input = oneOf(name, value, ["socket", "transcript"]);
      return;
    case "tls":
      setup.tls = oneOf(name, value, ["none", "offered", "implicit"]);
      return;
    case "site":
      setup.site = value;
      return;
    case "peer":
      setup.remoteIp = value;
      return;
    case "set":
      pair(name, value);
      setup.settings.push(value);
      return;
    case "env": {
      const [key, text] = pair(name, value);
      setup.env[key] = text;
      return;
    }
    case "file":
      if (!/^[^/]/.test(value) || value.split("/").includes("..")) {
        throw new Error(`@file takes a path below the site, not "${value}"`);
      }
      setup.files.push({ path: value, text: "" });
      return;
  }
  throw new Error(`"@${name}" is none of @protocol @site @peer @input @tls @set @env @file`);
}

function oneOf<const W extends string>(name: string, value: string, words: readonly W[]): W {
  const found = words.find((w) => w === value);
  if (found === undefined) throw new Error(`@${name} takes one of ${words.join(", ")}`);
  return found;
}

function pair(name: string, value: string): [string, string] {
  const at = value.indexOf("=");
  if (at < 1) throw new Error(`@${name} takes KEY=VALUE`);
  return [value.slice(0, at), value.slice(at + 1)];
}

function checkSteps(steps: readonly Step[]): void {
  if (steps.length === 0) throw new TranscriptError(1, "There is no dialogue in it");
  for (const [at, step] of steps.entries()) {
    const next = steps[at + 1]?.kind;
    if (step.kind === "skip" && next !== "expect" && next !== "expect_end") {
      throw new TranscriptError(
        step.line,
        '"S: ..." needs an S: line behind it to know where to stop',
      );
    }
    if (step.kind === "expect_end" && next !== undefined) {
      throw new TranscriptError(step.line, "Nothing can follow the end of the session");
    }
  }
}
