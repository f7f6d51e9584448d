/** Every limit at N-1, N and N+1. */
import { assert, assertEquals } from "@std/assert";
import type { Settings } from "../../../settings/mod.ts";
import { lookupOf, talk } from "./kit.ts";

/** The codes behind the greeting. */
async function after(input: string, settings: Partial<Settings>, control?: Record<string, string>) {
  const lookup = lookupOf({ known: ["joe@example.com"] });
  const setup = control === undefined ? { settings, lookup } : { settings, lookup, control };
  const { codes, engine, queue } = await talk(input, setup);
  return { codes: codes.slice(1).join(" "), wants: engine.wants, queue };
}

const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<joe@example.com>\r\n";

Deno.test("command_line_bytes: 600 bytes with CR LF are taken, 601 not, and the rest is dropped", async () => {
  const settings = { command_line_bytes: 600 };
  const line = (bytes: number): string => `NOOP ${"x".repeat(bytes - 7)}\r\n`;
  assertEquals((await after(line(599), settings)).codes, "250");
  assertEquals((await after(line(600), settings)).codes, "250");
  assertEquals((await after(line(601) + "NOOP\r\n", settings)).codes, "500 250");
  const bare = (bytes: number): string => `NOOP ${"x".repeat(bytes - 6)}\n`;
  assertEquals((await after(bare(600) + bare(601), settings)).codes, "250 500");
});

Deno.test("command_line_bytes: the same limits when the line comes byte by byte", async () => {
  const settings = { command_line_bytes: 600 };
  for (const [bytes, code] of [[599, "250"], [600, "250"], [601, "500"], [5000, "500"]] as const) {
    const input = `NOOP ${"x".repeat(bytes - 7)}\r\nNOOP\r\n`;
    const { codes } = await talk(input, { settings }, [...input].map((_, i) => i));
    assertEquals(codes.slice(1), [code, "250"], `${bytes}`);
  }
});

Deno.test("max_recipients: the recipient beyond is 452, the others are delivered", async () => {
  const input = (n: number): string => MAIL + RCPT.repeat(n) + "DATA\r\n.\r\n";
  const settings = { max_recipients: 3 };
  assertEquals((await after(input(2), settings)).codes, "250 250 250 354 250");
  assertEquals((await after(input(3), settings)).codes, "250 250 250 250 354 250");
  const beyond = await after(input(4), settings);
  assertEquals(beyond.codes, "250 250 250 250 452 354 250");
  assertEquals(beyond.queue.taken[0]?.envelope.recipients.length, 3);
});

Deno.test("max_messages: the message beyond gets 421", async () => {
  const message = MAIL + RCPT + "DATA\r\n.\r\n";
  const settings = { max_messages: 2 };
  const one = "250 250 354 250";
  assertEquals((await after(message, settings)).codes, one);
  assertEquals((await after(message.repeat(2), settings)).codes, `${one} ${one}`);
  const beyond = await after(message.repeat(3), settings);
  assertEquals([beyond.codes, beyond.wants], [`${one} ${one} 421`, "close"]);
  assertEquals((await after(message.repeat(3), {})).codes, `${one} ${one} ${one}`);
});

Deno.test("max_syntax_errors: so many are borne, the next ends the session", async () => {
  const settings = { max_syntax_errors: 3 };
  assertEquals((await after("WHAT\r\n".repeat(2) + "NOOP\r\n", settings)).codes, "500 500 250");
  assertEquals((await after("WHAT\r\n".repeat(3) + "NOOP\r\n", settings)).codes, "500 500 500 250");
  const beyond = await after("WHAT\r\n".repeat(4) + "NOOP\r\n", settings);
  assertEquals([beyond.codes, beyond.wants], ["500 500 500 500 421", "close"]);
});

Deno.test("max_syntax_errors: counts wrong arguments, not commands out of turn", async () => {
  const settings = { max_syntax_errors: 1 };
  const wrong = "MAIL FROM:<a@b> SIZE=x\r\nMAIL FROM:<a@b> FOO\r\nNOOP\r\n";
  assertEquals((await after(wrong, settings)).codes, "501 555 421");
  assertEquals((await after("DATA\r\n".repeat(30), settings)).codes.length, 30 * 4 - 1);
});

Deno.test("max_unknown_recipients: so many are borne, the next ends the session; 0 is no limit", async () => {
  const unknown = "RCPT TO:<nobody@example.com>\r\n";
  const reject = { on_invalid_rcpt: "reject" as const };
  const settings = { ...reject, max_unknown_recipients: 2 };
  assertEquals((await after(MAIL + unknown + "NOOP\r\n", settings)).codes, "250 550 250");
  assertEquals(
    (await after(MAIL + unknown.repeat(2) + "NOOP\r\n", settings)).codes,
    "250 550 550 250",
  );
  const beyond = await after(MAIL + unknown.repeat(3) + "NOOP\r\n", settings);
  assertEquals([beyond.codes, beyond.wants], ["250 550 550 550 421", "close"]);
  const without = await after(MAIL + unknown.repeat(200), { ...reject, max_unknown_recipients: 0 });
  assertEquals([without.codes.length, without.wants], [201 * 4 - 1, "close"]);
});

Deno.test("max_relay_attempts: so many are borne, the next ends the session", async () => {
  const relay = "RCPT TO:<x@far.example>\r\n";
  const settings = { max_relay_attempts: 2 };
  assertEquals((await after(MAIL + relay + "NOOP\r\n", settings)).codes, "250 553 250");
  assertEquals(
    (await after(MAIL + relay.repeat(2) + "NOOP\r\n", settings)).codes,
    "250 553 553 250",
  );
  const beyond = await after(MAIL + relay.repeat(3) + "NOOP\r\n", settings);
  assertEquals([beyond.codes, beyond.wants], ["250 553 553 553 421", "close"]);
});

Deno.test("databytes: counts what is stored; one byte more is 552 and given up at once", async () => {
  const message = (bytes: number): string =>
    `${MAIL}${RCPT}DATA\r\n..${"x".repeat(bytes - 2)}\r\n.\r\nNOOP\r\n`;
  const settings = { databytes: 100 };
  for (const bytes of [99, 100]) {
    const { codes, queue } = await after(message(bytes), settings);
    assertEquals([codes, queue.taken[0]?.complete], ["250 250 354 250 250", true]);
  }
  const beyond = await after(message(101), settings);
  assertEquals(beyond.codes, "250 250 354 552 250");
  assertEquals(beyond.queue.taken[0]?.complete, false);
});

Deno.test("databytes: SIZE is judged at MAIL", async () => {
  const mail = (size: number): string => `MAIL FROM:<a@b.example> SIZE=${size}\r\n`;
  const settings = { databytes: 100 };
  assertEquals((await after(mail(99) + mail(100) + mail(101), settings)).codes, "250 250 552");
  assertEquals((await after(mail(1e15), {})).codes, "250");
});

Deno.test("max_hops: as many header lines are a loop, one fewer is not", async () => {
  const message = (hops: number): string =>
    `${MAIL}${RCPT}DATA\r\n${"Received: x\r\n".repeat(hops)}\r\n.\r\n`;
  const settings = { max_hops: 4 };
  assertEquals((await after(message(3), settings)).codes, "250 250 354 250");
  for (const hops of [4, 5]) {
    const { codes, queue } = await after(message(hops), settings);
    assertEquals([codes, queue.taken[0]?.complete], ["250 250 354 554", false]);
  }
});

Deno.test("databytes: what comes behind the limit is dropped, not kept", async () => {
  const input = `${MAIL}${RCPT}DATA\r\n${"x".repeat(5000000)}\r\n.\r\nQUIT\r\n`;
  const { codes, queue } = await after(input, { databytes: 1000 });
  assertEquals(codes, "250 250 354 552 221");
  assert((queue.taken[0]?.message.length ?? 0) < 70000);
});
