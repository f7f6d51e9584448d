/**
 * One line of name=value pairs, for programs that read logfmt: the fields of the JSON form in the same order.
 *
 * A value with anything but plain characters stands in double quotes, with the escapes of JSON. Bytes of own fields are
 * shown as in `text`: UTF-8 as it is, all else as \xHH.
 */
import { cut, escapeText, MAX_FIELD_CHARS } from "./escape.ts";
import { type LineFormat, lineText } from "./katr.ts";
import { ownName } from "./json.ts";

const PLAIN = /^[\w.:@/+<>,;!?*%&()[\]{}|~^$#'-]+$/;

const valueOf = (text: string): string => PLAIN.test(text) ? text : JSON.stringify(text);

/** The format behind `trace_format: logfmt`. */
export function logfmtFormat(): LineFormat {
  return (now, session, event, fields) => {
    let line = `time=${new Date(now).toISOString()} level=${event.level} session=${session} ` +
      `id=${event.id} fn=${event.fn} text=${valueOf(lineText(event, fields))}`;
    for (const name in fields) {
      const value = fields[name];
      const shown = typeof value === "string"
        ? valueOf(escapeText(cut(value, MAX_FIELD_CHARS)))
        : String(value);
      line += ` ${ownName(name)}=${shown}`;
    }
    return line + "\n";
  };
}

const PAIR = /([\w.]+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |$)/y;

/** The pairs of a line, quotes taken off; null: it is none of ours. */
export function fieldsOfLogfmt(line: string): ReadonlyMap<string, string> | null {
  const fields = new Map<string, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < line.length) {
    const match = PAIR.exec(line);
    if (match === null) return null;
    const [, name = "", value = ""] = match;
    try {
      if (!fields.has(name)) {
        fields.set(name, value.startsWith('"') ? String(JSON.parse(value)) : value);
      }
    } catch {
      return null;
    }
  }
  return fields;
}
