/**
 * One JSON object a line, for programs: time (RFC 3339, UTC, milliseconds), level, session, id, fn, text, then the
 * event's own fields.
 *
 * `text` is what the KATR form shows. Own fields keep their bytes, one char U+0000..U+00FF a byte, as `qfront lookup
 * --json` has them; a field whose name is taken gets an underscore behind it.
 */
import { cut, MAX_FIELD_CHARS } from "./escape.ts";
import { type LineFormat, lineText } from "./katr.ts";

/** JSON.stringify leaves these alone, terminals do not. */
const UNSAFE = /[\x7f-\x9f\u2028\u2029]/g;
const TAKEN = new Set(["time", "level", "session", "id", "fn", "text"]);

/** The name of an event's own field: one that every line has gets an underscore behind it. */
export const ownName = (name: string): string => TAKEN.has(name) ? name + "_" : name;

const escapeUnsafe = (char: string): string =>
  "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0");

/** The format behind `trace_format: json`. */
export function jsonFormat(): LineFormat {
  return (now, session, event, fields) => {
    const line: Record<string, unknown> = {
      time: new Date(now).toISOString(),
      level: event.level,
      session,
      id: event.id,
      fn: event.fn,
      text: lineText(event, fields),
    };
    for (const name in fields) {
      const value = fields[name];
      line[ownName(name)] = typeof value === "string" ? cut(value, MAX_FIELD_CHARS) : value;
    }
    return JSON.stringify(line).replace(UNSAFE, escapeUnsafe) + "\n";
  };
}
