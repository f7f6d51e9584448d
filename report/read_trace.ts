/**
 * Lines of our own trace, all forms: KATR's (`(2) (77) smtp_rcpt: user[angela] domain [example.org]`, its time already
 * taken off), JSON and logfmt, which bring their time.
 *
 * KATR's form has no ids and says less than JSON: an invalid recipient's name stands in the line before it. The fields
 * come from the event table itself (templates.ts). Logs of KATR's own patch read the same.
 */
import { fieldsOfLogfmt } from "../trace/logfmt.ts";
import type { Timed, TraceRecord } from "./record.ts";
import { readText, unescapeText } from "./templates.ts";

const KATR = /^\(([0-4])\) \((\d+)\) (\w+): /;
const REMOTE_IP = / \(remoteip: ([0-9A-Fa-f.:/]+)\)$/;

/** Functions whose lines no report needs, and which may be most of a trace. */
const UNREAD = new Set(["lookup", "dns", "pop3_dialogue", "qmtp_io", "qmqp_io"]);

/** One line in KATR's form, behind its time; null: it is none. `all`: also those that no report needs. */
export function readKatr(body: string, all = false): TraceRecord | null {
  if (body.charCodeAt(0) !== 0x28) return null;
  const match = KATR.exec(body);
  if (match === null) return null;
  const fn = match[3] ?? "";
  if (!all && UNREAD.has(fn)) return { kind: "trace", session: 0, event: "", fields: {} };
  const text = body.slice(match[0].length);
  const told = REMOTE_IP.exec(text);
  const read = told === null ? readText(fn, text) : readText(fn, text.slice(0, told.index)) ??
    readText(fn, text);
  const session = Number(match[2]);
  if (read === null) return { kind: "trace", session, event: "", fields: {} };
  const { event, fields } = read;
  if (told === null || Object.hasOwn(fields, "ip")) {
    return { kind: "trace", session, event: event.id, fields };
  }
  return {
    kind: "trace",
    session,
    event: event.id,
    fields: { ...fields, remoteip: told[1] ?? "" },
  };
}

// deno-lint-ignore no-control-regex -- bytes beyond ASCII are what is looked for
const BEYOND_ASCII = /[^\x00-\x7f]/;
const utf8 = new TextDecoder();

/** `line`, one char a byte, as the text that it is. */
function decoded(line: string): string {
  if (!BEYOND_ASCII.test(line)) return line;
  return utf8.decode(Uint8Array.from(line, (char) => char.charCodeAt(0)));
}

function parseObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(decoded(line));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Readonly<Record<string, unknown>>
      : null;
  } catch {
    return null;
  }
}

const OWN = new Set(["time", "level", "session", "id", "fn", "text"]);
const SHADOWED = new Set([...OWN].map((name) => `${name}_`));

/** One line in the JSON form; null: it is none. */
export function readJson(line: string): Timed | null {
  if (line.charCodeAt(0) !== 0x7b) return null;
  const object = parseObject(line);
  if (object === null) return null;
  const { time, session, id } = object;
  if (typeof time !== "string" || typeof session !== "number" || typeof id !== "string") {
    return null;
  }
  const whenMs = Date.parse(time);
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(object)) {
    if (OWN.has(name)) continue;
    const text = value === null || typeof value === "object" ? "" : String(value);
    fields[SHADOWED.has(name) ? name.slice(0, -1) : name] = text;
  }
  const record: TraceRecord = { kind: "trace", session, event: id, fields };
  return { whenMs: Number.isNaN(whenMs) ? null : whenMs, record };
}

/** One line in the logfmt form; null: it is none. */
export function readLogfmt(line: string): Timed | null {
  const pairs = line.startsWith("time=") ? fieldsOfLogfmt(line) : null;
  const session = Number(pairs?.get("session") ?? NaN);
  const event = pairs?.get("id");
  if (pairs === null || event === undefined || Number.isNaN(session)) return null;
  const whenMs = Date.parse(pairs.get("time") ?? "");
  const fields: Record<string, string> = {};
  for (const [name, text] of pairs) {
    if (OWN.has(name)) continue;
    const own = SHADOWED.has(name) ? name.slice(0, -1) : name;
    fields[own] = text === "null" ? "" : unescapeText(text);
  }
  const record: TraceRecord = { kind: "trace", session, event, fields };
  return { whenMs: Number.isNaN(whenMs) ? null : whenMs, record };
}
