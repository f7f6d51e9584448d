/** Shadow verdicts of every stage in the record of the message (X-Qfront), by SMTP and QMTP; and what stays of them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionContent } from "../../../content/mod.ts";
import { withShadows } from "../../../policy/tell.ts";
import { against, NONE, POLICY_REPLIES } from "../../../policy/replies.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { contentOf } from "../content/kit.ts";
import { createQmtpEngine } from "../../../qmtp/session.ts";
import { readQmtpConfig } from "../../../qmtp/config.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import * as qmtp from "../qmtp/kit.ts";
import { controlOf, deskOf, peerOf, queueOf, SITE, talk } from "./kit.ts";

const env = { TCPREMOTEIP: "192.0.2.7" };
const control = { ...SITE, badmailfrom: "@bad.example\n", badhelo: "h\n" };
const settings = {
  badmailfrom: "shadow",
  helo: "shadow",
  check_fqdn: "shadow",
  null_sender: "shadow",
  rates: "shadow",
  max_connection_rate: 1,
} as const;
const message = (sender: string) =>
  `MAIL FROM:<${sender}>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n`;

function record(tracer = createMemoryTracer()): { content: SessionContent; lines: () => string } {
  const content = contentOf({ settings: { decision_header: true } }, tracer)?.open({});
  assert(content !== undefined);
  return { content, lines: () => tracer.lines().join("\n") };
}

/** What X-Qfront says behind shadow=, message by message. */
const shadowsOf = (queue: { readonly taken: readonly { readonly message: string }[] }) =>
  queue.taken.map(({ message: text }) => /shadow=([^;\n]*)/.exec(text)?.[1]);

Deno.test("X-Qfront: has the shadow verdicts of connect, MAIL and RCPT; the trace has the same", async () => {
  const all = { ...defaultSettings(), ...settings };
  const { state } = deskOf(all, controlOf(control));
  state.noteConnection(env.TCPREMOTEIP);
  const { content, lines } = record();
  const { queue, codes } = await talk(`HELO h\r\n${message("joe@bad.example")}${message("x@y")}`, {
    ...{ settings, control, env, desk: { state }, deps: { content } },
  });
  assertEquals(codes.join(" "), "220 250 250 250 354 250 250 250 354 250");
  const always = "rates:_connections:421";
  const helo = "helo:_badhelo_h:550";
  assertEquals(shadowsOf(queue), [
    `${always},${helo},badmailfrom:_@bad.example:553`,
    `${always},check_fqdn:_sender:554,${helo}`,
  ]);
  assertStringIncludes(lines(), `shadow=${always},${helo},badmailfrom:_@bad.example:553`);
});

Deno.test("X-Qfront: what was in shadow ends with its transaction", async () => {
  const { content } = record();
  const bad = "MAIL FROM:<joe@bad.example>\r\nRCPT TO:<joe@example.com>\r\n";
  for (const between of ["RSET\r\n", "", "HELO mx.example\r\n"]) {
    const input = `HELO mx.example\r\n${bad}${between}${message("a@b.example")}`;
    const { queue } = await talk(input, { settings, control, env, deps: { content } });
    assertEquals(shadowsOf(queue), ["none"]);
  }
});

Deno.test("X-Qfront: in QMTP too, each package its own", async () => {
  const { content } = record();
  const all = { ...defaultSettings(), ...settings };
  const queue = queueOf();
  const deps = {
    config: readQmtpConfig(all, controlOf(control), env),
    ...{ lookup: qmtp.lookupOf(), queue, tracer: createMemoryTracer(), clock: () => qmtp.NOW },
    ...{ content, policy: deskOf(all, controlOf(control), env) },
  };
  const output = new qmtp.DrainOutput();
  const engine = createQmtpEngine("qmtp", deps, peerOf(env), output);
  const input = ["joe@bad.example", "a@b.example"]
    .map((sender) => qmtp.packageOf(`\n${qmtp.MAIL}`, sender, ["joe@example.com"])).join("");
  await qmtp.feed(engine, input);
  const [first, second] = shadowsOf(queue);
  assert(first?.endsWith("badmailfrom:_@bad.example:553"), first);
  assert(second !== undefined && !second.includes("badmailfrom"), second);
});

Deno.test("withShadows: each rule once, and no more than twenty", () => {
  const judgement = (rule: string) => {
    const verdict = against(POLICY_REPLIES.bad_sender, rule, "why");
    const shadows = [{ check: "badmailfrom", verdict }] as const;
    return { verdict: NONE, check: null, softened: false, shadows, findings: [] };
  };
  let known: readonly string[] = [];
  for (let i = 0; i < 60; i++) known = withShadows(known, judgement(`rule ${i % 30}`));
  assertEquals([known.length, known[0], known[19]], [20, "rule 0:553", "rule 19:553"]);
});
