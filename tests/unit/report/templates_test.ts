import { assert, assertEquals } from "@std/assert";
import { readKatr } from "../../../report/read_trace.ts";
import { readLine } from "../../../report/read_line.ts";
import { type AnyEvent, EVENTS, readText } from "../../../report/templates.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat, type LineFormat } from "../../../trace/katr.ts";
import { logfmtFormat } from "../../../trace/logfmt.ts";
import { withRemoteIp } from "../../../trace/remote_ip.ts";
import type { Fields } from "../../../trace/tracer.ts";

type Value = string | number | null;

/** A value for every field that an event's text asks for, and those it did ask for. */
function sample(event: AnyEvent, valueOf: (name: string) => Value) {
  const fields: Record<string, Value> = {};
  const asked = new Proxy<Record<string, Value>>({}, {
    get: (_, name) => fields[String(name)] ??= valueOf(String(name)),
  });
  event.text(asked as Fields);
  return fields;
}

const NUMBERS = new Set(
  ("messages recipients unknown relays errors seconds bytes top top_bytes retr retr_bytes deleted " +
    "size_bytes pid uid gid sessions worker lines ms ttl_seconds records remote_port local_port " +
    "count removed moved counted failed logins port")
    .split(" "),
);

function ordinary(name: string): Value {
  if (NUMBERS.has(name)) return 17;
  if (name === "ip") return "192.0.2.7";
  if (name === "reply") return "reply_id";
  if (name === "status") return "ok";
  return `some-${name}`;
}

const NOW = Date.UTC(2026, 2, 1, 12, 0, 0, 123);

/** Writes in KATR's form and reads back. */
function throughKatr(event: AnyEvent, fields: Fields): Readonly<Record<string, string>> {
  const line = katrFormat()(NOW, 7, event, fields).slice(0, -1);
  const record = readKatr(line.slice(20), true);
  const other = EVENTS.get(record?.event ?? "");
  // QMTP and QMQP begin their sessions with SMTP's words: only what follows tells them apart.
  const isTwin = other?.fn === event.fn && other.text(fields) === event.text(fields) &&
    other.id.startsWith("setup.");
  assert(record?.event === event.id || isTwin, `${line} is read as ${record?.event}`);
  return record?.fields ?? {};
}

/** What the text shows must be read; what it hides can't be. */
function assertRead(event: AnyEvent, fields: Record<string, Value>, read: Fields): void {
  for (const [name, value] of Object.entries(read)) {
    if (fields[name] === undefined && value === "") continue;
    assertEquals(value, String(fields[name] ?? ""), `${event.id}: field ${name}`);
  }
  const shown = event.text(fields as Fields);
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === "" || !shown.includes(String(value))) continue;
    assertEquals(read[name], String(value), `${event.id}: field ${name} is lost`);
  }
}

for (const event of EVENTS.values()) {
  Deno.test(`readKatr: ${event.id} comes back as it was written`, () => {
    const fields = sample(event, ordinary);
    assertRead(event, fields, throughKatr(event, fields as Fields));
  });
}

Deno.test("readKatr: every event comes back where a field is empty, null or one", () => {
  for (const event of EVENTS.values()) {
    for (const special of ["", null, 1] as const) {
      for (const name of Object.keys(sample(event, ordinary))) {
        if (typeof special === "number" !== NUMBERS.has(name)) continue;
        // These are never empty: a line without them is not written.
        if (special !== 1 && ["ip", "stage", "check", "reply"].includes(name)) continue;
        const fields = sample(event, (n) => n === name ? special : ordinary(n));
        // A null that is shown is no null to a reader.
        if (/^$|null/.test(event.text(fields as Fields))) continue;
        assertRead(event, fields, throughKatr(event, fields as Fields));
      }
    }
  }
});

for (const [form, format] of [["JSON", jsonFormat()], ["logfmt", logfmtFormat()]] as const) {
  Deno.test(`readLine: every event in ${form} has its id and all its fields`, () =>
    everyEvent(format));
}

function everyEvent(format: LineFormat): void {
  for (const event of EVENTS.values()) {
    const fields = sample(event, ordinary);
    const timed = readLine(format(NOW, 7, event, fields as Fields).slice(0, -1), NOW);
    assert(timed !== null && timed.record.kind === "trace");
    assertEquals(timed.whenMs, NOW);
    assertEquals(timed.record.event, event.id);
    for (const [name, value] of Object.entries(fields)) {
      assertEquals(timed.record.fields[name], String(value), `${event.id}: field ${name}`);
    }
  }
}

function eventOf(id: string): AnyEvent {
  const event = EVENTS.get(id);
  if (event === undefined) throw new Error(`There is no event "${id}"`);
  return event;
}

Deno.test("readKatr: bytes, backslashes and control characters come back as they came", () => {
  const user = 'a\\b\x1b[31m\x80\xff\xc3\xa4 "q"';
  const line = katrFormat()(NOW, 7, eventOf("smtp.rcpt"), { user, domain: "example.org" });
  const bytes = String.fromCharCode(...new TextEncoder().encode(line.slice(0, -1)));
  const timed = readLine(bytes, NOW);
  assert(timed !== null && timed.record.kind === "trace");
  assertEquals(timed.record.fields["user"], user);
});

Deno.test("readKatr: a HELO with the words of the summary forges no number", () => {
  const fields = {
    ip: "192.0.2.7",
    helo: "x messages=9 recipients=9 unknown=9 relays=9 errors=9 seconds=9 end=quit",
    messages: 0,
    recipients: 0,
    unknown: 3,
    relays: 0,
    errors: 0,
    seconds: 2,
    end: "session_closed",
  };
  const read = throughKatr(eventOf("smtp.end"), fields);
  assertEquals(read["unknown"], "3");
  assertEquals(read["helo"], fields.helo);
});

Deno.test("readKatr: the address on every line (trace_remoteip) is a field, not text", () => {
  const lines = withRemoteIp("katr", katrFormat());
  lines(NOW, 7, eventOf("setup.remoteip"), { ip: "2001:db8::7" });
  const line = lines(NOW, 7, eventOf("smtp.rcpt"), { user: "joe", domain: "example.org" });
  const record = readKatr(line.slice(20, -1));
  assertEquals(record?.fields, { user: "joe", domain: "example.org", remoteip: "2001:db8::7" });
});

Deno.test("readText: a line made to keep the reader busy is read in no time", () => {
  const text = `ip=1 helo=${" messages= recipients= unknown=".repeat(2000)}`;
  for (let i = 0; i < 100; i++) assertEquals(readText("smtp_end", text), null);
});
