/**
 * KATR's line: `2005-02-17 15:41:40 (1) (25466) setup: remoteip: 111.222.333.444`.
 *
 * Local time, level, session (KATR: process id), the name of the function, text. The time's text is kept for a second,
 * so that a line costs little more than putting its strings together.
 */
import { cut, escapeText, MAX_FIELD_CHARS, MAX_TEXT_CHARS } from "./escape.ts";
import type { Fields, TraceEvent } from "./tracer.ts";

/** Makes a line, LF included, of an event at `now` (milliseconds since 1970). */
export type LineFormat = <F extends Fields>(
  now: number,
  session: number,
  event: TraceEvent<F>,
  fields: F,
) => string;

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

/** A format with its own memory of the current second. */
export function katrFormat(): LineFormat {
  let second = NaN;
  let stamp = "";
  return (now, session, event, fields) => {
    const current = Math.floor(now / 1000);
    if (current !== second) {
      second = current;
      stamp = localTime(now) + " (";
    }
    return stamp + event.level + ") (" + session + ") " + event.fn + ": " +
      lineText(event, fields) + "\n";
  };
}
