/** What looks into messages, as sessions of SMTP, QMTP and QMQP meet it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { SessionContent } from "../../../content/mod.ts";
import { createQmtpEngine } from "../../../qmtp/session.ts";
import { readQmtpConfig } from "../../../qmtp/config.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import * as qmtp from "../qmtp/kit.ts";
import { ENV, feed, peerOf, queueOf, rigOf, type Setup, SITE, talk } from "../smtp/kit.ts";
import { contentOf, type Setup as ContentSetup } from "./kit.ts";

const LIMITS: ContentSetup = { settings: { header_limits: "on" } };
const MESSAGE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n";
const BCC = "Bcc: x@y\r\n\r\nbody\r\n.\r\n";
const FINE = "Subject: x\r\n\r\n..body\r\n.\r\n";

const session = (setup: ContentSetup): SessionContent => {
  const content = contentOf(setup);
  assert(content !== null);
  return content.open({});
};
const smtp = (content: ContentSetup, more: Setup = {}): Setup => ({
  ...more,
  deps: { ...more.deps, content: session(content) },
});

Deno.test("beginData: a message that is refused never opens the queue, and the session goes on", async () => {
  const input = `HELO h\r\n${MESSAGE}${BCC}${MESSAGE}${FINE}`;
  const { codes, queue } = await talk(input, smtp(LIMITS));
  assertEquals(codes, ["220", "250", "250", "250", "354", "554", "250", "250", "354", "250"]);
  assertEquals(queue.taken.length, 1);
  const [taken] = queue.taken;
  assert(taken?.complete && taken.message.startsWith("Received: from "));
  assert(taken.message.endsWith("\nSubject: x\n\n.body\n"));
});

Deno.test("beginData: the same whatever the pieces are like", async () => {
  const input = `HELO h\r\n${MESSAGE}${BCC}${MESSAGE}${FINE}QUIT\r\n`;
  const whole = await talk(input, smtp(LIMITS));
  for (const step of [1, 3, 64]) {
    const cuts = Array.from({ length: Math.floor(input.length / step) }, (_, i) => (i + 1) * step);
    const { said } = await talk(input, smtp(LIMITS), cuts.filter((cut) => cut < input.length));
    assertEquals(said, whole.said, `pieces of ${step}`);
  }
});

Deno.test("beginData: the queue's own answer is given; 250 only when it says so", async () => {
  const outcome = { kind: "deferred", code: "4.3.0", reason: "disk" } as const;
  const setup = smtp(LIMITS, { queue: queueOf({ outcome, slow: true }) });
  const { codes } = await talk(`HELO h\r\n${MESSAGE}${FINE}`, setup);
  assertEquals(codes.at(-1), "451");
});

Deno.test("beginData: a relay client's messages stream, the queue is opened before 354", async () => {
  const setup = smtp(LIMITS, { env: { RELAYCLIENT: "" } });
  const { codes, queue } = await talk(`HELO h\r\n${MESSAGE}${BCC}`, setup);
  assertEquals([codes.at(-1), queue.taken.length], ["250", 1]);
});

Deno.test("abandonData: a client that goes away leaves nothing, and the trace says so", async () => {
  const tracer = createMemoryTracer();
  const rig = rigOf(smtp(LIMITS, { tracer }));
  await feed(rig.engine, `HELO h\r\n${MESSAGE}Subject: x\r\n\r\nnot all`);
  assertEquals(rig.queue.taken.length, 0);
  assertStringIncludes(tracer.lines().join("\n"), "data was not complete");
});

Deno.test("takeMailData: too large is refused by the protocol; nobody examines it", async () => {
  const setup = smtp(LIMITS, { settings: { databytes: 20 } });
  const input = `HELO h\r\n${MESSAGE}Bcc: x@y\r\n\r\n${"x\r\n".repeat(30)}.\r\n`;
  const { codes } = await talk(input, setup);
  assertEquals(codes.at(-1), "552");
});

Deno.test("answerOutcome: the reply is policy's, the rule stands in the trace", async () => {
  const tracer = createMemoryTracer();
  const { said } = await talk(`HELO h\r\n${MESSAGE}${BCC}`, smtp(LIMITS, { tracer }));
  assertStringIncludes(said, "554 5.7.1 header shows hidden recipients (Bcc)\r\n");
  assertStringIncludes(tracer.lines().join("\n"), "header_limits: bcc: Bcc has 1 addresses");
});

const DIRECT = ["\nBcc: x@y\n\nbody\n", "\nSubject: x\n\nbody\n"] as const;

async function direct(grammar: "qmtp" | "qmqp", message: string) {
  const output = new qmtp.DrainOutput();
  const queue = queueOf();
  const deps = {
    config: readQmtpConfig(defaultSettings(), qmtp.controlOf(SITE), ENV, grammar),
    lookup: qmtp.lookupOf(),
    queue,
    tracer: createMemoryTracer(),
    clock: () => qmtp.NOW,
    content: session(LIMITS),
  };
  const engine = createQmtpEngine(grammar, deps, peerOf(ENV), output);
  const recipients = ["joe@example.com", "jane@example.com"];
  const input = grammar === "qmtp"
    ? qmtp.packageOf(message, "a@b.example", recipients)
    : qmtp.requestOf(message.slice(1), "a@b.example", recipients);
  await qmtp.feed(engine, input);
  return { answers: qmtp.answersOf(output.said), queue };
}

Deno.test("finishPackage: QMTP answers each recipient, QMQP the one, when a check is against", async () => {
  const refused = "Dheader shows hidden recipients (Bcc) (#5.7.1)";
  const by = await direct("qmtp", DIRECT[0]);
  assertEquals([by.answers, by.queue.taken.length], [[refused, refused], 0]);
  const one = await direct("qmqp", DIRECT[0]);
  assertEquals([one.answers, one.queue.taken.length], [[refused], 0]);
});

Deno.test("finishPackage: what nobody is against is handed over with our Received", async () => {
  const { answers, queue } = await direct("qmtp", DIRECT[1]);
  assertEquals(answers, [qmtp.ACCEPTED, qmtp.ACCEPTED]);
  assertEquals(queue.taken[0]?.message, `${qmtp.RECEIVED}Subject: x\n\nbody\n`);
});

Deno.test("received: HEADER_ADD goes below it, streamed, kept, and by QMTP", async () => {
  const wanted = /^Received: [^\n]*\n {2}by [^\n]*\nX-Site: a\nSubject: x\n/;
  const input = `HELO h\r\n${MESSAGE}${FINE}`;
  const env = { HEADER_ADD: "X-Site: a" };
  for (const setup of [{ env }, smtp(LIMITS, { env })]) {
    assertMatch((await talk(input, setup)).queue.taken[0]?.message ?? "", wanted);
  }
  const rig = qmtp.rigOf({ env });
  await qmtp.feed(rig.engine, qmtp.packageOf(DIRECT[1], "a@b.example", ["joe@example.com"]));
  assertMatch(rig.queue.taken[0]?.message ?? "", wanted);
});
