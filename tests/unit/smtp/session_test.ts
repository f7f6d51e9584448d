/** The engine as a whole: every reply, chunking, suspension, ends. */
import { assert, assertEquals } from "@std/assert";
import type { QueueOutcome } from "../../../queue/types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { ENV, lookupOf, queueOf, rigOf, type Setup, SITE, talk } from "./kit.ts";

const HELLO = "EHLO h\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<joe@example.com>\r\n";
const MESSAGE = `${MAIL}${RCPT}DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n`;

Deno.test("createSmtpEngine: EHLO announces what is there, HELO does not", async () => {
  const { said } = await talk("EHLO h\r\nHELO h\r\n");
  assertEquals(said.split("\r\n").slice(1, 8), [
    "250-mail.example.com",
    "250-PIPELINING",
    "250-8BITMIME",
    "250-SIZE",
    "250-ENHANCEDSTATUSCODES",
    "250 SMTPUTF8",
    "250 mail.example.com",
  ]);
});

Deno.test("createSmtpEngine: a message arrives with its envelope, its Received line, its id", async () => {
  const { said, queue } = await talk(HELLO + MESSAGE + "QUIT\r\n");
  assertEquals(queue.taken, [{
    complete: true,
    envelope: { sender: "a@b.example", recipients: ["joe@example.com"] },
    message: "Received: from unknown (HELO h) (127.0.0.9)\n  by 127.0.0.1 with ESMTP; " +
      "20 Nov 2026 13:27:48 -0000\nSubject: x\n\nbody\n",
  }]);
  assert(said.includes("\r\n250 2.0.0 ok 1795181268 qp 1234\r\n221 2.0.0 mail.example.com\r\n"));
});

Deno.test("createSmtpEngine: SMTPUTF8 shows in Received", async () => {
  const input = HELLO + MESSAGE.replace("example>\r\n", "example> SMTPUTF8 BODY=8BITMIME\r\n");
  const { queue } = await talk(input);
  assert(queue.taken[0]?.message.includes(" with UTF8SMTP; "));
});

Deno.test("createSmtpEngine: whatever the chunks, the same replies and the same message", async () => {
  const input = HELLO + MESSAGE + "WHAT\r\nRSET\r\nVRFY x\nNOOP\r\n" + MAIL +
    "RCPT TO:<nobody@example.com>\r\nRCPT TO:<sue@example.com>\r\n" +
    "RCPT TO:<x@far.example>\r\nMAIL FROM:<c@d.example> SIZE=x\r\n" + RCPT + RCPT +
    "DATA\r\nReceived: x\r\n..\r\n\r\n..x\r\nlast\r.\r\n.\r\nQUIT\r\nNOOP\r\n";
  const setup = (slow: boolean): Setup => ({
    settings: { on_invalid_rcpt: "reject" },
    lookup: lookupOf({ known: ["joe@example.com"], undecided: ["sue@example.com"], slow }),
    queue: queueOf({ slow }),
  });
  const whole = await talk(input, setup(false));
  assertEquals(whole.queue.taken.length, 2);
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % below;
  };
  const byByte = [...input].map((_, i) => i);
  const splits = Array.from(
    { length: 200 },
    () => Array.from({ length: 1 + random(8) }, () => random(input.length)).sort((a, b) => a - b),
  );
  for (const slow of [false, true]) {
    for (const cuts of [[], byByte, ...splits]) {
      const { said, queue } = await talk(input, setup(slow), cuts);
      assertEquals(said, whole.said);
      assertEquals(queue.taken, whole.queue.taken);
    }
  }
});

Deno.test("createSmtpEngine: makes no promise where nothing has to be waited for", async () => {
  const rig = rigOf();
  assertEquals(rig.engine.start(), undefined);
  const all = HELLO + MAIL + RCPT + "DATA\r\nSubject: x\r\n\r\nbody\r\n";
  assertEquals(rig.engine.receive(bytesOf(all)), undefined);
  assertEquals(rig.engine.busy, true);
  const last = rig.engine.receive(bytesOf(".\r\nNOOP\r\n"));
  assert(last instanceof Promise);
  await last;
  assertEquals(rig.engine.busy, false);
});

Deno.test("createSmtpEngine: in a transcript LF alone ends lines, commands and data", async () => {
  const input = (HELLO + MESSAGE + "QUIT\r\n").replaceAll("\r\n", "\n");
  const { codes, queue } = await talk(input, { kind: "transcript" });
  assertEquals(codes, ["220", "250", "250", "250", "354", "250", "221"]);
  assert(queue.taken[0]?.message.endsWith("\nSubject: x\n\nbody\n"));
  const strict = await talk(input, { kind: "transcript", settings: { bare_lf: "reject" } });
  assertEquals(strict.codes.at(-1), "451");
  const lax = await talk(input, { kind: "socket", settings: { bare_lf: "tolerate" } });
  assertEquals(lax.codes, codes);
});

Deno.test("createSmtpEngine: what the queue says is what the client hears", async () => {
  const say = async (outcome: QueueOutcome): Promise<string> => {
    const { said } = await talk(HELLO + MESSAGE, { queue: queueOf({ outcome }) });
    return said.split("\r\n").at(-2) ?? "";
  };
  assertEquals(
    await say({ kind: "deferred", code: "4.3.1", reason: "disk full", isPublic: true }),
    "451 4.3.1 disk full",
  );
  assertEquals(
    await say({ kind: "refused", code: "5.7.1", reason: "no thanks", isPublic: true }),
    "554 5.7.1 no thanks",
  );
  assertEquals(
    await say({ kind: "deferred", code: "5.0.0", reason: "mixed up", isPublic: true }),
    "451 4.3.0 mixed up",
  );
});

Deno.test("createSmtpEngine: a reason that names our files is in the trace, the client hears the session", async () => {
  const reason = 'Cannot write "/home/joe/Maildir/tmp/1": ENOSPC';
  const say = async (kind: "deferred" | "refused", code: string): Promise<string> => {
    const tracer = createMemoryTracer(1);
    const queue = queueOf({ outcome: { kind, code, reason } });
    const { said } = await talk(HELLO + MESSAGE, { queue, tracer });
    assert(tracer.lines().some((line) => line.includes(reason)), tracer.lines().join());
    return said.split("\r\n").at(-2) ?? "";
  };
  assertEquals(
    await say("deferred", "4.3.1"),
    "451 4.3.1 message can't be taken now, try again later (session 7)",
  );
  assertEquals(await say("refused", "5.1.1"), "554 5.1.1 message refused (session 7)");
});

Deno.test("createSmtpEngine: the queue's program gets the client's address and its rule's environment", async () => {
  const { queue } = await talk(HELLO + MESSAGE, { env: { QMAILQUEUE: "bin/filter" } });
  const env = queue.environments[0] ?? {};
  assertEquals([env["TCPREMOTEIP"], env["QMAILQUEUE"]], [ENV.TCPREMOTEIP, "bin/filter"]);
});

Deno.test("createSmtpEngine: an end during a commit waits for the queue's word", async () => {
  const rig = rigOf();
  await rig.engine.start();
  const receiving = rig.engine.receive(bytesOf(HELLO + MESSAGE));
  const ending = rig.engine.end("shutdown");
  await receiving;
  await ending;
  assertEquals(rig.queue.taken[0]?.complete, true);
  assertEquals(rig.output.said.match(/^\d{3} /gm)?.slice(-2), ["250 ", "421 "]);
});

Deno.test("createSmtpEngine: an end during a look-up answers no more", async () => {
  const tracer = createMemoryTracer(3);
  const rig = rigOf({ lookup: lookupOf({ slow: true }), tracer });
  await rig.engine.start();
  const receiving = rig.engine.receive(bytesOf(HELLO + MAIL + RCPT + "NOOP\r\n"));
  await rig.engine.end("idle");
  await receiving;
  assertEquals(tracer.events.at(-1)?.id, "smtp.end");
  assertEquals(rig.output.said.match(/^\d{3} /gm)?.slice(-2), ["250 ", "421 "]);
});

Deno.test("createSmtpEngine: an end while the queue opens gives the message up", async () => {
  let isAborted = false;
  const inner = queueOf();
  const queue = {
    ...inner,
    open: () =>
      Promise.resolve({
        write: () => {},
        commit: () => Promise.resolve<QueueOutcome>({ kind: "queued", id: "x" }),
        abort: () => {
          isAborted = true;
        },
      }),
  };
  const rig = rigOf({ queue });
  await rig.engine.start();
  const receiving = rig.engine.receive(bytesOf(HELLO + MESSAGE));
  await rig.engine.end("eof");
  await receiving;
  assertEquals(isAborted, true);
});

Deno.test("createSmtpEngine: a queue that needs time is waited for, byte for byte", async () => {
  const waits: (() => void)[] = [];
  const writes: string[] = [];
  const inner = queueOf();
  const queue = {
    ...inner,
    open: () => ({
      write(chunk: Uint8Array) {
        writes.push(String.fromCharCode(...chunk));
        return new Promise<void>((resolve) => waits.push(resolve));
      },
      commit: () => Promise.resolve<QueueOutcome>({ kind: "queued", id: "x" }),
      abort: () => {},
    }),
  };
  const rig = rigOf({ queue });
  await rig.engine.start();
  const receiving = rig.engine.receive(bytesOf(HELLO + MESSAGE));
  assertEquals([writes.length, waits.length], [1, 1]);
  waits[0]?.();
  while (writes.length < 2) await Promise.resolve();
  assertEquals(writes[1], "Subject: x\n\nbody\n");
  waits[1]?.();
  await receiving;
  assert(rig.output.said.includes("250 2.0.0 ok"));
});

Deno.test("createSmtpEngine: the trace at level 1 has session, message and summary", async () => {
  const tracer = createMemoryTracer(1);
  await talk(HELLO + MESSAGE + "QUIT\r\n", { tracer });
  assertEquals(tracer.lines(), [
    "(1) setup: remoteip: 127.0.0.9",
    "(1) smtp_data: qp 1234 from <a@b.example> to 1 rcpt, 17 bytes",
    "(1) smtp_end: ip=127.0.0.9 helo=h messages=1 recipients=1 unknown=0 relays=0 errors=0 " +
    "seconds=0 end=quit",
  ]);
});

Deno.test("createSmtpEngine: the trace at level 4 has the dialogue without the mail", async () => {
  const tracer = createMemoryTracer(4);
  await talk(HELLO + MESSAGE + "QUIT\r\n", { tracer });
  const dialogue = tracer.events.filter((e) => e.level === 4).map((e) => e.text);
  assertEquals(dialogue.slice(0, 2), ["S: 220 mail.example.com ESMTP", "C: EHLO h"]);
  assert(dialogue.includes("C: (mail data, 17 bytes)"));
  assertEquals(dialogue.some((line) => line.includes("body")), false);
});

Deno.test("createSmtpEngine: idle and session times are those of the configuration", () => {
  const { engine } = rigOf({ control: { ...SITE, timeoutsmtpd: "33\n" } });
  assertEquals([engine.idleSeconds, engine.sessionSeconds], [33, 86400]);
});

/**
 * Replies that no dialogue can show: those of connections that are not served (protocol_test.ts).
 */
