/**
 * KATR's line: `2005-02-17 15:41:40 (1) (25466) setup: remoteip: 111.222.333.444`.
 *
 * Local time, level, session (KATR: process id), the name of the function, text. The time's text is kept for a second,
 * so that a line costs little more than putting its strings together.
 */
import { cut, escapeText, MAX_FIELD_CHARS, MAX_TEXT_CHARS } from "./escape.ts";
import type { LineBytes } from "./line_bytes.ts";
import type { Fields, TraceEvent } from "./tracer.ts";

/** Makes a line, LF included, of an event at `now` (milliseconds since 1970). */
export type LineFormat = <F extends Fields>(
  now: number,
  session: number,
  event: TraceEvent<F>,
  fields: F,
) => string;

/** Puts such a line behind those that wait. */
export type LineWriter = <F extends Fields>(
  lines: LineBytes,
  now: number,
  session: number,
  event: TraceEvent<F>,
  fields: F,
) => void;

const two = (n: number): string => n < 10 ? "0" + n : String(n);

/** Local time as KATR wrote it. */
export function localTime(now: number): string {
  const t = new Date(now);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
    `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** The event's text, escaped; long fields are cut before, so that the short ones behind them stay. */
export function lineText<F extends Fields>(event: TraceEvent<F>, fields: F): string {
  const text = event.text(fields);
  if (text.length <= MAX_TEXT_CHARS) return escapeText(text);
  return escapeText(cut(event.text(cutFields(fields)), MAX_TEXT_CHARS));
}

function cutFields<F extends Fields>(fields: F): F {
  const short = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value, MAX_FIELD_CHARS) : value,
  ]);
  return Object.fromEntries(short) as F;
}

/** The time of a line, and the parenthesis behind it; with its own memory of the current second. */
function keepStamp(): (now: number) => string {
  let second = NaN;
  let stamp = "";
  return (now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) {
      second = current;
      stamp = localTime(now) + " (";
    }
    return stamp;
  };
}

/** A format with its own memory of the current second. */
export function katrFormat(): LineFormat {
  const stamp = keepStamp();
  return (now, session, event, fields) =>
    stamp(now) + event.level + ") (" + session + ") " + event.fn + ": " + lineText(event, fields) +
    "\n";
}

const LEVELS = { 1: "1) (", 2: "2) (", 3: "3) (", 4: "4) (" } as const;

/** The same line as bytes: no string is made of it, and its text is looked at once. */
export function katrWriter(): LineWriter {
  const stamp = keepStamp();
  return (lines, now, session, event, fields) => {
    const text = event.text(fields);
    lines.ascii(stamp(now));
    lines.ascii(LEVELS[event.level]);
    lines.ascii(String(session));
    lines.ascii(") ");
    lines.ascii(event.fn);
    lines.ascii(": ");
    if (text.length > MAX_TEXT_CHARS || !lines.plain(text)) lines.text(lineText(event, fields));
    lines.ascii("\n");
  };
}
