import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { htmlReport } from "../../../report/html.ts";
import { textReport } from "../../../report/text.ts";
import { SMTP_EVENTS } from "../../../trace/events.ts";
import { katrFormat } from "../../../trace/katr.ts";
import { reported } from "./kit.ts";
import { sampleLogs } from "./sample_logs.ts";

const NOW = Date.UTC(2026, 2, 1, 12);
const EVIL = '<script>alert("x")</script>\x1b[2J\u0007\x9b31m\xe2\x80\xae&\'';

/** A trace and a log in which everything that a client chooses is hostile. */
function hostileLogs(): string[] {
  const line = katrFormat();
  const ip = "192.0.2.7";
  const fields = { user: EVIL, domain: EVIL, ip };
  const trace = line(NOW, 7, SMTP_EVENTS.remoteip, { ip }) +
    line(NOW, 7, SMTP_EVENTS.rcpt, fields) + line(NOW, 7, SMTP_EVENTS.rcptUnknown, fields) +
    line(NOW, 7, SMTP_EVENTS.rcptRelay, { recipient: EVIL, sender: EVIL, ip });
  const utf8 = String.fromCharCode(...new TextEncoder().encode(trace));
  const raw = `rblsmtpd: ${ip} pid 1: 553 ${EVIL}\n` +
    `info msg 1: bytes 1 from <${EVIL}> qp 1 uid 1\n` +
    `starting delivery 1: msg 1 to local ${EVIL}@example.org\n` +
    `delivery 1: failure: ${EVIL}\nbounce msg 1 qp 2\nend msg 1\n` +
    `info msg 1: bytes 1 from <> qp 2 uid 1\nstarting delivery 2: msg 1 to remote ${EVIL}\n`;
  return [utf8, raw];
}

Deno.test("htmlReport: nothing from a log becomes markup, and nothing is fetched or run", async () => {
  const page = htmlReport(await reported(hostileLogs()));
  assertStringIncludes(page, "&lt;script&gt;alert(&quot;x&quot;)");
  assertFalse(/<script/i.test(page));
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  assertFalse(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(page));
  assertFalse(/https?:|url\(|<link|<img|<iframe|\son\w+=|javascript:/i.test(
    page.replace(/<title>.*?<\/title>/gs, ""),
  ));
  assertStringIncludes(page, "default-src 'none'");
});

Deno.test("htmlReport: every tag that is opened is closed", async () => {
  const logs = sampleLogs(300, "katr", NOW);
  const page = htmlReport(await reported([[...logs.trace].join(""), logs.send.join("")]));
  const open: string[] = [];
  for (
    const [, slash, name = "", , self] of page.matchAll(/<(\/?)(\w+)((?:[^>"]|"[^"]*")*?)(\/?)>/g)
  ) {
    if (slash === "/") assertEquals(open.pop(), name);
    else if (self !== "/" && name !== "meta") open.push(name);
  }
  assertEquals(open, []);
});

Deno.test("htmlReport: has a viewport, dark colours and charts", async () => {
  const logs = sampleLogs(300, "json", NOW);
  const page = htmlReport(await reported([[...logs.trace].join(""), logs.send.join("")]));
  assertStringIncludes(page, 'name="viewport" content="width=device-width');
  assertStringIncludes(page, "prefers-color-scheme: dark");
  assert((page.match(/<svg/g)?.length ?? 0) > 10);
});

Deno.test("textReport: no control character and no line longer than 80 comes through", async () => {
  const logs = sampleLogs(2000, "katr", NOW);
  const all = [...hostileLogs(), [...logs.trace].join(""), logs.send.join("")];
  const text = textReport(await reported(all), false);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  assertFalse(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text));
  for (const line of text.split("\n")) assert([...line].length <= 80, line);
  assertStringIncludes(text, "\\x1b[2J");
});

Deno.test("textReport: colour is only where it is asked for, and says the same", async () => {
  const report = await reported(hostileLogs());
  const plain = textReport(report, false);
  const colour = textReport(report, true);
  assert(colour.includes("\x1b["));
  // deno-lint-ignore no-control-regex -- what is taken out
  assertEquals(colour.replace(/\x1b\[\d+m/g, ""), plain);
});

Deno.test("textReport: of nothing is short, not wrong", async () => {
  const text = textReport(await reported([""]), false);
  assertStringIncludes(text, "1 log, 0 lines");
  assert(text.split("\n").length < 6, text);
});

Deno.test("textReport: refusals over time have a line where something was refused, a step of one day is a day", async () => {
  const line = katrFormat();
  const ip = "192.0.2.7";
  const day = (n: number) => line(NOW + n * 86_400_000, n, SMTP_EVENTS.remoteip, { ip });
  const named = { user: "joe", domain: "example.org", ip };
  const refused = (n: number) =>
    line(NOW + n * 86_400_000, n, SMTP_EVENTS.rcpt, named) +
    line(NOW + n * 86_400_000, n, SMTP_EVENTS.rcptUnknown, named);
  const days = Array.from({ length: 40 }, (_, n) => day(n + 1));
  const none = textReport(await reported([days.join("")]), false);
  assertFalse(none.includes("Refused over time"), none);
  const some = textReport(await reported([days.map((d, n) => d + refused(n + 1)).join("")]), false);
  assertStringIncludes(some, "a character for 1 day,");
});

Deno.test("reported: katr and json of the same sessions say the same", async () => {
  const from = async (format: "katr" | "json") => {
    const logs = sampleLogs(400, format, NOW);
    const report = await reported([[...logs.trace].join(""), logs.send.join("")]);
    // KATR's form has no milliseconds.
    const second = (iso: string | null) => iso?.slice(0, 19);
    const suspects = report.suspects.rows.map((row) => ({ ...row, when: second(row.when) }));
    return { ...report, suspects, read: null, from: null, until: null };
  };
  const [katr, json] = [await from("katr"), await from("json")];
  assertEquals(katr, json);
});
