import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { EndReason } from "../../../net/types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import {
  ACCEPTED,
  BAD_RECIPIENT,
  BAD_SENDER,
  DEFERRED,
  DEFERRED_ANSWER,
  lookupOf,
  MAIL,
  ns,
  queueOf,
  RECEIVED,
  requestOf,
  rigOf,
  type Setup,
  talk,
} from "./kit.ts";

const JOE = "joe@example.com";
const JANE = "jane@example.com";
const ANGELA = "angela@example.com";
const LATER = "later@example.com";
const FAR = "x@elsewhere.example";
const QMQP_RECEIVED = RECEIVED.replace("QMTP", "QMQP");

const qmqp = (setup: Setup = {}): Setup => ({ grammar: "qmqp", ...setup });
const relay = (setup: Setup = {}): Setup => qmqp({ env: { RELAYCLIENT: "" }, ...setup });

Deno.test("qmqp: one request, one answer, and the connection closes", async () => {
  const request = requestOf(MAIL, "s@b.example", [JOE, FAR]);
  const { answers, queued, engine } = await talk(request + request, relay());
  assertEquals(answers, [ACCEPTED]);
  assertEquals(engine.wants, "close");
  assertEquals(queued, [{
    message: QMQP_RECEIVED + MAIL,
    envelope: { sender: "s@b.example", recipients: [JOE, FAR] },
  }]);
});

Deno.test("qmqp: cut anywhere, and byte by byte, a request is the same", async () => {
  const request = requestOf("a\r\nb\n\0\xff", "", [JOE, JANE]);
  const everywhere = [...request].map((_, i) => i);
  for (const cuts of [...everywhere.map((cut) => [cut]), everywhere]) {
    const { answers, queued } = await talk(request, qmqp(), cuts);
    assertEquals(answers, [ACCEPTED]);
    assertEquals(queued[0]?.message, `${QMQP_RECEIVED}a\r\nb\n\0\xff`);
    assertEquals(queued[0]?.envelope, { sender: "", recipients: [JOE, JANE] });
  }
});

Deno.test("qmqp: without RELAYCLIENT recipients of this site are taken, remote ones refuse all", async () => {
  assertEquals((await talk(requestOf("x\n", "s", [JOE]), qmqp())).answers, [ACCEPTED]);
  const { answers, opened } = await talk(requestOf("x\n", "s", [JOE, FAR, JANE]), qmqp());
  assertEquals(answers, [
    `Dsorry, that domain isn't in my list of allowed rcpthosts: ${FAR} (#5.7.1)`,
  ]);
  assertEquals(opened, 0);
});

Deno.test("qmqp: an unknown recipient refuses the whole message, whoever sends it", async () => {
  const tracer = createMemoryTracer(2);
  for (const setup of [relay({ tracer }), qmqp({ tracer })]) {
    const { answers, opened } = await talk(requestOf("x\n", "s", [JOE, ANGELA]), setup);
    assertEquals(answers, [`Dno mailbox here by that name: ${ANGELA} (#5.1.1)`]);
    assertEquals(opened, 0);
  }
  const lines = tracer.lines();
  assert(lines.includes("(2) qmqp_rcpt: invalid rcpt user, refused, from 127.0.0.9"));
  assert(lines.includes("(2) qmqp_rcpt: invalid rcpt user, terminating connection"));
  assert(lines.some((line) => line.includes("qmqp_data: not accepted from <s>, 2 bytes")));
});

Deno.test("qmqp: an undecided recipient defers the whole message, a refused one goes over it", async () => {
  const later = `Zrecipient can't be decided now, try again later: ${LATER} (#4.3.0)`;
  const never = `Dno mailbox here by that name: ${ANGELA} (#5.1.1)`;
  for (
    const [recipients, answer] of [
      [[JOE, LATER], later],
      [[LATER, JOE], later],
      [[LATER, ANGELA], never],
      [[ANGELA, LATER], never],
    ] as const
  ) {
    const { answers, opened } = await talk(requestOf("x\n", "s", recipients), relay());
    assertEquals(answers, [answer]);
    assertEquals(opened, 0);
  }
});

Deno.test("qmqp: after the first refusal nobody is looked up any more", async () => {
  const asked: string[] = [];
  const lookup = lookupOf({ known: [JOE], asked });
  await talk(requestOf("x\n", "s", [ANGELA, JOE, JANE]), relay({ lookup }));
  assertEquals(asked, [ANGELA]);
});

Deno.test("qmqp: a name in an answer can't end its line", async () => {
  const { answers } = await talk(requestOf("x\n", "s", ["an\r\nge@example.com"]), relay());
  assertEquals(answers, ["Dno mailbox here by that name: an??ge@example.com (#5.1.1)"]);
});

Deno.test("qmqp: no recipient, a bad one, and a bad sender are refused", async () => {
  assertEquals((await talk(requestOf("x\n", "s", []), relay())).answers, [
    "Dsorry, there is no recipient (#5.1.3)",
  ]);
  assertEquals((await talk(requestOf("x\n", "s", [JOE, "a\0b"]), relay())).answers, [
    BAD_RECIPIENT,
  ]);
  assertEquals((await talk(requestOf("x\n", "s\0", [JOE]), relay())).answers, [BAD_SENDER]);
});

Deno.test("qmqp: an empty message is a message", async () => {
  const { answers, queued } = await talk(requestOf("", "", [JOE]), qmqp());
  assertEquals(answers, [ACCEPTED]);
  assertEquals(queued[0]?.message, QMQP_RECEIVED);
});

Deno.test("qmqp: the queue's trouble is answered Z with its reason", async () => {
  const queue = queueOf({ outcome: DEFERRED });
  const { answers } = await talk(requestOf("x\n", "s", [JOE]), qmqp({ queue }));
  assertEquals(answers, [DEFERRED_ANSWER]);
});

Deno.test("qmqp: a stream that ends early queues nothing and is not answered", async () => {
  const request = requestOf(MAIL, "s@b.example", [JOE]);
  for (let bytes = 0; bytes < request.length; bytes++) {
    const { answers, opened } = await talk(request.slice(0, bytes), qmqp());
    assertEquals({ answers, opened }, { answers: [], opened: 0 }, `${bytes} bytes`);
  }
});

for (
  const [reason, answer] of [
    ["idle", "Znothing came for too long (#4.4.2)"],
    ["session_time", "Znothing came for too long (#4.4.2)"],
    ["shutdown", "Zservice is stopping, try again later (#4.3.2)"],
  ] as const satisfies readonly (readonly [EndReason, string])[]
) {
  Deno.test(`qmqp: ${reason} before the last byte is answered Z`, async () => {
    const request = requestOf(MAIL, "s", [JOE]).slice(0, -1);
    const { answers, opened } = await talk(request, qmqp(), [], reason);
    assertEquals({ answers, opened }, { answers: [answer], opened: 0 });
  });
}

for (
  const [name, input] of Object.entries({
    "a message longer than the request": `9:${ns("x")}${ns("far too long")}`,
    "a request longer than what it holds": `99:${ns("x")}${ns("s")}${ns(JOE)},`,
    "no comma at the end": requestOf("x", "s", [JOE]).slice(0, -1) + ";",
    "a QMTP package": `2:\nx,1:s,3:0:,,`,
  })
) {
  Deno.test(`qmqp: ${name} ends the session without an answer`, async () => {
    const { answers, opened, engine } = await talk(input, relay());
    assertEquals({ answers, opened }, { answers: [], opened: 0 });
    assertEquals(engine.wants, "close");
  });
}

for (const [n, answer] of [[2, ACCEPTED], [3, ACCEPTED], [4, "Z"]] as const) {
  Deno.test(`qmqp_max_recipients: ${n} of 3`, async () => {
    const settings = { qmqp_max_recipients: 3 };
    const request = requestOf("x\n", "s", Array(n).fill(JOE));
    const { answers } = await talk(request, relay({ settings }));
    assertEquals(answers, [answer === "Z" ? "Ztoo many recipients (#4.5.3)" : answer]);
  });
}

for (const [longest, isTaken] of [[29, false], [30, true], [31, true]] as const) {
  Deno.test(`qmtp_message_bytes: a request of 30 bytes where ${longest} are allowed`, async () => {
    const request = requestOf("x", "s", [JOE]);
    assertStringIncludes(request, "27:");
    const settings = { qmtp_message_bytes: longest - 3 };
    const { answers } = await talk(request, relay({ settings }));
    assertEquals(answers, isTaken ? [ACCEPTED] : []);
  });
}

for (const [databytes, isTaken] of [[4, false], [5, true], [6, true], [0, true]] as const) {
  Deno.test(`databytes: a QMQP message of 5 bytes with a limit of ${databytes}`, async () => {
    const setup = relay({ settings: { databytes } });
    const { answers, opened } = await talk(requestOf("12345", "s", [JOE]), setup);
    const tooBig = "Dsorry, that message size exceeds my databytes limit (#5.3.4)";
    assertEquals(answers, [isTaken ? ACCEPTED : tooBig]);
    assertEquals(opened, isTaken ? 1 : 0);
  });
}

Deno.test("qmqp: 20,000 recipients are one envelope", async () => {
  const recipients = Array.from({ length: 20_000 }, (_, i) => `u${i}@example.com`);
  const { engine, output, queue } = rigOf(relay({ lookup: lookupOf() }));
  const request = requestOf("x\n", "s", recipients);
  for (let at = 0; at < request.length; at += 4096) {
    await engine.receive(new TextEncoder().encode(request.slice(at, at + 4096)));
  }
  assertEquals(output.said, ns(ACCEPTED));
  assertEquals(queue.taken[0]?.envelope.recipients, recipients);
});
