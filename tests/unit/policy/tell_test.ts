import { assertEquals } from "@std/assert";
import { clientFacts } from "../../../policy/client.ts";
import type { Judgement } from "../../../policy/mod.ts";
import { readNetworks } from "../../../policy/networks.ts";
import { accepting, against, NONE, POLICY_REPLIES } from "../../../policy/replies.ts";
import { tellJudgement } from "../../../policy/tell.ts";
import type { Fields, TraceEvent, Tracer } from "../../../trace/tracer.ts";

const REFUSED = against(POLICY_REPLIES.bad_sender, "badmailfrom: @x", "because");

function told(judgement: Partial<Judgement>, level = 4): string[] {
  const lines: string[] = [];
  const tracer: Tracer = {
    level,
    emit<F extends Fields>(_session: number, event: TraceEvent<F>, fields: F) {
      lines.push(`${event.id} ${event.text(fields)}`);
    },
  };
  const whole = { verdict: NONE, check: null, softened: false, shadows: [], findings: [] };
  tellJudgement(tracer, 1, "rcpt", "192.0.2.1", { ...whole, ...judgement });
  return lines;
}

Deno.test("tellJudgement: one line for the verdict, with reply id, rule and reason", () => {
  assertEquals(told({}), []);
  assertEquals(told({ verdict: REFUSED }), [
    "policy.applied rcpt: 553 bad_sender by rule[badmailfrom: @x] ip[192.0.2.1]: because",
  ]);
  assertEquals(told({ verdict: accepting("r", "why", true) }), [
    "policy.applied rcpt: accepted for good by rule[r] ip[192.0.2.1]: why",
  ]);
  assertEquals(told({ verdict: REFUSED }, 1), []);
});

Deno.test("tellJudgement: shadow, findings and soft_reject", () => {
  const shadow = { check: "badmailfrom", verdict: REFUSED } as const;
  const findings = [{ check: "dnsbl", text: "score=1" }] as const;
  assertEquals(told({ shadows: [shadow], findings, verdict: REFUSED, softened: true }), [
    "policy.finding dnsbl ip[192.0.2.1]: score=1",
    "policy.shadow rcpt: shadow, would be 553 bad_sender by rule[badmailfrom: @x] " +
    "ip[192.0.2.1]: because",
    "policy.softened rcpt: soft_reject, would be refused by rule[badmailfrom: @x] " +
    "ip[192.0.2.1]: 553 bad_sender",
    "policy.applied rcpt: 553 bad_sender by rule[badmailfrom: @x] ip[192.0.2.1]: because",
  ]);
  assertEquals(told({ findings }, 2), []);
});

Deno.test("clientFacts: network, loopback, forwarder, relay and login", () => {
  const { has } = readNetworks(["192.0.2.0/24"]);
  const env = { RBLSMTPD: "" };
  const client = clientFacts({ remoteIp: "192.0.2.9", env }, true, "ann", has);
  assertEquals(client.network, "192.0.2.0/24");
  assertEquals({ ...client }, {
    ip: "192.0.2.9",
    isLoopback: false,
    isRelayClient: true,
    login: "ann",
    isForwarder: true,
    env,
  });
  const local = clientFacts({ remoteIp: "::1", env: {} }, false, null, has);
  assertEquals([local.isLoopback, local.isForwarder, local.network], [true, false, "::/64"]);
});
