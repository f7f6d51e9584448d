import { assertEquals, assertMatch } from "@std/assert";
import type { Peer, RefuseReason } from "../../../net/types.ts";
import { createQmtpProtocol } from "../../../qmtp/protocol.ts";
import type { Grammar } from "../../../qmtp/reading.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { ENV, peerOf } from "../smtp/kit.ts";
import {
  ACCEPTED,
  answersOf,
  controlOf,
  DrainOutput,
  feed,
  lookupOf,
  NOW,
  packageOf,
  queueOf,
  SITE,
} from "./kit.ts";

function open(grammar: Grammar, control: Parameters<typeof controlOf>[0], env = {}) {
  const tracer = createMemoryTracer(1);
  const protocol = createQmtpProtocol(grammar, {
    control: controlOf(control),
    settings: defaultSettings(),
    lookup: lookupOf(),
    queue: queueOf(),
    tracer,
    clock: () => NOW,
  });
  const peer: Peer = peerOf({ ...ENV, ...env });
  const output = new DrainOutput();
  return { protocol, tracer, output, engine: protocol.open(peer, output) };
}

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

for (const reason of ["sessions", "address", "busy", "shutdown", "fault"] as RefuseReason[]) {
  Deno.test(`refuse: ${reason} is a Z for QMQP, and nothing for QMTP`, () => {
    assertEquals(text(open("qmtp", SITE).protocol.refuse(reason)), "");
    const [answer, ...more] = answersOf(text(open("qmqp", SITE).protocol.refuse(reason)));
    assertMatch(answer ?? "", /^Z.* \(#4\.\d\.\d\)$/);
    assertEquals(more, []);
  });
}

for (const file of ["rcpthosts", "databytes"]) {
  Deno.test(`open: a site whose ${file} can't be read serves nobody, and says so in the trace`, async () => {
    for (const grammar of ["qmtp", "qmqp"] as const) {
      const { engine, output, tracer } = open(grammar, { ...SITE, [file]: { dir: true } });
      await feed(engine, "");
      assertEquals(engine.wants, "close");
      assertEquals(
        answersOf(output.said),
        grammar === "qmtp" ? [] : ["Zunable to read controls, try again later (#4.3.0)"],
      );
      assertEquals(tracer.lines(), [
        `(1) setup: unable to serve 127.0.0.9: Can't read "control/${file}": it is a directory`,
      ]);
    }
  });
}

Deno.test("open: DATABYTES and control/databytes limit the message", async () => {
  for (
    const [databytes, env, isTaken] of [
      ["1\n", {}, false],
      ["2\n", {}, true],
      ["2\n", { DATABYTES: "1" }, false],
      ["1\n", { DATABYTES: "2" }, true],
      ["1\n", { DATABYTES: "" }, true],
    ] as const
  ) {
    const { engine, output } = open("qmtp", { ...SITE, databytes }, env);
    await feed(engine, packageOf("\n12", "s", ["joe@example.com"]));
    assertEquals(answersOf(output.said)[0] === ACCEPTED, isTaken, JSON.stringify(env));
  }
});
