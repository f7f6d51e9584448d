/** SMTP as listeners see it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { defaultSettings } from "../../../settings/mod.ts";
import { createSmtpConfigReader } from "../../../smtp/config.ts";
import { createSmtpProtocol } from "../../../smtp/protocol.ts";
import { REPLIES } from "../../../smtp/replies.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import {
  controlOf,
  type ControlTree,
  ENV,
  feed,
  IPS,
  lookupOf,
  NOW,
  peerOf,
  queueOf,
  SITE,
  TestOutput,
} from "./kit.ts";

function protocolOf(tree: ControlTree) {
  const tracer = createMemoryTracer(1);
  const settings = defaultSettings();
  const protocol = createSmtpProtocol({
    configs: createSmtpConfigReader(controlOf(tree), IPS),
    settings: () => settings,
    lookup: lookupOf(),
    queue: queueOf(),
    tracer,
    clock: () => NOW,
  });
  return { protocol, tracer };
}

Deno.test("createSmtpProtocol: an engine for each peer, by its environment", async () => {
  const { protocol } = protocolOf(SITE);
  const output = new TestOutput();
  const engine = protocol.open(peerOf({ ...ENV, DATABYTES: "55" }), output);
  await feed(engine, "EHLO h\r\n");
  assert(output.said.includes("250-SIZE 55\r\n"));
});

Deno.test("createSmtpProtocol: a site that can't be read gets 421 and a trace line with the reason", async () => {
  const { protocol, tracer } = protocolOf({ ...SITE, timeoutsmtpd: { dir: true } });
  const output = new TestOutput();
  const engine = protocol.open(peerOf(ENV), output);
  await engine.start();
  assertEquals(output.said, `421 4.3.0 ${REPLIES.site_unusable.text}\r\n`);
  assertEquals([engine.wants, engine.busy], ["close", false]);
  assertEquals(tracer.lines(), [
    '(1) setup: unable to serve 127.0.0.9: Can\'t read "control/timeoutsmtpd": it is a directory',
  ]);
});

Deno.test("createSmtpProtocol: a fault that is no ControlError is not hidden", () => {
  const { protocol } = protocolOf(SITE);
  const broken = new Proxy({ ...peerOf(ENV) }, {
    get: (target, key) => {
      if (key === "env") throw new TypeError("broken");
      return Reflect.get(target, key);
    },
  });
  assertThrows(() => protocol.open(broken, new TestOutput()), TypeError);
});

Deno.test("refuse: every reason has its 421", () => {
  const { protocol } = protocolOf(SITE);
  for (const reason of ["sessions", "address", "busy", "shutdown", "fault"] as const) {
    const said = String.fromCharCode(...protocol.refuse(reason));
    assert(/^421 4\.\d\.\d [ -~]+\r\n$/.test(said), said);
  }
});

/** A protocol that keeps for `keepMs` what its sessions begin with, and how often it read that. */
function keepingProtocol(keepMs: number) {
  let reads = 0;
  let settings = defaultSettings();
  const configs = createSmtpConfigReader(controlOf(SITE), IPS);
  const protocol = createSmtpProtocol({
    configs: {
      read(...asked) {
        reads++;
        return configs.read(...asked);
      },
    },
    settings: () => settings,
    lookup: lookupOf(),
    queue: queueOf(),
    tracer: createMemoryTracer(1),
    clock: () => NOW,
    tls: (peer) => peer.offersTls === true,
    keepMs,
  });
  return {
    reads: () => reads,
    reload: () => settings = { ...settings, command_line_bytes: 600 },
    async ehlo(env: Record<string, string>, offersTls = false) {
      const output = new TestOutput();
      const engine = protocol.open({ ...peerOf(env), env, offersTls }, output);
      await feed(engine, "EHLO h\r\n");
      return output.said;
    },
  };
}

Deno.test("createSmtpProtocol: sessions of one environment share what was read for keepMs", async () => {
  const small = { ...ENV, DATABYTES: "55" };
  const large = { ...ENV, DATABYTES: "99" };
  const keeping = keepingProtocol(600_000);
  for (const env of [small, small, large, small]) {
    assert((await keeping.ehlo(env)).includes(`250-SIZE ${env.DATABYTES}\r\n`));
  }
  assertEquals(keeping.reads(), 3);
  assert(!(await keeping.ehlo(small)).includes("STARTTLS"));
  assert((await keeping.ehlo(small, true)).includes("STARTTLS"));
  assert(!(await keeping.ehlo(small)).includes("STARTTLS"));
  assertEquals(keeping.reads(), 5);
  keeping.reload();
  await keeping.ehlo(small);
  assertEquals(keeping.reads(), 6);
});

Deno.test("createSmtpProtocol: without keepMs every session reads anew", async () => {
  const keeping = keepingProtocol(0);
  for (let i = 0; i < 3; i++) await keeping.ehlo(ENV);
  assertEquals(keeping.reads(), 3);
});
