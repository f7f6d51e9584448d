/**
 * Trace texts read backwards: the fields of an event from the text that its entry in trace/events_*.ts writes.
 *
 * Nothing here knows an event by name. Each entry's `text` is called with marks in place of its fields; what stands
 * between the marks is the template. Where a text differs by what a field holds ("" or null left out, "1 rcpt"), that is
 * tried too, and gives a template of its own. A test writes every event of the table and reads it back.
 *
 * Reading is linear in the length of a line, whatever a client put into it: parts are searched, never backtracked. A field
 * that a client chose may contain the words of a template, so what the service itself wrote is read from both ends first.
 */
import { escapeText } from "../trace/escape.ts";
import * as tables from "../trace/events.ts";
import type { Fields, TraceEvent } from "../trace/tracer.ts";

/** An entry of the table, its fields' names forgotten. */
export type AnyEvent = TraceEvent<Fields>;

interface Template {
  readonly event: AnyEvent;
  /** literals[0] field[0] literals[1] field[1] ... */
  readonly literals: readonly string[];
  readonly fields: readonly string[];
  /** What fields that stand in no mark hold where this template is used. */
  readonly fixed: Readonly<Record<string, string>>;
}

/** What a text may look at. */
const TRIED = ["", null, 1, true, false, "ok"] as const;
type Tried = (typeof TRIED)[number];

const OPEN = "\ue000";
const CLOSE = "\ue001";
const MARKS = /\ue000(\w+)\ue001/g;
const mark = (name: string): string => `${OPEN}${name}${CLOSE}`;

/** Fields of which a client chooses every character: they are read last. */
const CHOSEN = new Set(
  ("helo sender recipient user domain login line reason text subject address name key found " +
    "cipher sni unique_id rule file path").split(" "),
);

/** Fields that hold one word without brackets; anything else means that the template is another's. */
const WORDS = new Set(
  ("ip stage check messages recipients unknown relays errors seconds bytes top top_bytes retr " +
    "retr_bytes deleted size_bytes pid uid gid sessions worker count lines ms ttl_seconds records")
    .split(" "),
);
const WORD = /^[^\s[\]<>,]+$/;
/** An id of a reply, alone or behind its code; or that there is none because somebody vouches. */
const REPLY = /^(?:(?:[245]\d\d )?\w+|accepted for good)$/;

const mayHold = (name: string, value: string): boolean =>
  name === "reply" ? REPLY.test(value) : !WORDS.has(name) || WORD.test(value);

interface Written {
  readonly text: string;
  readonly names: readonly string[];
}

/** The text with marks, but for the fields in `given`. */
function write(event: AnyEvent, given: Readonly<Record<string, Tried>>): Written | null {
  const names = new Set<string>();
  const fields = new Proxy<Record<string, Tried>>({}, {
    get: (_, name) => {
      if (typeof name !== "string") return undefined;
      names.add(name);
      return Object.hasOwn(given, name) ? given[name] : mark(name);
    },
    has: () => true,
  });
  try {
    // A text that is a field alone hands on what it was given.
    const text: unknown = event.text(fields as Fields);
    return typeof text === "string" ? { text, names: [...names] } : null;
  } catch {
    return null;
  }
}

/** Values of `name` with which the text is another, not only filled in. */
function valuesThatMatter(event: AnyEvent, base: Written, name: string): Tried[] {
  return TRIED.filter((value) => {
    const other = write(event, { [name]: value });
    return other !== null && other.text !== base.text.replaceAll(mark(name), String(value));
  });
}

/** Every way in which the fields' values can change the text: one choice for each field that matters. */
function choicesOf(event: AnyEvent): Readonly<Record<string, Tried>>[] {
  let choices: Readonly<Record<string, Tried>>[] = [{}];
  const base = write(event, {});
  if (base === null) return choices;
  for (const name of base.names) {
    const values = valuesThatMatter(event, base, name);
    choices = choices.flatMap((c) => [c, ...values.map((value) => ({ ...c, [name]: value }))]);
  }
  return choices;
}

function templateOf(event: AnyEvent, given: Readonly<Record<string, Tried>>): Template | null {
  const written = write(event, given);
  if (written === null) return null;
  const pieces = written.text.split(MARKS);
  const fixed = Object.entries(given).map(([name, value]) => [name, String(value ?? "")]);
  return {
    event,
    literals: pieces.filter((_, i) => i % 2 === 0).map(escapeText),
    fields: pieces.filter((_, i) => i % 2 === 1),
    fixed: Object.fromEntries(fixed),
  };
}

const weight = (template: Template): number => template.literals.join("").length;
const chosenIn = ({ fields }: Template): number => fields.filter((f) => CHOSEN.has(f)).length;

/**
 * Who says most comes first; among equals, who leaves least to the client; SMTP, whose texts QMTP and QMQP share in the
 * lines that begin a session.
 */
function byWeight(a: Template, b: Template): number {
  const isSetup = ({ event }: Template) => event.id.startsWith("setup.") ? 0 : 1;
  return weight(b) - weight(a) || chosenIn(a) - chosenIn(b) || isSetup(a) - isSetup(b);
}

/** All events of all tables by id. */
export const EVENTS: ReadonlyMap<string, AnyEvent> = new Map(
  Object.values(tables).flatMap((table) => Object.values(table)).map((
    entry,
  ) => [entry.id, entry as unknown as AnyEvent]),
);

/** Templates by the function's name in a line; those that say most come first. */
function buildTemplates(): ReadonlyMap<string, readonly Template[]> {
  const byFunction = new Map<string, Map<string, Template>>();
  for (const event of EVENTS.values()) {
    const known = byFunction.get(event.fn) ?? new Map<string, Template>();
    byFunction.set(event.fn, known);
    for (const choice of choicesOf(event)) {
      const template = templateOf(event, choice);
      if (template === null) continue;
      const key = `${event.id} ${template.literals.join(OPEN)} ${template.fields.join()}`;
      if (!known.has(key)) known.set(key, template);
    }
  }
  return new Map(
    [...byFunction].map(([fn, known]) => [
      fn,
      [...known.values()].sort(byWeight),
    ]),
  );
}

let built: ReadonlyMap<string, readonly Template[]> | null = null;

/** Cuts `text` at the literals; null: it is not this template's. */
function cutAt({ literals, fields }: Template, text: string): string[] | null {
  const head = literals[0] ?? "";
  const tail = literals.at(-1) ?? "";
  if (fields.length === 0) return text === head ? [] : null;
  if (text.length < head.length + tail.length) return null;
  if (!text.startsWith(head) || !text.endsWith(tail)) return null;
  const values: string[] = new Array(fields.length).fill("");
  let low = head.length;
  let high = text.length - tail.length;
  let first = 0;
  let last = fields.length - 1;
  const isOurs = (i: number) => !CHOSEN.has(fields[i] ?? "");
  while (first < last && isOurs(last)) {
    const literal = literals[last] ?? "";
    const at = text.lastIndexOf(literal, high - literal.length);
    if (at < low) return null;
    values[last--] = text.slice(at + literal.length, high);
    high = at;
  }
  for (; first < last; first++) {
    const literal = literals[first + 1] ?? "";
    const at = text.indexOf(literal, low);
    if (at < 0 || at + literal.length > high) return null;
    values[first] = text.slice(low, at);
    low = at + literal.length;
  }
  values[last] = text.slice(low, high);
  return values;
}

/** What escapeText did, undone; binary. */
export function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(\\|x[0-9a-f]{2})/g,
    (_, what: string) => what === "\\" ? what : String.fromCharCode(parseInt(what.slice(1), 16)),
  );
}

/** Event and fields of a line's text, function's name apart; null: no event of ours. */
export function readText(
  fn: string,
  text: string,
): { readonly event: AnyEvent; readonly fields: Readonly<Record<string, string>> } | null {
  built ??= buildTemplates();
  for (const template of built.get(fn) ?? []) {
    const values = cutAt(template, text);
    if (values === null) continue;
    const fields: Record<string, string> = { ...template.fixed };
    const fits = template.fields.every((name, i) => {
      const value = values[i] ?? "";
      // A field that a text names twice holds the same both times.
      if (Object.hasOwn(fields, name) && fields[name] !== unescapeText(value)) return false;
      fields[name] = unescapeText(value);
      return mayHold(name, value);
    });
    if (fits) return { event: template.event, fields };
  }
  return null;
}
