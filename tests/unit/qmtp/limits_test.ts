/** Every limit at one below, at and one above; and what a message costs in memory. */
import { assert, assertEquals } from "@std/assert";
import { createMemoryTracer } from "../../../trace/memory.ts";
import {
  ACCEPTED,
  BAD_RECIPIENT,
  BAD_SENDER,
  ns,
  packageOf,
  queueOf,
  RECEIVED,
  RELAY,
  rigOf,
  talk,
  TOO_BIG,
  TOO_MANY,
  UNKNOWN,
} from "./kit.ts";

const JOE = "joe@example.com";
const ANGELA = "angela@example.com";
const FAR = "x@elsewhere.example";

const answersIf = (
  isTaken: boolean,
  otherwise: string,
): string[] => [isTaken ? ACCEPTED : otherwise];

for (const [databytes, isTaken] of [[5, false], [6, true], [7, true], [0, true]] as const) {
  for (const coded of ["\n12345\n", "\r12345\r\n"]) {
    const ends = coded.startsWith("\n") ? "LF" : "CR LF";
    Deno.test(`databytes: 6 bytes with ${ends} where ${databytes} are allowed`, async () => {
      const input = packageOf(coded, "s", [JOE]);
      for (const cuts of [[], [...input].map((_, i) => i)]) {
        const { answers, opened } = await talk(input + input, { settings: { databytes } }, cuts);
        const once = answersIf(isTaken, TOO_BIG);
        assertEquals(answers, [...once, ...once]);
        assertEquals(opened, isTaken ? 2 : 0);
      }
    });
  }
}

Deno.test("databytes: a CR at the very end counts", async () => {
  const input = packageOf("\r12345\r", "s", [JOE]);
  assertEquals((await talk(input, { settings: { databytes: 5 } })).answers, [TOO_BIG]);
  assertEquals((await talk(input, { settings: { databytes: 6 } })).answers, [ACCEPTED]);
});

Deno.test("databytes: refused recipients keep their own answer", async () => {
  const settings = { databytes: 1 };
  const { answers } = await talk(packageOf("\n12", "s", [FAR, JOE]), { settings });
  assertEquals(answers, [RELAY, TOO_BIG]);
});

for (const [most, isTaken] of [[3, false], [4, true], [5, true]] as const) {
  Deno.test(`qmtp_message_bytes: a netstring of 4 bytes where ${most} are allowed`, async () => {
    const tracer = createMemoryTracer(1);
    const settings = { qmtp_message_bytes: most };
    const { answers } = await talk(packageOf("\n123", "s", [JOE]), { settings, tracer });
    assertEquals(answers, isTaken ? [ACCEPTED] : []);
    const ended =
      `(1) qmtp_end: terminating connection: the message is longer than ${most} bytes, 127.0.0.9`;
    assertEquals(tracer.lines().includes(ended), !isTaken);
  });
}

for (const [more, isTaken] of [[-1, false], [0, true], [1, true]] as const) {
  Deno.test(`qmtp_recipients_bytes: the list's length where ${more} more are allowed`, async () => {
    const settings = { qmtp_recipients_bytes: ns(JOE).length + more };
    const { answers } = await talk(packageOf("\nx", "s", [JOE]), { settings });
    assertEquals(answers, isTaken ? [ACCEPTED] : []);
  });
}

for (const n of [2, 3, 4]) {
  Deno.test(`max_recipients: ${n} of 3`, async () => {
    const settings = { max_recipients: 3 };
    const input = packageOf("\nx", "s", Array(n).fill(JOE));
    const { answers, queued } = await talk(input, { settings });
    assertEquals(answers, [ACCEPTED, ACCEPTED, ACCEPTED, TOO_MANY].slice(0, n));
    assertEquals(queued[0]?.envelope.recipients.length, Math.min(n, 3));
  });
}

for (const [bytes, isTaken] of [[998, true], [999, true], [1000, false]] as const) {
  Deno.test(`addresses: a recipient and a sender of ${bytes} bytes`, async () => {
    const address = "@example.com".padStart(bytes, "a");
    const input = packageOf("\nx", "s", [address]);
    for (const cuts of [[], [...input].map((_, i) => i)]) {
      const { answers } = await talk(input, { settings: { validate: false } }, cuts);
      assertEquals(answers, answersIf(isTaken, BAD_RECIPIENT));
    }
    const { answers } = await talk(packageOf("\nx", address, [JOE]));
    assertEquals(answers, answersIf(isTaken, BAD_SENDER));
  });
}

for (const [bytes, isTaken] of [[994, true], [995, true], [996, false]] as const) {
  Deno.test(`addresses: RELAYCLIENT of 4 bytes behind a recipient of ${bytes}`, async () => {
    const address = "@example.com".padStart(bytes, "a");
    const setup = { env: { RELAYCLIENT: "@x.y" }, settings: { validate: false } };
    const { answers } = await talk(packageOf("\nx", "s", [address]), setup);
    assertEquals(answers, answersIf(isTaken, BAD_RECIPIENT));
  });
}

Deno.test("max_relay_attempts: one more ends the session, after the answers", async () => {
  const settings = { max_relay_attempts: 2 };
  const tracer = createMemoryTracer(1);
  const pack = packageOf("\nx", "s", [FAR, JOE]);
  const { answers } = await talk(pack.repeat(4), { settings, tracer });
  assertEquals(answers, [RELAY, ACCEPTED, RELAY, ACCEPTED, RELAY, ACCEPTED]);
  const lines = tracer.lines();
  assert(lines.includes("(1) qmtp_end: terminating connection: relay_limit, 127.0.0.9"));
  assert(lines.at(-1)?.endsWith("end=relay_limit"));
});

for (const [most, packages] of [[1, 2], [2, 3], [0, 5]] as const) {
  Deno.test(`max_unknown_recipients: ${most} ends the session with package ${packages}`, async () => {
    const settings = { on_invalid_rcpt: "reject", max_unknown_recipients: most } as const;
    const { answers } = await talk(packageOf("\nx", "s", [ANGELA]).repeat(5), { settings });
    assertEquals(answers, Array(packages).fill(UNKNOWN));
  });
}

Deno.test("max_unknown_recipients: does not count for a relay client", async () => {
  const settings = { on_invalid_rcpt: "reject", max_unknown_recipients: 1 } as const;
  const setup = { settings, env: { RELAYCLIENT: "" } };
  const { answers } = await talk(packageOf("\nx", "s", [ANGELA]).repeat(5), setup);
  assertEquals(answers, Array(5).fill(UNKNOWN));
});

Deno.test("recipients beyond the limit are answered without gathering their answers", async () => {
  const { engine, output, queue } = rigOf({ settings: { max_recipients: 2 } });
  const n = 20_000;
  const input = packageOf("\nx", "s", [JOE, JOE, ...Array(n).fill("")]);
  for (let at = 0; at < input.length; at += 1000) {
    await engine.receive(new TextEncoder().encode(input.slice(at, at + 1000)));
  }
  assertEquals(output.said, ns(ACCEPTED).repeat(2) + ns(TOO_MANY).repeat(n));
  assertEquals(queue.taken[0]?.envelope.recipients.length, 2);
  assert(output.most < 70_000, `${output.most} bytes waited`);
  assertEquals(engine.wants, "input");
});

Deno.test("a long message waits in a file: receive asks to wait, and it arrives whole", async () => {
  const queue = queueOf({ slow: true });
  const { engine, output } = rigOf({ queue });
  const line = "0123456789abcdef\r\n";
  const lines = 40_000;
  await engine.receive(new TextEncoder().encode(`${1 + line.length * lines}:\r`));
  const chunk = new TextEncoder().encode(line.repeat(100));
  let waits = 0;
  for (let i = 0; i < lines / 100; i++) {
    const paused = engine.receive(chunk);
    if (paused !== undefined) waits++;
    await paused;
  }
  await engine.receive(new TextEncoder().encode(`,${ns("s")}${ns(ns(JOE))}`));
  assert(waits >= 640_000 / 65_536, `waited ${waits} times`);
  assertEquals(output.said, ns(ACCEPTED));
  assertEquals(queue.taken[0]?.message, RECEIVED + "0123456789abcdef\n".repeat(lines));
});

Deno.test("a chunk larger than a piece is taken whole", async () => {
  const message = "x".repeat(300_000);
  const { answers, queued } = await talk(packageOf(`\r${message}`, "s", [JOE]));
  assertEquals(answers, [ACCEPTED]);
  assertEquals(queued[0]?.message, RECEIVED + message);
});

Deno.test("a message that goes nowhere costs no file", async () => {
  const { engine } = rigOf({ settings: { databytes: 999_999 } });
  await engine.receive(new TextEncoder().encode("1000001:\n"));
  const chunk = new Uint8Array(50_000).fill(65);
  for (let i = 0; i < 20; i++) assertEquals(engine.receive(chunk), undefined);
  await engine.end("eof");
});
