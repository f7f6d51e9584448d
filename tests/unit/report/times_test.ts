import { assertEquals } from "@std/assert";
import { parseMoment, parseSpan, takeStamp } from "../../../report/times.ts";

const local = (...parts: [number, number, number, number, number, number, number?]) =>
  new Date(...parts).getTime();
const LATE = local(2026, 0, 2, 12, 0, 0);

Deno.test("takeStamp: TAI64N is read to the millisecond", () => {
  const stamped = takeStamp("@4000000054662f8e1a2b3c4d new msg 1", LATE);
  // 0x54662f8e seconds, less the ten of TAI; 0x1a2b3c4d nanoseconds.
  assertEquals(stamped, { whenMs: (0x54662f8e - 10) * 1000 + 439, body: "new msg 1" });
});

Deno.test("takeStamp: splogger's epoch says more than syslog's date", () => {
  const line = "Nov 13 22:17:34 host qmail: 1415917054.123456 new msg 1";
  assertEquals(takeStamp(line, LATE), { whenMs: 1415917054123, body: "new msg 1" });
});

Deno.test("takeStamp: a date without a year is the last one before the log was written", () => {
  const at = (line: string) => takeStamp(line, LATE).whenMs;
  assertEquals(at("Jan  2 11:00:00 host qmail: new msg 1"), local(2026, 0, 2, 11, 0, 0));
  assertEquals(at("Dec 31 23:59:59 host qmail: new msg 1"), local(2025, 11, 31, 23, 59, 59));
  assertEquals(at("Feb 28 01:02:03 host qmail: new msg 1"), local(2025, 1, 28, 1, 2, 3));
});

Deno.test("takeStamp: syslog's name of a program belongs to tcpserver's lines alone", () => {
  const body = (tag: string) => takeStamp(`Jan  1 00:00:01 host ${tag}: status: 1/40`, LATE).body;
  assertEquals(body("tcpserver[77]"), "tcpserver: status: 1/40");
  assertEquals(body("qmail"), "status: 1/40");
});

Deno.test("takeStamp: RFC 3339 from syslog, KATR's and tai64nlocal's local time", () => {
  const syslog = takeStamp("2026-01-01T10:00:00.250+00:00 host qmail[1]: end msg 1", LATE);
  assertEquals(syslog, { whenMs: Date.UTC(2026, 0, 1, 10, 0, 0, 250), body: "end msg 1" });
  const katr = takeStamp("2026-01-01 10:00:00 (1) (7) setup: remoteip: 192.0.2.7", LATE);
  assertEquals(katr.whenMs, local(2026, 0, 1, 10, 0, 0));
  const tai = takeStamp("2026-01-01 10:00:00.123456789 end msg 1", LATE);
  assertEquals(tai, { whenMs: local(2026, 0, 1, 10, 0, 0, 123), body: "end msg 1" });
});

Deno.test("takeStamp: svlogd's -tt and -ttt are UTC", () => {
  const whenMs = Date.UTC(2026, 2, 1, 8, 0, 0, 123);
  for (const stamp of ["2026-03-01_08:00:00.12345", "2026-03-01T08:00:00.12345"]) {
    assertEquals(takeStamp(`${stamp} new msg 1`, 0), { whenMs, body: "new msg 1" });
  }
});

Deno.test("takeStamp: a line without a stamp stays whole", () => {
  for (const line of ["new msg 1", "", "@nonsense", "Foo 99 xx", "12345 x"]) {
    assertEquals(takeStamp(line, LATE), { whenMs: null, body: line });
  }
});

Deno.test("parseSpan: numbers with a unit, nothing else", () => {
  assertEquals(parseSpan("90m"), 5_400_000);
  assertEquals(parseSpan("24h"), 86_400_000);
  assertEquals(parseSpan("2w"), 1_209_600_000);
  for (const text of ["", "24", "h", "1.5h", "-1d", "1y"]) assertEquals(parseSpan(text), null);
});

Deno.test("parseMoment: local days and minutes, no day that does not exist", () => {
  assertEquals(parseMoment("2026-03-01"), local(2026, 2, 1, 0, 0, 0));
  assertEquals(parseMoment("2026-03-01 14:05"), local(2026, 2, 1, 14, 5, 0));
  assertEquals(parseMoment("2026-03-01T14:05:06"), local(2026, 2, 1, 14, 5, 6));
  assertEquals(parseMoment("2026-03-01T14:05:06Z"), Date.UTC(2026, 2, 1, 14, 5, 6));
  for (const text of ["2026-02-30", "yesterday", "2026-13-01"]) {
    assertEquals(parseMoment(text), null, text);
  }
});
