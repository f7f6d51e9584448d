import { assertEquals } from "@std/assert";
import { counters, limitsOf } from "../../../policy/limits.ts";
import { judge } from "../../../policy/mod.ts";
import { rates } from "../../../policy/rates.ts";
import { sessions } from "../../../policy/sessions.ts";
import type { Limits, Stage } from "../../../policy/types.ts";
import { tarpitSeconds } from "../../../policy/tarpit.ts";
import { type AllFacts, facts, NO_LIMITS, NOBODY, policyOf, shown } from "./kit.ts";

function on(stage: Stage, changes: Partial<AllFacts>): string {
  const checks = [
    ...counters(),
    ...rates({ connections: 3, messages: 3, recipients: 3 }),
    sessions({ all: 10, address: 3, network: 5 }),
  ];
  const judged = judge(stage, facts(changes), policyOf(checks), NOBODY);
  return judged instanceof Promise ? "late" : shown(judged.verdict);
}

const limits = (some: Partial<Limits>): Limits => ({ ...NO_LIMITS, ...some });

Deno.test("limitsOf: the smallest that is one, from settings, environment and mail rules", () => {
  const base = limits({ maxRecipients: 100, maxHops: 100, dataBytes: 5000 });
  assertEquals(limitsOf(base, {}), base);
  assertEquals(limitsOf(base, { MAXRCPTS: "5", DATABYTES: "9000" }).maxRecipients, 5);
  assertEquals(limitsOf(base, { DATABYTES: "9000" }).dataBytes, 5000);
  assertEquals(limitsOf(base, { DATABYTES: "900" }, 400).dataBytes, 400);
  assertEquals(limitsOf(NO_LIMITS, { MAXMSGS: "7x" }).maxMessages, 7);
  assertEquals(limitsOf(base, { MAXHOPS: "200" }).maxHops, 200, "as mailfront");
  assertEquals(limitsOf(base, { MAXRCPTS: "0" }).maxRecipients, 100, "0 is no limit");
  assertEquals(limitsOf(base, { MAXRCPTS_REJECT: "" }).refusesWhole, true, "set to anything");
});

Deno.test("counters: each limit at N-1, N and N+1", () => {
  const rcpt = (accepted: number) => on("rcpt", { accepted, limits: limits({ maxRecipients: 3 }) });
  assertEquals([rcpt(1), rcpt(2)], ["none", "none"]);
  assertEquals(rcpt(3), "452 too_many_recipients (counters: MAXRCPTS)");
  const mail = (messages: number) => on("mail", { messages, limits: limits({ maxMessages: 2 }) });
  assertEquals([mail(0), mail(1)], ["none", "none"]);
  assertEquals(mail(2), "421 message_limit (counters: MAXMSGS) end");
  const size = (sizeBytes: number) => on("mail", { sizeBytes, limits: limits({ dataBytes: 9 }) });
  assertEquals([size(8), size(9), size(10)], ["none", "none", "552 too_big (counters: DATABYTES)"]);
  const end = (bytes: number) => on("data_end", { bytes, limits: limits({ dataBytes: 9 }) });
  assertEquals([end(8), end(9), end(10)], ["none", "none", "552 too_big (counters: DATABYTES)"]);
  const hops = (n: number) => on("data_header", { hops: n, limits: limits({ maxHops: 2 }) });
  assertEquals([hops(1), hops(2)], ["none", "none"]);
  assertEquals(hops(3), "554 too_many_hops (counters: MAXHOPS)");
});

Deno.test("counters: MAXRCPTS_REJECT refuses the whole message at DATA", () => {
  const data = (offered: number, refusesWhole: boolean) =>
    on("data", { offered, limits: limits({ maxRecipients: 3, refusesWhole }) });
  assertEquals([data(3, true), data(4, false)], ["none", "none"]);
  assertEquals(data(4, true), "550 recipients_overflow (counters: MAXRCPTS_REJECT)");
});

Deno.test("sessions: in all, per address, per network; at the limit and above it", () => {
  const at = (all: number, address: number, network: number, client = {}) =>
    on("connect", {
      sessions: { all, address, network },
      client: { ...facts().client, ...client },
    });
  assertEquals(at(10, 3, 5), "none");
  assertEquals(at(11, 1, 1), "421 sessions_in_all (sessions: all) end");
  assertEquals(at(4, 4, 4), "421 sessions_of_address (sessions: address) end");
  assertEquals(at(6, 1, 6), "421 sessions_of_network (sessions: network) end");
  assertEquals(at(9, 9, 9, { isForwarder: true }), "none");
  assertEquals(
    at(11, 9, 9, { isForwarder: true }),
    "421 sessions_in_all (sessions: all) end",
    "the process' own limit holds for everybody",
  );
  assertEquals(at(99, 99, 99, { isLoopback: true }), "none");
});

Deno.test("rates: connections, messages, recipients; trusted clients and forwarders are spared", () => {
  const recent = (n: number) => ({
    connections: n,
    messages: n,
    recipients: n,
    invalidRecipients: n,
  });
  assertEquals(on("connect", { recent: recent(3) }), "none");
  assertEquals(on("connect", { recent: recent(4) }), "421 too_fast (rates: connections) end");
  assertEquals(on("mail", { recent: recent(4) }), "450 messages_too_fast (rates: messages)");
  assertEquals(on("rcpt", { recent: recent(4) }), "450 recipients_too_fast (rates: recipients)");
  const spared = { ...facts().client, isForwarder: true };
  assertEquals(on("rcpt", { recent: recent(4), client: spared }), "none");
});

Deno.test("tarpitSeconds: grows by the step, is bounded, and so are those who wait", () => {
  const terms = { free: 2, stepSeconds: 3, maxSeconds: 8, maxWaiting: 2 };
  const delays = [1, 2, 3, 4, 5, 100].map((n) => tarpitSeconds(terms, n, 0));
  assertEquals(delays, [0, 0, 3, 6, 8, 8]);
  assertEquals([tarpitSeconds(terms, 9, 1), tarpitSeconds(terms, 9, 2)], [8, 0]);
});
