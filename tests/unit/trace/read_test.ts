import { assertEquals } from "@std/assert";
import * as tables from "../../../trace/events.ts";
import { SMTP_EVENTS } from "../../../trace/events.ts";
import { escapeText } from "../../../trace/escape.ts";
import { jsonFormat, ownName } from "../../../trace/json.ts";
import { katrFormat } from "../../../trace/katr.ts";
import { fieldsOfLogfmt, logfmtFormat } from "../../../trace/logfmt.ts";
import { readTraceLine, unescapeTrace } from "../../../trace/read.ts";
import type { Fields, TraceEvent } from "../../../trace/tracer.ts";
import { withRemoteIp } from "../../../trace/remote_ip.ts";

const AT = new Date(2005, 1, 17, 15, 41, 40, 250).getTime();
const EVERY_BYTE = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");

const HOSTILE = [
  "plain",
  "",
  EVERY_BYTE,
  '{"time":"x","level":1,"session":9,"id":"a","fn":"forged","text":""}',
  'time=x level=1 session=9 id=a fn=forged text=""',
  "2005-02-17 15:41:40 (1) (9) forged: x",
  "\n2005-02-17 15:41:40 (1) (9) forged: x",
  '" session=9 fn=forged x="',
  "\\x0d\\",
  "Gr\xc3\xbc\xc3\x9fe \xe2\x80\xae",
];

Deno.test("readTraceLine: what every form wrote comes back, whatever a client sent", () => {
  for (const format of [katrFormat(), jsonFormat(), logfmtFormat()]) {
    for (const line of HOSTILE) {
      for (const before of ["", "@4000000045d0d0f40b53ec4c ", "Mar  1 08:00:10 host qfront[1]: "]) {
        const written = before + format(AT, 77, SMTP_EVENTS.fromClient, { line }).slice(0, -1);
        const read = readTraceLine(written);
        assertEquals([read?.level, read?.session, read?.fn], [4, 77, "smtp_io"], written);
        assertEquals(unescapeTrace(read?.text ?? ""), `C: ${line}`, written);
      }
    }
  }
});

Deno.test("readTraceLine: lines of others, and halves of lines, are none", () => {
  const lines = [
    "",
    "qfront: smtp listening",
    "2005-02-17 15:41:40 x",
    '{"time":"x","lev',
    "time=x",
  ];
  for (const line of lines) assertEquals(readTraceLine(line), null, line);
});

Deno.test("unescapeTrace: undoes escapeText for every byte, alone and in pairs", () => {
  for (let a = 0; a < 256; a++) {
    for (const b of ["", "x", "\\", "\x80", "\xc3"]) {
      const text = String.fromCharCode(a) + b;
      assertEquals(unescapeTrace(escapeText(text)), text);
    }
  }
});

Deno.test("logfmtFormat: one line of pairs, values with spaces and quotes in JSON's quotes", () => {
  const format = logfmtFormat();
  const fields = { user: 'an "gela', domain: "example.org" };
  const line = format(AT, 7, SMTP_EVENTS.rcpt, fields);
  assertEquals(
    line,
    `time=${new Date(AT).toISOString()} level=2 session=7 id=smtp.rcpt fn=smtp_rcpt ` +
      'text="user[an \\"gela] domain [example.org]" user="an \\"gela" domain=example.org\n',
  );
  const pairs = fieldsOfLogfmt(line.trimEnd());
  assertEquals([pairs?.get("user"), pairs?.get("domain")], ['an "gela', "example.org"]);
  assertEquals(
    format(AT, 7, SMTP_EVENTS.rcpt, { user: EVERY_BYTE, domain: "" }).split("\n").length,
    2,
  );
});

Deno.test("withRemoteIp: a field in logfmt as in JSON", () => {
  const format = withRemoteIp("logfmt", logfmtFormat());
  format(AT, 7, SMTP_EVENTS.remoteip, { ip: "192.0.2.7" });
  const line = format(AT, 7, SMTP_EVENTS.rcpt, { user: "a", domain: "b" });
  assertEquals(line.endsWith(" user=a domain=b remoteip=192.0.2.7\n"), true, line);
});

Deno.test("jsonFormat, logfmtFormat: every event of the tables is one whole line, whatever its fields hold", () => {
  let count = 0;
  for (const table of Object.values(tables) as unknown as Record<string, TraceEvent<Fields>>[]) {
    for (const event of Object.values(table)) {
      const names: string[] = [];
      event.text(
        new Proxy({}, { get: (_, name) => names.push(String(name)) === 0 ? "" : EVERY_BYTE }),
      );
      const fields = Object.fromEntries(names.map((name) => [name, EVERY_BYTE]));
      const json = jsonFormat()(AT, 77, event, fields);
      const value = JSON.parse(json);
      assertEquals([value.id, value.level, value.session, value.fn], [
        event.id,
        event.level,
        77,
        event.fn,
      ]);
      for (const name of names) assertEquals(value[ownName(name)], EVERY_BYTE, event.id);
      for (const line of [json, logfmtFormat()(AT, 77, event, fields)]) {
        assertEquals(line.indexOf("\n"), line.length - 1, event.id);
        const read = readTraceLine(line.slice(0, -1));
        assertEquals([read?.id, read?.session, read?.level], [event.id, 77, event.level], line);
      }
      count++;
    }
  }
  assertEquals(count > 100, true);
});
