import { assert, assertEquals } from "@std/assert";
import { CHECK_ORDER, judge, type Judgement, makePolicy } from "../../../policy/mod.ts";
import { accepting, against, NONE, POLICY_REPLIES } from "../../../policy/replies.ts";
import type { Check, CheckName, Known, Need, Spared, Verdict } from "../../../policy/types.ts";
import { NOTHING_KNOWN } from "../../../policy/types.ts";
import { facts, NOBODY, policyOf, shown } from "./kit.ts";

const REFUSED = against(POLICY_REPLIES.bad_recipient, "r", "because");
const DEFERRED = against(POLICY_REPLIES.greylisted, "g", "because");
const NEED: Need = { kind: "reverse", ip: "192.0.2.1" };

function check(
  name: CheckName,
  verdict: Verdict,
  spares: readonly Spared[] = [],
  needs: readonly Need[] = [],
): Check<"rcpt"> {
  const isKnown = (known: Known) => known.reverse !== null;
  return {
    name,
    stage: "rcpt",
    spares,
    needs: (_facts, known) => isKnown(known) ? [] : needs,
    judge: () => verdict,
  };
}

function now(judged: Judgement | Promise<Judgement>): Judgement {
  assert(!(judged instanceof Promise), "the answer comes at once");
  return judged;
}

Deno.test("judge: no checks, no opinion, and nothing is waited for", () => {
  assertEquals(now(judge("rcpt", facts(), makePolicy([], {}), NOBODY)).verdict, NONE);
});

Deno.test("judge: the order is CHECK_ORDER's, whatever the order they are given in", () => {
  const policy = policyOf([check("greylist", DEFERRED), check("badrcptto", REFUSED)]);
  assertEquals(now(judge("rcpt", facts(), policy, NOBODY)).check, "badrcptto");
});

Deno.test("judge: nobody is asked once an earlier check decided", () => {
  const asks = check("dnsbl", REFUSED, [], [NEED]);
  const policy = policyOf([asks, check("badmailfrom", REFUSED)]);
  assertEquals(now(judge("rcpt", facts(), policy, NOBODY)).check, "badmailfrom");
});

Deno.test("judge: what a check needs is asked once and stays known to the next", async () => {
  let asked = 0;
  const reverse = { status: "none", names: [], confirmed: null, problem: "" } as const;
  const gather = (needs: readonly Need[], known: Known) => {
    asked += needs.length;
    return Promise.resolve({ ...known, reverse });
  };
  const policy = policyOf([
    check("reverse_dns", NONE, [], [NEED]),
    check("dnsbl", REFUSED, [], [NEED]),
  ]);
  const judged = await judge("rcpt", facts(), policy, gather);
  assertEquals([judged.check, asked], ["dnsbl", 1]);
});

Deno.test("judge: a check that is never content is asked four times, then judged", () => {
  let asked = 0;
  const gather = () => {
    asked++;
    return NOTHING_KNOWN;
  };
  const policy = policyOf([check("dnsbl", DEFERRED, [], [NEED])]);
  assertEquals(shown(now(judge("rcpt", facts(), policy, gather)).verdict), "451 greylisted (g)");
  assertEquals(asked, 4);
});

Deno.test("judge: shadow is told and not applied, off is not judged", () => {
  const checks = [check("badrcptto", REFUSED), check("greylist", DEFERRED), check("helo", REFUSED)];
  const policy = makePolicy(checks, { badrcptto: "shadow", greylist: "on", helo: "off" });
  const judged = now(judge("rcpt", facts(), policy, NOBODY));
  assertEquals([judged.check, judged.verdict.kind], ["greylist", "defer"]);
  assertEquals(judged.shadows.map((s) => [s.check, s.verdict.rule]), [["badrcptto", "r"]]);
});

Deno.test("judge: accept for good ends the stage; accept lets later checks refuse", () => {
  const later = check("greylist", DEFERRED);
  const kind = (final: boolean) =>
    now(
      judge(
        "rcpt",
        facts(),
        policyOf([check("mailrules", accepting("m", "", final)), later]),
        NOBODY,
      ),
    ).verdict.kind;
  assertEquals([kind(true), kind(false)], ["accept", "defer"]);
  const alone = policyOf([check("mailrules", accepting("m", "", false))]);
  assertEquals(shown(now(judge("rcpt", facts(), alone, NOBODY)).verdict), "accept m");
});

Deno.test("judge: soft_reject turns 5xx into 4xx, code and enhanced code, and says so", () => {
  for (const reply of Object.values(POLICY_REPLIES)) {
    for (const ends of [false, true]) {
      const policy = policyOf(
        [check("helo", against(reply, "r", "", { ends }))],
        "on",
        true,
      );
      const { verdict, softened } = now(judge("rcpt", facts(), policy, NOBODY));
      assert(verdict.kind === "defer", reply.id);
      assertEquals(softened, reply.code >= 500, reply.id);
      assert(verdict.reply.code >= 400 && verdict.reply.code < 500, reply.id);
      if (softened) assertEquals(verdict.reply.code === 421, ends, "421 is for who is sent away");
      assert(verdict.reply.enhanced.startsWith("4."), reply.id);
    }
  }
});

Deno.test("judge: each kind of client that a check spares is spared, and only there", () => {
  const table = [
    ["trusted", facts({ client: { isRelayClient: true } })],
    ["trusted", facts({ client: { login: "ann" } })],
    ["loopback", facts({ client: { isLoopback: true } })],
    ["forwarder", facts({ client: { isForwarder: true } })],
    ["recipient", facts({ isAlwaysAccepted: true })],
    ["sender", facts({ isSenderFinal: true })],
  ] as const;
  for (const [spared, given] of table) {
    const judged = (spares: readonly Spared[]) =>
      now(judge("rcpt", given, policyOf([check("helo", REFUSED, spares)]), NOBODY)).verdict.kind;
    assertEquals([judged([spared]), judged([])], ["none", "refuse"], spared);
  }
});

Deno.test("POLICY_REPLIES: ids are their names, enhanced codes fit, texts are one printable line", () => {
  for (const [name, reply] of Object.entries(POLICY_REPLIES)) {
    assertEquals(reply.id, name);
    assertEquals(reply.enhanced.charAt(0), `${reply.code}`.charAt(0), name);
    assert(/^[ -~]+$/.test(reply.text), name);
  }
});

Deno.test("CHECK_ORDER: what asks the DNS stands behind everything that does not", () => {
  assertEquals(new Set(CHECK_ORDER).size, CHECK_ORDER.length);
  const asking = ["reverse_dns", "dnsbl", "helo_dns", "sender_domain", "spf", "greylist"];
  const from = CHECK_ORDER.indexOf("reverse_dns");
  assertEquals(CHECK_ORDER.slice(from, from + asking.length).map(String), asking);
  assertEquals(CHECK_ORDER[from + asking.length], "header_limits", "messages come last");
});

Deno.test("judge: a witness hears of each check: spared, without opinion, in shadow, deciding; not of the rest", () => {
  const seen: string[] = [];
  const policy = makePolicy(
    [
      check("badmailfrom", REFUSED, ["loopback"]),
      check("own_sender", NONE),
      check("badrcptto", DEFERRED),
      check("null_sender", REFUSED),
      check("greylist", DEFERRED),
    ],
    {
      badmailfrom: "on",
      own_sender: "on",
      badrcptto: "shadow",
      null_sender: "on",
      greylist: "on",
    },
  );
  const loopback = facts({ client: { isLoopback: true } });
  const judged = now(
    judge("rcpt", loopback, policy, NOBODY, NOTHING_KNOWN, (stage, name, mode, what) => {
      const more = what.kind === "spared"
        ? what.by
        : what.kind === "verdict"
        ? what.verdict.kind
        : "";
      seen.push([stage, name, mode, what.kind, more].join(" "));
    }),
  );
  assertEquals(judged.check, "null_sender");
  assertEquals(seen, [
    "rcpt badmailfrom on spared loopback",
    "rcpt own_sender on none ",
    "rcpt badrcptto shadow verdict defer",
    "rcpt null_sender on verdict refuse",
  ]);
});
