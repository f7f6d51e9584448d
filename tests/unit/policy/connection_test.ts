import { assertEquals } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { Resolver } from "../../../dns/types.ts";
import { createGatherer } from "../../../policy/gather.ts";
import { helo, heloDns, literalAddress, readBadHelo } from "../../../policy/helo.ts";
import { earlyTalker, greetDelaySeconds, strictPipelining } from "../../../policy/manners.ts";
import { judge, type Stage } from "../../../policy/mod.ts";
import { rblsmtpd } from "../../../policy/rblsmtpd.ts";
import { reverseDns } from "../../../policy/reverse_dns.ts";
import { senderDomain } from "../../../policy/sender_domain.ts";
import { type AnyCheck, NOTHING_KNOWN } from "../../../policy/types.ts";
import { type AllFacts, CLIENT, facts, NOBODY, policyOf, shown } from "./kit.ts";

const ZONE = `
1.2.0.192.in-addr.arpa PTR mail.example.org
mail.example.org A 192.0.2.1
2.2.0.192.in-addr.arpa PTR other.example.org
other.example.org A 192.0.2.99
3.2.0.192.in-addr.arpa TIMEOUT
4.2.0.192.in-addr.arpa PTR slow.example.org
slow.example.org TIMEOUT
example.org MX 10 mail.example.org
only-a.example A 192.0.2.1
only-aaaa.example AAAA 2001:db8::1
text.example TXT "no address"
nullmx.example MX 0 .
twomx.example MX 0 .
twomx.example MX 10 mail.example.org
slow.example TIMEOUT
nomx.example A TIMEOUT
`;

/** A resolver that counts what is asked. */
function counting(resolver: Resolver): { readonly resolver: Resolver; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolver: {
      query(name, type, options) {
        asked.push(`${type} ${name}`);
        return resolver.query(name, type, options);
      },
    },
  };
}

/** A policy of these checks, asked with the zone above. */
async function ask(
  checks: readonly AnyCheck[],
  changes: Parameters<typeof facts>[0] = {},
  stage: Stage = "rcpt_valid",
): Promise<{ readonly said: string; readonly asked: readonly string[] }> {
  const { resolver, asked } = counting(createFileResolver(ZONE, "zone"));
  const gatherer = createGatherer({
    resolver,
    greylist: null,
    isDeadZone: () => false,
    session: 1,
  });
  const policy = policyOf(checks);
  const judged = await judge(stage, facts(changes), policy, gatherer.gather, gatherer.known());
  return { said: shown(judged.verdict), asked };
}

function atOnce(stage: Stage, check: readonly AnyCheck[], changes: Partial<AllFacts>): string {
  const judged = judge(stage, facts(changes), policyOf(check), NOBODY);
  return judged instanceof Promise ? "late" : shown(judged.verdict);
}

Deno.test("earlyTalker: who talks before the greeting is sent away; forwarders are not", () => {
  const on = (changes: Partial<AllFacts>) => atOnce("connect", [earlyTalker()], changes);
  assertEquals(on({ spokeEarly: false }), "none");
  assertEquals(on({ spokeEarly: true }), "554 early_talker (early_talker) end");
  assertEquals(on({ spokeEarly: true, client: { ...CLIENT, isForwarder: true } }), "none");
});

Deno.test("greetDelaySeconds: only for the unknown", () => {
  assertEquals(greetDelaySeconds(5, CLIENT, false), 5);
  assertEquals(greetDelaySeconds(5, CLIENT, true), 0);
  assertEquals(greetDelaySeconds(5, { ...CLIENT, isRelayClient: true }, false), 0);
});

Deno.test("strictPipelining: input behind HELO, EHLO, DATA", () => {
  for (const stage of ["helo", "data"] as const) {
    const on = (hasMoreInput: boolean) => atOnce(stage, strictPipelining(), { hasMoreInput });
    assertEquals(on(false), "none");
    assertEquals(on(true), "554 pipelined (strict_pipelining) end");
  }
});

const TERMS = {
  ours: new Set(["mx.example.com", "192.0.2.200"]),
  bad: readBadHelo(["localhost.localdomain", ".dyn.example", "*.[0123456789]*.spam.example"]),
  wantsFullName: false,
};

Deno.test("helo: missing, no name, ours, badhelo by name, suffix and glob", () => {
  const on = (name: string, wantsFullName = false) =>
    atOnce("rcpt", [helo({ ...TERMS, wantsFullName })], { helo: name });
  assertEquals(on("mail.example.org"), "none");
  assertEquals(on(""), "550 helo_missing (helo: missing)");
  assertEquals(on("bad name"), "550 helo_syntax (helo: syntax)");
  assertEquals(on("192.0.2.9"), "550 helo_syntax (helo: syntax)", "an address needs brackets");
  assertEquals(on("[192.0.2.9]"), "none");
  assertEquals(on("[IPv6:2001:db8::1]"), "none");
  assertEquals(on("[300.1.1.1]"), "550 helo_syntax (helo: syntax)");
  assertEquals(on("MX.Example.com."), "550 helo_ours (helo: ours)");
  assertEquals(on("[192.0.2.200]"), "550 helo_ours (helo: ours)");
  assertEquals(
    on("LOCALHOST.localdomain"),
    "550 helo_bad (helo: badhelo localhost.localdomain)",
  );
  assertEquals(on("a.dyn.example"), "550 helo_bad (helo: badhelo .dyn.example)");
  assertEquals(on("dyn.example"), "none");
  assertEquals(
    on("x.77.spam.example"),
    "550 helo_bad (helo: badhelo *.[0123456789]*.spam.example)",
  );
  assertEquals([on("host"), on("host", true)], ["none", "550 helo_syntax (helo: syntax)"]);
});

Deno.test("literalAddress: both families in their one text", () => {
  const texts = ["[192.0.2.1]", "[IPv6:2001:DB8:0::1]", "[x]", "192.0.2.1"];
  assertEquals(texts.map(literalAddress), ["192.0.2.1", "2001:db8::1", null, null]);
});

Deno.test("heloDns: known by A, AAAA or MX; unknown is put off, as is a silent DNS if wanted", async () => {
  const on = async (name: string, trouble: "pass" | "defer" = "defer") =>
    (await ask([heloDns(trouble)], { helo: name })).said;
  assertEquals(await on("mail.example.org"), "none");
  assertEquals(await on("only-aaaa.example"), "none");
  assertEquals(await on("example.org"), "none");
  assertEquals(await on("gone.example"), "450 helo_unknown (helo_dns)");
  assertEquals(await on("text.example"), "450 helo_unknown (helo_dns)");
  assertEquals(await on("slow.example"), "451 helo_undecided (helo_dns: undecided)");
  assertEquals(await on("slow.example", "pass"), "none");
  assertEquals(await on("[192.0.2.1]"), "none");
});

Deno.test("rblsmtpd: empty lets pass, text is 451, -text 553", () => {
  const on = (env: Record<string, string>) =>
    atOnce("rcpt", [rblsmtpd()], { client: { ...CLIENT, env } });
  assertEquals([on({}), on({ RBLSMTPD: "" })], ["none", "none"]);
  assertEquals(on({ RBLSMTPD: "go away" }), "451 rbl_deferred (rblsmtpd)");
  assertEquals(on({ RBLSMTPD: "-go away" }), "553 rbl_refused (rblsmtpd)");
  const client = { ...CLIENT, env: { RBLSMTPD: "-go away" } };
  const verdict = rblsmtpd().judge(facts({ client }), NOTHING_KNOWN);
  assertEquals(verdict.kind === "refuse" && verdict.reply.text, "go away");
});

Deno.test("reverseDns: none, exists and fcrdns for every answer of the DNS", async () => {
  const on = async (
    ip: string,
    level: "none" | "exists" | "fcrdns",
    trouble: "pass" | "defer" = "defer",
  ) => (await ask([reverseDns(level, trouble)], { client: { ip } })).said;
  const missing = "451 reverse_missing (reverse_dns: exists)";
  const undecided = "451 reverse_undecided (reverse_dns: undecided)";
  assertEquals(await on("192.0.2.1", "fcrdns"), "none");
  assertEquals(await on("192.0.2.2", "exists"), "none");
  assertEquals(await on("192.0.2.2", "fcrdns"), "451 reverse_mismatch (reverse_dns: fcrdns)");
  assertEquals(await on("192.0.2.9", "exists"), missing);
  assertEquals(await on("192.0.2.9", "none"), "none");
  assertEquals(await on("192.0.2.3", "exists"), undecided);
  assertEquals(await on("192.0.2.3", "exists", "pass"), "none");
  assertEquals(await on("192.0.2.4", "fcrdns"), undecided);
  assertEquals(await on("192.0.2.4", "exists"), "none", "it has a name, wherever that leads");
  assertEquals(await on("unknown", "fcrdns"), "none");
});

Deno.test("senderDomain: exists by MX, A or AAAA; null MX; unknown; silent DNS", async () => {
  const on = async (sender: string, trouble: "pass" | "defer" = "defer") =>
    (await ask([senderDomain(trouble)], { sender })).said;
  assertEquals(await on("a@Example.org"), "none");
  assertEquals(await on("a@only-a.example"), "none");
  assertEquals(await on("a@only-aaaa.example"), "none");
  assertEquals(await on("a@gone.example"), "550 sender_domain_unknown (sender_domain: exists)");
  assertEquals(await on("a@text.example"), "550 sender_domain_unknown (sender_domain: exists)");
  assertEquals(await on("a@x..y"), "550 sender_domain_unknown (sender_domain: exists)");
  assertEquals(await on("a@nullmx.example"), "550 sender_domain_no_mail (sender_domain: null MX)");
  assertEquals(await on("a@twomx.example"), "none", "a null MX stands alone (RFC 7505)");
  const undecided = "451 sender_domain_undecided (sender_domain: undecided)";
  assertEquals(await on("a@slow.example"), undecided);
  assertEquals(await on("a@slow.example", "pass"), "none");
  assertEquals(await on("a@nomx.example"), undecided);
  assertEquals([await on(""), await on("a"), await on("a@[192.0.2.1]")], ["none", "none", "none"]);
});

Deno.test("senderDomain: asks for addresses only when there is no mail exchanger", async () => {
  const asked = async (sender: string) => (await ask([senderDomain("defer")], { sender })).asked;
  assertEquals(await asked("a@example.org"), ["MX example.org"]);
  assertEquals(await asked("a@only-a.example"), ["MX only-a.example", "A only-a.example"]);
  assertEquals(await asked("a@gone.example"), ["MX gone.example"]);
  assertEquals(await asked("a@slow.example"), ["MX slow.example"]);
});

Deno.test("createGatherer: a session asks each thing once, however many recipients it has", async () => {
  const { resolver, asked } = counting(createFileResolver(ZONE, "zone"));
  const gatherer = createGatherer({
    resolver,
    greylist: null,
    isDeadZone: () => false,
    session: 1,
  });
  const policy = policyOf([senderDomain("defer"), reverseDns("fcrdns", "defer")]);
  for (let i = 0; i < 3; i++) {
    await judge("rcpt_valid", facts(), policy, gatherer.gather, gatherer.known());
  }
  assertEquals(asked.toSorted(), [
    "A mail.example.org",
    "MX example.org",
    "PTR 1.2.0.192.in-addr.arpa",
  ]);
});
