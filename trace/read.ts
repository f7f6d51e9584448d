/**
 * The trace read back: lines of all formats as what they say. Lines of other programs are not the trace's and give null.
 *
 * In front of a line may stand what a log writer put there (a TAI64N stamp, syslog's head).
 */
import { fieldsOfLogfmt } from "./logfmt.ts";

/** One line. */
export interface TraceLine {
  /** As it stands in the line: local time in KATR's form, UTC in the others. */
  readonly time: string;
  readonly level: number;
  readonly session: number;
  /** Stable id of the event; null: the form has none (KATR). */
  readonly id: string | null;
  readonly fn: string;
  /** The text, escaped as it is written. */
  readonly text: string;
}

/** The leftmost place counts: what a client chose stands behind it. */
const KATR = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \(([0-4])\) \((\d+)\) (\w+): (.*)$/;

/** Reads one line without its line end. */
export function readTraceLine(line: string): TraceLine | null {
  const match = KATR.exec(line);
  const before = match === null ? line : line.slice(0, match.index);
  const brace = before.indexOf('{"time":');
  if (brace >= 0) return readJson(line.slice(brace));
  const pairs = before.indexOf("time=");
  if (pairs >= 0) return lineOf(fieldsOfLogfmt(line.slice(pairs)));
  if (match === null) return null;
  const [, time = "", level, session, fn = "", text = ""] = match;
  return { time, level: Number(level), session: Number(session), id: null, fn, text };
}

function readJson(text: string): TraceLine | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    return lineOf(new Map(Object.entries(value).map(([name, v]) => [name, String(v)])));
  } catch {
    return null; // Cut off in the middle.
  }
}

function lineOf(fields: ReadonlyMap<string, string> | null): TraceLine | null {
  if (fields === null) return null;
  const [time, level, session] = [fields.get("time"), fields.get("level"), fields.get("session")];
  const fn = fields.get("fn");
  if (time === undefined || fn === undefined || !/^[0-4]$/.test(level ?? "")) return null;
  return {
    time,
    level: Number(level),
    session: Number(session),
    id: fields.get("id") ?? null,
    fn,
    text: fields.get("text") ?? "",
  };
}

const encoder = new TextEncoder();

/** A text of the trace as the bytes it stands for, one char a byte: the reverse of escapeText. */
export function unescapeTrace(text: string): string {
  let bytes = "";
  for (const [piece] of text.matchAll(/\\x[0-9a-f]{2}|\\\\|[^\\]+|\\/g)) {
    if (/^\\x../.test(piece)) bytes += String.fromCharCode(parseInt(piece.slice(2), 16));
    else if (piece === "\\\\") bytes += "\\";
    else for (const byte of encoder.encode(piece)) bytes += String.fromCharCode(byte);
  }
  return bytes;
}
