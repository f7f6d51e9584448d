import { assertEquals } from "@std/assert";
import {
  judgeBytes,
  judgeHops,
  judgeMessages,
  judgeOffered,
  judgeRecipients,
  limitsOf,
} from "../../../policy/limits.ts";
import { judge } from "../../../policy/mod.ts";
import { rates } from "../../../policy/rates.ts";
import type { AgainstVerdict, Limits, Stage } from "../../../policy/types.ts";
import { tarpitSeconds } from "../../../policy/tarpit.ts";
import { type AllFacts, facts, NO_LIMITS, NOBODY, policyOf, shown } from "./kit.ts";

function on(stage: Stage, changes: Partial<AllFacts>): string {
  const login = { loginMessages: 3, loginRecipients: 3 };
  const checks = rates({ connections: 3, messages: 3, recipients: 3, ...login });
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

const said = (verdict: AgainstVerdict | null) => verdict === null ? "none" : shown(verdict);

Deno.test("limits: each at N-1, N and N+1", () => {
  const rcpt = (n: number) => said(judgeRecipients(n, limits({ maxRecipients: 3 })));
  assertEquals([rcpt(1), rcpt(2)], ["none", "none"]);
  assertEquals(rcpt(3), "452 too_many_recipients (counters: MAXRCPTS)");
  const mail = (n: number) => said(judgeMessages(n, limits({ maxMessages: 2 })));
  assertEquals([mail(0), mail(1)], ["none", "none"]);
  assertEquals(mail(2), "421 message_limit (counters: MAXMSGS) end");
  const bytes = (n: number) => said(judgeBytes(n, limits({ dataBytes: 9 })));
  assertEquals([bytes(8), bytes(9)], ["none", "none"]);
  assertEquals(bytes(10), "552 too_big (counters: DATABYTES)");
  const hops = (n: number) => said(judgeHops(n, limits({ maxHops: 2 })));
  assertEquals([hops(0), hops(1)], ["none", "none"], "as many as the limit are a loop");
  assertEquals(hops(2), "554 too_many_hops (counters: MAXHOPS)");
});

Deno.test("limits: 0 is none", () => {
  const all = [judgeRecipients, judgeMessages, judgeBytes, judgeHops, judgeOffered];
  for (const judgeOne of all) assertEquals(judgeOne(1e9, NO_LIMITS), null, judgeOne.name);
});

Deno.test("judgeOffered: MAXRCPTS_REJECT refuses the whole message at DATA", () => {
  const data = (offered: number, refusesWhole: boolean) =>
    said(judgeOffered(offered, limits({ maxRecipients: 3, refusesWhole })));
  assertEquals([data(3, true), data(4, false)], ["none", "none"]);
  assertEquals(data(4, true), "550 recipients_overflow (counters: MAXRCPTS_REJECT)");
});

Deno.test("rates: connections, messages, recipients; trusted clients and forwarders are spared", () => {
  const recent = (n: number) => ({
    connections: n,
    messages: n,
    recipients: n,
    invalidRecipients: n,
    loginMessages: 0,
    loginRecipients: 0,
  });
  assertEquals(on("connect", { recent: recent(3) }), "none");
  assertEquals(on("connect", { recent: recent(4) }), "421 too_fast (rates: connections) end");
  assertEquals(on("mail", { recent: recent(4) }), "450 messages_too_fast (rates: messages)");
  assertEquals(on("rcpt", { recent: recent(4) }), "450 recipients_too_fast (rates: recipients)");
  const spared = { ...facts().client, isForwarder: true };
  assertEquals(on("rcpt", { recent: recent(4), client: spared }), "none");
});

Deno.test("rates: messages and recipients of a login at N and N+1, whoever the client is", () => {
  const login = (n: number) => ({
    recent: { ...facts().recent, loginMessages: n, loginRecipients: n },
    client: { login: "joe", isRelayClient: true, isForwarder: true },
  });
  const client = { ...facts().client, ...login(0).client };
  const at = (stage: "mail" | "rcpt", n: number) => on(stage, { ...login(n), client });
  assertEquals([at("mail", 3), at("rcpt", 3)], ["none", "none"]);
  assertEquals(at("mail", 4), "450 messages_too_fast (rates: messages of a login)");
  assertEquals(at("rcpt", 4), "450 recipients_too_fast (rates: recipients of a login)");
});

Deno.test("tarpitSeconds: grows by the step, is bounded, and so are those who wait", () => {
  const terms = { free: 2, stepSeconds: 3, maxSeconds: 8, maxWaiting: 2 };
  const delays = [1, 2, 3, 4, 5, 100].map((n) => tarpitSeconds(terms, n, 0));
  assertEquals(delays, [0, 0, 3, 6, 8, 8]);
  assertEquals([tarpitSeconds(terms, 9, 1), tarpitSeconds(terms, 9, 2)], [8, 0]);
});
