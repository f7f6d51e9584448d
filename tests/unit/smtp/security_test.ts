/** Incidents of the past, by name, and input that is out to break something. */
import { assert, assertEquals } from "@std/assert";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { feed, queueOf, rigOf, talk } from "./kit.ts";

const UNTIL_DATA = "EHLO h\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n";
const SECOND = "MAIL FROM:<forged@bank.example>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\nx\r\n.\r\n";

for (const header of ["", "Subject: x\r\n\r\n"]) {
  const place = header === "" ? "header" : "body";
  for (const end of ["\n.\n", "\r\n.\n", "\n.\r\n", "x\n.\r\n"]) {
    const name = JSON.stringify(end);
    Deno.test(`CVE-2023-51764 (SMTP smuggling): ${name} in the ${place} ends no data but the session`, async () => {
      const input = `${UNTIL_DATA}${header}x${end}${SECOND}.\r\nQUIT\r\n`;
      for (const cuts of [[], [...input].map((_, i) => i)]) {
        const { codes, queue, engine } = await talk(input, {}, cuts);
        assertEquals(codes.slice(4), ["354", "451"]);
        assertEquals(queue.taken.map((t) => t.complete), [false]);
        assertEquals(engine.wants, "close");
      }
    });
  }
  for (const end of ["\r.\r", "\r\n.\r", "\r\n.\r.\r\n", "\r\n.\r\r\n", "\r.\r\n", "\r\n.\0\r\n"]) {
    const name = JSON.stringify(end);
    Deno.test(`CVE-2023-51764 (SMTP smuggling): ${name} in the ${place} is data`, async () => {
      const input = `${UNTIL_DATA}${header}x${end}${SECOND}QUIT\r\n`;
      for (const cuts of [[], [...input].map((_, i) => i)]) {
        const { codes, queue } = await talk(input, {}, cuts);
        assertEquals(codes.slice(4), ["354", "250", "221"]);
        assertEquals(queue.taken.length, 1);
        assert(queue.taken[0]?.message.includes("forged@bank.example"));
      }
    });
  }
}

Deno.test("CVE-2011-0411 (STARTTLS injection): what was sent in clear is forgotten once secured", async () => {
  const rig = rigOf();
  await rig.engine.start();
  await rig.engine.receive(
    new TextEncoder().encode("EHLO h\r\nMAIL FROM:<a@b.example>\r\nRCPT TO"),
  );
  rig.engine.secured?.({ version: "TLSv1.3", cipher: "X", sni: null, clientSubject: null });
  const before = rig.output.said.length;
  await rig.engine.receive(new TextEncoder().encode("NOOP\r\nRCPT TO:<joe@example.com>\r\n"));
  assertEquals(rig.output.said.slice(before).match(/^\d+/gm), ["250", "503"]);
});

Deno.test("pipelining: nothing behind QUIT is judged or answered", async () => {
  const tracer = createMemoryTracer(4);
  const { codes, engine } = await talk("QUIT\r\nNOOP\r\nWHAT\r\n", { tracer });
  assertEquals([codes, engine.wants], [["220", "221"], "close"]);
  assertEquals(tracer.events.filter((e) => e.text.startsWith("C: ")).length, 1);
});

Deno.test("envelope injection: a NUL ends what is looked at", async () => {
  const input = "MAIL FROM:<a\0@b.example>\r\nRCPT TO:<joe@example.com\0>\r\nDATA\r\n.\r\n" +
    "NO\0OP\r\nNOOP\0x\r\n";
  const { codes, queue } = await talk(input);
  assertEquals(codes.slice(1), ["250", "250", "354", "250", "500", "250"]);
  assertEquals(queue.taken[0]?.envelope, { sender: "a", recipients: ["joe@example.com"] });
});

Deno.test("8-bit verbs and other bytes that only look like letters are not understood", async () => {
  const { codes } = await talk(
    "\xce\xcf\xcf\xd0\r\n\x0e\x0f\x0f\x10\r\nNOOP\t\r\n NOOP\r\nNOOPX\r\n",
  );
  assertEquals(codes.slice(1), ["500", "500", "500", "500", "500"]);
});

Deno.test("huge lines: memory does not grow with what the client sends", async () => {
  const rig = rigOf();
  await rig.engine.start();
  const chunk = new Uint8Array(65536).fill(0x78);
  const before = Deno.memoryUsage().external;
  for (let i = 0; i < 3000; i++) await rig.engine.receive(chunk);
  assert(Deno.memoryUsage().external - before < 32 * 1024 * 1024);
  await rig.engine.receive(new TextEncoder().encode("\r\nNOOP\r\n"));
  assertEquals(rig.output.said.match(/^\d+/gm), ["220", "500", "250"]);
});

Deno.test("reply injection: a queue's text can't add a reply", async () => {
  const queue = queueOf({
    outcome: {
      kind: "refused",
      code: "9.9.9\r\n250 x",
      reason: "no\r\n250 2.0.0 ok",
      isPublic: true,
    },
  });
  const { said } = await talk(UNTIL_DATA + ".\r\n", { queue });
  assertEquals(said.split("\r\n").at(-2), "554 5.3.0 no??250 2.0.0 ok");
});

Deno.test("secrets: the dialogue shows of AUTH only the verb", async () => {
  const tracer = createMemoryTracer(4);
  await talk("aUtH PLAIN AGpvZQBzZWNyZXQ=\r\nAUTH\tLOGIN c2VjcmV0\r\nNOOP x\r\n", { tracer });
  const lines = tracer.lines();
  assertEquals(lines.filter((l) => l.includes("C: AUTH ...")).length, 2);
  assertEquals(lines.filter((l) => /AGpv|c2Vj/.test(l)), []);
  assert(lines.includes("(4) smtp_io: C: NOOP x"));
});

Deno.test("trace injection: control characters are made visible", async () => {
  const tracer = createMemoryTracer(4);
  await talk("MAIL FROM:<a\rb@c>\r\nRCPT TO:<x\x1b[2J@example.com>\r\n", { tracer });
  for (const line of tracer.lines()) {
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x1f]/.test(line), false, JSON.stringify(line));
  }
});

Deno.test("lost client: a message without its end is given up, however the session ends", async () => {
  for (
    const reason of ["eof", "idle", "session_time", "shutdown", "stalled", "io_error"] as const
  ) {
    const rig = rigOf();
    await feed(rig.engine, UNTIL_DATA + "half a mess", [], reason);
    assertEquals(rig.queue.taken.map((t) => t.complete), [false]);
    assertEquals([rig.engine.busy, rig.engine.wants], [false, "close"]);
    const last = rig.output.said.split("\r\n").at(-2) ?? "";
    const expected = ["idle", "session_time", "shutdown"].includes(reason) ? "421" : "354";
    assertEquals(last.slice(0, 3), expected, reason);
  }
});
