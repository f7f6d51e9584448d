import { assertEquals, assertMatch } from "@std/assert";
import { Notebook } from "../net/toy.ts";
import { lookupOf, type Setup, talk } from "./kit.ts";

const BLOCKED = { RBLSMTPD: "-Your network sends what nobody wants" };
const MAIL = "HELO mx.example\r\nMAIL FROM:<a@b.example>\r\n";
const TO_JOE = "RCPT TO:<joe@example.com>\r\n";
const DATA = "DATA\r\nSubject: a\r\n folded\r\nFrom: b\r\n\r\nTo: no header\r\n.\r\n";

async function captured(input: string, setup: Setup = {}) {
  const tracer = new Notebook();
  const settings = { rbl_capture: true, ...setup.settings };
  const talked = await talk(input, { ...setup, env: BLOCKED, tracer, settings });
  const lines = tracer.lines.filter((line) => line.includes("captured"));
  return { ...talked, lines };
}

Deno.test("capture: who a list refuses says all up to his header, and is refused behind the dot", async () => {
  const { codes, said, queue, lines } = await captured(`${MAIL}${TO_JOE}${DATA}QUIT\r\n`);
  assertEquals(codes, ["220", "250", "250", "250", "354", "553", "221"]);
  assertMatch(said, /553 5\.7\.1 Your network sends what nobody wants/);
  assertEquals(queue.taken, []);
  assertEquals(lines.slice(0, 5).map((line) => line.replace(/ rule\[[^\]]*\]/, "")), [
    "smtp_rcpt: captured: ip[127.0.0.9] helo[mx.example] from <a@b.example> to <joe@example.com>",
    "smtp_data: captured: ip[127.0.0.9] 553 rbl_refused by helo[mx.example] from <a@b.example> " +
    "to 1 rcpt, header of 3 lines",
    "smtp_data: captured: ip[127.0.0.9] header: Subject: a",
    "smtp_data: captured: ip[127.0.0.9] header:  folded",
    "smtp_data: captured: ip[127.0.0.9] header: From: b",
  ]);
});

Deno.test("capture: off, the recipient is refused and nothing of it is traced", async () => {
  const { codes, lines } = await captured(`${MAIL}${TO_JOE}DATA\r\n`, {
    settings: { rbl_capture: false },
  });
  assertEquals(codes, ["220", "250", "250", "553", "503"]);
  assertEquals(lines, []);
});

Deno.test("capture: nothing is learnt about recipients", async () => {
  const input = `${MAIL}RCPT TO:<nobody@example.com>\r\nRCPT TO:<x@far.example>\r\n${DATA}`;
  const { codes, queue } = await captured(input, { lookup: lookupOf({ known: [] }) });
  assertEquals(codes, ["220", "250", "250", "250", "250", "354", "553"]);
  assertEquals(queue.taken, []);
});

Deno.test("capture: never in a transaction with a recipient who gets the message, and none joins it", async () => {
  const toPostmaster = "RCPT TO:<postmaster@example.com>\r\n";
  const first = await captured(`${MAIL}${toPostmaster}${TO_JOE}${DATA}`);
  assertEquals(first.codes, ["220", "250", "250", "250", "553", "354", "250"]);
  assertEquals(first.queue.taken.map((m) => m.envelope.recipients), [["postmaster@example.com"]]);
  const second = await captured(`${MAIL}${TO_JOE}${toPostmaster}${DATA}`);
  assertEquals(second.codes, ["220", "250", "250", "250", "451", "354", "553"]);
  assertEquals(second.queue.taken, []);
});

Deno.test("capture: the next transaction begins anew, and RSET ends one", async () => {
  const { codes } = await captured(
    `${MAIL}${TO_JOE}RSET\r\nDATA\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n${TO_JOE}${DATA}`,
  );
  assertEquals(codes, [
    "220",
    "250",
    "250",
    "250",
    "250",
    "503",
    "250",
    "503",
    "250",
    "354",
    "553",
  ]);
});

Deno.test("capture: max_recipients holds", async () => {
  const { codes } = await captured(`${MAIL}${TO_JOE.repeat(3)}`, {
    settings: { max_recipients: 2 },
  });
  assertEquals(codes.slice(3), ["250", "250", "452"]);
});

Deno.test("capture: a client that goes in the middle of its data leaves what it said", async () => {
  const { lines, queue } = await captured(`${MAIL}${TO_JOE}DATA\r\nSubject: half\r\nTo: x`);
  assertEquals(lines.at(-2), "smtp_data: captured: ip[127.0.0.9] header: Subject: half");
  assertEquals(queue.taken, []);
});

Deno.test("capture: the header is the same wherever reads end, and a long one is cut", async () => {
  const input = `${MAIL}${TO_JOE}${DATA}`;
  const whole = (await captured(input)).lines;
  for (let cut = input.indexOf("DATA"); cut < input.length; cut++) {
    const tracer = new Notebook();
    const settings = { rbl_capture: true };
    await talk(input, { env: BLOCKED, tracer, settings }, [cut]);
    assertEquals(tracer.lines.filter((line) => line.includes("captured")), whole);
  }
  const long = `${MAIL}${TO_JOE}DATA\r\n${"X: y\r\n".repeat(50_000)}\r\n.\r\n`;
  const { lines, codes } = await captured(long);
  assertEquals([lines.length, codes.at(-1)], [202, "553"]);
});
