import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMemoryTracer } from "../../../trace/memory.ts";
import {
  ACCEPTED,
  BAD_RECIPIENT,
  BAD_SENDER,
  DEFERRED,
  DEFERRED_ANSWER,
  feed,
  lookupOf,
  MAIL,
  packageOf,
  queueOf,
  RECEIVED,
  RELAY,
  rigOf,
  talk,
  UNDECIDED,
  UNKNOWN,
} from "./kit.ts";

const JOE = "joe@example.com";
const JANE = "jane@example.com";
const ANGELA = "angela@example.com";
const LATER = "later@example.com";
const FAR = "x@elsewhere.example";
const REJECT = { settings: { on_invalid_rcpt: "reject" } } as const;

Deno.test("qmtp: a message goes to the queue with its Received line and envelope", async () => {
  const { answers, queued, engine } = await talk(
    packageOf(`\n${MAIL}`, "s@b.example", [JOE, JANE]),
  );
  assertEquals(answers, [ACCEPTED, ACCEPTED]);
  assertEquals(queued, [{
    message: RECEIVED + MAIL,
    envelope: { sender: "s@b.example", recipients: [JOE, JANE] },
  }]);
  assertEquals(engine.wants, "close");
});

Deno.test("qmtp: every recipient has its own answer, and the message goes to the accepted ones", async () => {
  const recipients = [ANGELA, JOE, FAR, LATER, "a\0b", JANE, ""];
  const { answers, queued, engine } = await talk(packageOf(`\n${MAIL}`, "", recipients), REJECT);
  assertEquals(answers, [
    UNKNOWN,
    ACCEPTED,
    RELAY,
    UNDECIDED,
    BAD_RECIPIENT,
    ACCEPTED,
    BAD_RECIPIENT,
  ]);
  assertEquals(queued.map((q) => q.envelope), [{ sender: "", recipients: [JOE, JANE] }]);
  assertEquals(engine.wants, "close");
});

Deno.test("qmtp: without an acceptable recipient the message is read and dropped", async () => {
  const input = packageOf(`\n${MAIL}`, "s@b.example", [FAR, LATER]) +
    packageOf(`\n${MAIL}`, "s@b.example", []) + packageOf(`\n${MAIL}`, "", [JOE]);
  const { answers, opened, queued } = await talk(input, REJECT);
  assertEquals(answers, [RELAY, UNDECIDED, ACCEPTED]);
  assertEquals(opened, 1);
  assertEquals(queued.length, 1);
});

for (
  const [coded, message] of [
    ["\nA: b\n\nx\r\ny\rz\n", "A: b\n\nx\r\ny\rz\n"],
    ["\rA: b\r\n\r\nx\r\ny\rz\n\r", "A: b\n\nx\ny\rz\n\r"],
    ["\r", ""],
    ["\n", ""],
    ["\n\xe9\0\xff", "\xe9\0\xff"],
  ] as const
) {
  Deno.test(`qmtp: line ends of ${JSON.stringify(coded)}`, async () => {
    const { answers, queued } = await talk(packageOf(coded, "", [JOE]));
    assertEquals(answers, [ACCEPTED]);
    assertEquals(queued[0]?.message, RECEIVED + message);
  });
}

Deno.test("qmtp: pipelined packages in one chunk are answered in order", async () => {
  const tracer = createMemoryTracer(2);
  const one = packageOf("\n1\n", "s", [JOE]);
  const two = packageOf("\r2\r\n", "s", [FAR, JANE]);
  const { answers, queued } = await talk(one + two + one, { tracer });
  assertEquals(answers, [ACCEPTED, RELAY, ACCEPTED, ACCEPTED]);
  assertEquals(queued.map((q) => q.message.slice(RECEIVED.length)), ["1\n", "2\n", "1\n"]);
  assertStringIncludes(tracer.lines().at(-1) ?? "", "messages=3 recipients=3");
});

Deno.test("qmtp: cut anywhere, and byte by byte, a session is the same", async () => {
  const input = packageOf("\rA: b\r\n\r\nx\r\r\n", "s@b.example", [JOE, FAR]) +
    packageOf("\nlast\n", "", [JANE, LATER, ANGELA]);
  const whole = await talk(input, REJECT);
  assertEquals(whole.answers, [ACCEPTED, RELAY, ACCEPTED, UNDECIDED, UNKNOWN]);
  const everywhere = [...input].map((_, i) => i);
  for (const cuts of [...everywhere.map((cut) => [cut]), everywhere]) {
    const { answers, queued } = await talk(input, REJECT, cuts);
    assertEquals(answers, whole.answers, `cut at ${cuts.length > 1 ? "every byte" : cuts[0]}`);
    assertEquals(queued, whole.queued);
  }
});

Deno.test("qmtp: answers that are late, and a slow queue, change nothing", async () => {
  const setup = {
    ...REJECT,
    lookup: lookupOf({ known: [JOE], undecided: [LATER], slow: true }),
    canDeliver: () => Promise.resolve(null),
  };
  const input = packageOf("\rx\r\n", "s", [JOE, FAR, LATER, ANGELA]);
  for (const cuts of [[], [...input].map((_, i) => i)]) {
    const queue = queueOf({ slow: true });
    const { answers, queued } = await talk(input + input, { ...setup, queue }, cuts);
    const once = [ACCEPTED, RELAY, UNDECIDED, UNKNOWN];
    assertEquals(answers, [...once, ...once]);
    assertEquals(queued.map((q) => q.message), [`${RECEIVED}x\n`, `${RECEIVED}x\n`]);
  }
});

Deno.test("qmtp: a stream that ends early queues nothing, wherever it ends", async () => {
  const input = packageOf(`\r${MAIL}`, "s@b.example", [JOE, JANE]);
  for (let bytes = 0; bytes < input.length; bytes++) {
    const { answers, opened } = await talk(input.slice(0, bytes));
    assertEquals({ answers, opened }, { answers: [], opened: 0 }, `${bytes} bytes`);
  }
});

for (const reason of ["idle", "session_time", "shutdown", "stalled", "io_error"] as const) {
  Deno.test(`qmtp: ${reason} in the middle of a package queues nothing and says nothing`, async () => {
    const tracer = createMemoryTracer(1);
    const input = packageOf(`\n${MAIL}`, "s", [JOE]);
    const { answers, opened } = await talk(input.slice(0, -1), { tracer }, [], reason);
    assertEquals({ answers, opened }, { answers: [], opened: 0 });
    const lines = tracer.lines();
    assertStringIncludes(lines[1] ?? "", `not accepted from <s>, 18 bytes: ${reason}`);
    assertStringIncludes(lines[2] ?? "", `end=${reason}`);
  });
}

for (
  const [name, input] of Object.entries({
    "letters instead of a length": "EHLO client\r\n",
    "an encoding that is neither LF nor CR": packageOf("Subject: x\n", "s", [JOE]),
    "an empty message": packageOf("", "s", [JOE]),
    "no comma behind the message": "3:\nx\n;1:s,",
    "a recipient longer than its list": `2:\nx,1:s,3:${JOE.length}:`,
    "no comma behind the list": packageOf("\nx", "s", [JOE]).slice(0, -1) + ";",
  })
) {
  Deno.test(`qmtp: ${name} ends the session without an answer, and nothing is queued`, async () => {
    const tracer = createMemoryTracer(1);
    const good = packageOf("\nx\n", "s", [JOE]);
    for (const cuts of [[], [...input].map((_, i) => i)]) {
      tracer.clear();
      const { answers, opened, engine } = await talk(input + good, { tracer }, cuts);
      assertEquals({ answers, opened, wants: engine.wants }, {
        answers: [],
        opened: 0,
        wants: "close",
      });
      assert(tracer.events.some((e) => e.id === "qmtp.malformed"));
      assertEquals(engine.busy, false);
    }
  });
}

Deno.test("qmtp: what was answered before garbage stays", async () => {
  const { answers, queued } = await talk(`${packageOf("\nx\n", "s", [JOE])}garbage`);
  assertEquals(answers, [ACCEPTED]);
  assertEquals(queued.length, 1);
});

Deno.test("qmtp: a queue that defers or refuses answers for the accepted recipients alone", async () => {
  const input = packageOf("\nx\n", "s", [FAR, JOE]);
  const deferred = await talk(input, { queue: queueOf({ outcome: DEFERRED }) });
  assertEquals(deferred.answers, [RELAY, DEFERRED_ANSWER]);
  const refused = await talk(input, {
    queue: queueOf({
      outcome: { kind: "refused", code: "5.7.1", reason: "spam\r\n250 ok", isPublic: true },
    }),
  });
  assertEquals(refused.answers, [RELAY, "Dspam??250 ok (#5.7.1)"]);
});

Deno.test("qmtp: a recipient that the queue could not serve is answered Z", async () => {
  const tracer = createMemoryTracer(2);
  const { answers, queued } = await talk(packageOf("\nx\n", "s", [JOE, JANE]), {
    canDeliver: (address) => address === JOE ? "It has a program" : null,
    tracer,
  });
  assertEquals(answers, ["Zrecipient can't be served now, try again later (#4.3.0)", ACCEPTED]);
  assertEquals(queued[0]?.envelope.recipients, [JANE]);
  assert(tracer.lines().includes("(2) qmtp_rcpt: not taken now: It has a program"));
});

Deno.test("qmtp: a relay client reaches everybody, RELAYCLIENT is appended", async () => {
  const env = { RELAYCLIENT: "@gate.example" };
  const { answers, queued } = await talk(packageOf("\nx\n", "s", [FAR, JOE]), { env });
  assertEquals(answers, [ACCEPTED, ACCEPTED]);
  assertEquals(queued[0]?.envelope.recipients, [`${FAR}@gate.example`, `${JOE}@gate.example`]);
});

Deno.test("on_invalid_rcpt: terminate answers the package, delivers to the others and closes", async () => {
  const tracer = createMemoryTracer(2);
  const pack = packageOf("\nx\n", "s", [JOE, ANGELA, JANE]);
  const { answers, queued, engine } = await talk(pack + pack, { tracer });
  assertEquals(answers, [ACCEPTED, UNKNOWN, ACCEPTED]);
  assertEquals(queued.map((q) => q.envelope.recipients), [[JOE, JANE]]);
  assertEquals(engine.wants, "close");
  const lines = tracer.lines();
  const invalid = lines.indexOf("(2) qmtp_rcpt: invalid rcpt user, terminating connection");
  assertEquals(lines[invalid - 1], "(2) qmtp_rcpt: user[angela] domain [example.com]");
  assertStringIncludes(lines.at(-1) ?? "", "unknown=1 relays=0 seconds=0 end=invalid_rcpt");
});

Deno.test("on_invalid_rcpt: a relay client is refused, and its session goes on", async () => {
  const pack = packageOf("\nx\n", "s", [ANGELA, JOE]);
  const { answers } = await talk(pack + pack, { env: { RELAYCLIENT: "" } });
  assertEquals(answers, [UNKNOWN, ACCEPTED, UNKNOWN, ACCEPTED]);
});

Deno.test("on_undecided: reject answers D", async () => {
  const settings = { on_undecided: "reject" } as const;
  const { answers } = await talk(packageOf("\nx\n", "s", [LATER]), { settings });
  assertEquals(answers, ["Drecipient can't be decided (#5.1.1)"]);
});

Deno.test("validate: off takes what rcpthosts takes, as qmail-qmtpd does", async () => {
  const settings = { validate: false };
  const { answers } = await talk(packageOf("\nx\n", "s", [ANGELA, FAR]), { settings });
  assertEquals(answers, [ACCEPTED, RELAY]);
});

Deno.test("rcpthosts: one that can't be read while a session runs is Z for everybody", async () => {
  const lookup = lookupOf({ rcptHostsAnswer: "undecided" });
  const { answers } = await talk(packageOf("\nx\n", "s", [JOE]), { lookup });
  assertEquals(answers, [UNDECIDED]);
});

Deno.test("qmtp: a sender with NUL is refused for everybody who would be accepted", async () => {
  const { answers, opened } = await talk(packageOf("\nx\n", "a\0b", [JOE, FAR]));
  assertEquals(answers, [BAD_SENDER, RELAY]);
  assertEquals(opened, 0);
});

Deno.test("qmtp: busy from a package's first byte to its answers", async () => {
  const { engine } = rigOf();
  assertEquals(engine.busy, false);
  const pack = packageOf("\nx\n", "s", [JOE]);
  await feed(engine, pack.slice(0, 1), [], null);
  assertEquals(engine.busy, true);
  await feed(engine, pack.slice(1), [], null);
  assertEquals(engine.busy, false);
  assertEquals(engine.wants, "input");
  await engine.end("shutdown");
  assertEquals(engine.wants, "close");
});

Deno.test("end: a message that is being made safe gets its answer first", async () => {
  const gate = Promise.withResolvers<void>();
  const queue = queueOf();
  const open = queue.open.bind(queue);
  const slow = {
    ...queue,
    open: async (...args: Parameters<typeof open>) => {
      await gate.promise;
      return await open(...args);
    },
  };
  const { engine, output } = rigOf({ queue: slow });
  const received = engine.receive(
    new TextEncoder().encode(packageOf("\nx\n", "s", [JOE])),
  );
  const ended = engine.end("io_error");
  assertEquals(output.said, "");
  assertEquals(engine.busy, true);
  gate.resolve();
  await ended;
  await received;
  assertStringIncludes(output.said, ACCEPTED);
  assertEquals(engine.busy, false);
});

Deno.test("trace: level 4 has the look-up, the package and the answers, and no message bytes", async () => {
  const tracer = createMemoryTracer(4);
  await talk(packageOf("\nsecret\n", "s@b.example", [JOE]), { tracer });
  assertEquals(tracer.lines(), [
    "(1) setup: remoteip: 127.0.0.9",
    "(2) qmtp_rcpt: user[joe] domain [example.com]",
    '(3) lookup: locals: locals "k" yes',
    "(3) lookup: joe@example.com deliverable, local: Has a mailbox",
    "(4) qmtp_io: C: (message, 7 bytes) from <s@b.example>, 1 recipients",
    "(1) qmtp_data: qp 1234 from <s@b.example> to 1 rcpt, 7 bytes",
    `(4) qmtp_io: S: ${ACCEPTED}`,
    "(1) qmtp_end: ip=127.0.0.9 messages=1 recipients=1 unknown=0 relays=0 seconds=0 end=eof",
  ]);
});

Deno.test("qmtp: the queue's program gets the client's address and its rule's environment", async () => {
  const queue = queueOf();
  await talk(packageOf(`\n${MAIL}`, "a@b.example", ["joe@example.com"]), {
    queue,
    env: { QMAILQUEUE: "bin/filter" },
  });
  const env = queue.environments[0] ?? {};
  assertEquals([env["TCPREMOTEIP"], env["QMAILQUEUE"]], ["127.0.0.9", "bin/filter"]);
});
