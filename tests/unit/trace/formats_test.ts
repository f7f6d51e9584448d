import { assert, assertEquals, assertMatch } from "@std/assert";
import * as tables from "../../../trace/events.ts";
import { SMTP_EVENTS } from "../../../trace/events.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat, katrWriter } from "../../../trace/katr.ts";
import { LineBytes } from "../../../trace/line_bytes.ts";
import { withRemoteIp } from "../../../trace/remote_ip.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { event, type TraceEvent } from "../../../trace/tracer.ts";

const AT = new Date(2005, 1, 17, 15, 41, 40, 250).getTime();
const odd = event<{ word: string; tail: string }>("x", 3, "f", (f) => `[${f.word}] ${f.tail}`);

Deno.test("katrFormat: KATR's three lines, to the byte", () => {
  const format = katrFormat();
  const user = { user: "angela", domain: "example.org" };
  assertEquals(
    format(AT, 25466, SMTP_EVENTS.remoteip, { ip: "111.222.333.444" }),
    "2005-02-17 15:41:40 (1) (25466) setup: remoteip: 111.222.333.444\n",
  );
  assertEquals(
    format(AT, 25466, SMTP_EVENTS.rcpt, user),
    "2005-02-17 15:41:40 (2) (25466) smtp_rcpt: user[angela] domain [example.org]\n",
  );
  assertEquals(
    format(AT, 25466, SMTP_EVENTS.rcptInvalid, { ...user, ip: "" }),
    "2005-02-17 15:41:40 (2) (25466) smtp_rcpt: invalid rcpt user, terminating connection\n",
  );
});

Deno.test("katrFormat: the kept time follows the clock, forwards and back", () => {
  const format = katrFormat();
  const time = (now: number) => format(now, 1, odd, { word: "", tail: "" }).slice(0, 19);
  assertEquals(time(AT), "2005-02-17 15:41:40");
  assertEquals(time(AT + 749), "2005-02-17 15:41:40");
  assertEquals(time(AT + 750), "2005-02-17 15:41:41");
  assertEquals(time(AT - 251), "2005-02-17 15:41:39");
  assertEquals(time(new Date(2026, 11, 31, 9, 5, 7).getTime()), "2026-12-31 09:05:07");
});

Deno.test("katrFormat: a field with line ends stays one line", () => {
  const line = katrFormat()(AT, 1, odd, { word: "a\r\n2005 (1) (1) forged", tail: "\n" });
  assertEquals(line.split("\n").length, 2);
  assertMatch(line, /\[a\\x0d\\x0a2005/);
});

Deno.test("katrFormat: a long field is cut with a mark, short ones behind it stay", () => {
  const line = katrFormat()(AT, 1, odd, { word: "w".repeat(100_000), tail: "end" });
  assert(line.length < 1200, String(line.length));
  assertMatch(line, /w\.\.\.\(98976 more\)\] end\n$/);
});

Deno.test("katrWriter: the bytes of katrFormat's line, whatever its fields hold", () => {
  const words = [
    "",
    "plain ~ text",
    "back\\slash",
    "a\r\n2005 (1) (1) forged",
    "\x7f",
    "caf\xc3\xa9",
    "\xff\xfe",
    "\u20ac",
    "w".repeat(100_000),
    "\xff".repeat(3000),
  ];
  const lines = new LineBytes();
  const [format, write] = [katrFormat(), katrWriter()];
  let expected = "";
  for (const [i, word] of words.entries()) {
    for (const session of [0, 7, 2 ** 31]) {
      const now = AT + 700 * i;
      expected += format(now, session, odd, { word, tail: "end" });
      write(lines, now, session, odd, { word, tail: "end" });
    }
  }
  assertEquals(new TextDecoder().decode(lines.view()), expected);
});

Deno.test("LineBytes: grows with what is put in, and begins anew when cleared", () => {
  const lines = new LineBytes();
  const long = "x".repeat(10_000);
  for (let i = 0; i < 5; i++) lines.ascii(long);
  assert(lines.plain(long));
  assertEquals(lines.plain(long + "\n"), false);
  lines.text("\u20ac".repeat(10_000));
  lines.append(new TextEncoder().encode(long));
  assertEquals(lines.length, 100_000);
  assertEquals(
    new TextDecoder().decode(lines.view()),
    long.repeat(6) + "\u20ac".repeat(10_000) + long,
  );
  lines.clear();
  lines.ascii("a");
  assertEquals(lines.view(), Uint8Array.of(97));
});

Deno.test("jsonFormat: one object a line with the event's fields", () => {
  const line = jsonFormat()(AT, 7, SMTP_EVENTS.rcpt, { user: "an\ngela", domain: "x" });
  assert(line.endsWith("}\n"));
  assertEquals(line.split("\n").length, 2);
  assertEquals(JSON.parse(line), {
    time: new Date(AT).toISOString(),
    level: 2,
    session: 7,
    id: "smtp.rcpt",
    fn: "smtp_rcpt",
    text: "user[an\\x0agela] domain [x]",
    user: "an\ngela",
    domain: "x",
  });
});

Deno.test("jsonFormat: bytes keep their value, nothing reaches a terminal, taken names give way", () => {
  const taken = event<{ id: string; level: number }>("x", 1, "f", (f) => f.id);
  const line = jsonFormat()(AT, 7, taken, { id: "\x9b\x7f\xff", level: 9 });
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(line), false);
  const parsed = JSON.parse(line);
  assertEquals([parsed.id, parsed.id_], ["x", "\x9b\x7f\xff"]);
  assertEquals([parsed.level, parsed.level_], [1, 9]);
});

Deno.test("events: ids are unique, and table order does not hide a level out of 1 to 4", () => {
  const seen = new Set<string>();
  for (const table of Object.values(tables) as Record<string, TraceEvent<never>>[]) {
    for (const { id, level, fn } of Object.values(table)) {
      assert(!seen.has(id), `${id} stands twice`);
      seen.add(id);
      assertMatch(id, /^[a-z0-9]+(\.[a-z0-9_-]+)+$/);
      assertMatch(fn, /^[a-z][a-z0-9_]*$/);
      assert([1, 2, 3, 4].includes(level), id);
    }
  }
  assert(seen.size > 3);
});

Deno.test("createMemoryTracer: keeps what is up to its level", () => {
  const tracer = createMemoryTracer(1);
  tracer.emit(5, SMTP_EVENTS.remoteip, { ip: "::1" });
  tracer.emit(5, SMTP_EVENTS.rcpt, { user: "a", domain: "b" });
  assertEquals(tracer.lines(), ["(1) setup: remoteip: ::1"]);
  assertEquals(tracer.events[0]?.fields, { ip: "::1" });
  tracer.clear();
  assertEquals(tracer.events.length, 0);
});

Deno.test("withRemoteIp: the address a session was told ends each of its lines", () => {
  const user = { user: "a", domain: "x (remoteip: 6.6.6.6)" };
  const katr = withRemoteIp("katr", katrFormat());
  assertMatch(katr(AT, 1, SMTP_EVENTS.rcpt, user), /6\.6\.6\.6\)\]\n$/);
  assertMatch(katr(AT, 1, SMTP_EVENTS.remoteip, { ip: "192.0.2.7" }), / remoteip: 192\.0\.2\.7\n$/);
  assertMatch(katr(AT, 1, SMTP_EVENTS.rcpt, user), / domain \[.*\] \(remoteip: 192\.0\.2\.7\)\n$/);
  assertMatch(katr(AT, 2, SMTP_EVENTS.rcpt, user), /6\.6\.6\.6\)\]\n$/);
  const json = withRemoteIp("json", jsonFormat());
  json(AT, 1, SMTP_EVENTS.remoteip, { ip: "192.0.2.7" });
  assertEquals(JSON.parse(json(AT, 1, SMTP_EVENTS.rcpt, user)).remoteip, "192.0.2.7");
});

Deno.test("withRemoteIp: only so many sessions are remembered, the newest", () => {
  const katr = withRemoteIp("katr", katrFormat());
  const user = { user: "a", domain: "x" };
  for (let session = 0; session < 30_000; session++) {
    katr(AT, session, SMTP_EVENTS.remoteip, { ip: `s${session}` });
  }
  assertMatch(katr(AT, 29_999, SMTP_EVENTS.rcpt, user), /\(remoteip: s29999\)\n$/);
  assertMatch(katr(AT, 10_000, SMTP_EVENTS.rcpt, user), /\(remoteip: s10000\)\n$/);
  assertMatch(katr(AT, 9999, SMTP_EVENTS.rcpt, user), /\[x\]\n$/);
});
