import { assert, assertEquals } from "@std/assert";
import type { ArcFinding } from "../../../content/arc.ts";
import type { DkimFinding, DkimResult } from "../../../content/dkim_verify.ts";
import { decideDmarc, type DmarcTerms, trustedWitness } from "../../../content/dmarc.ts";
import { isAligned, loadOrgDomains } from "../../../content/dmarc_domains.ts";
import {
  type DmarcFinding,
  evaluateDmarc,
  type Evidence,
} from "../../../content/dmarc_evaluate.ts";
import { authorDomains } from "../../../content/dmarc_from.ts";
import { parseDmarcRecord } from "../../../content/dmarc_record.ts";
import { fieldOf } from "../../../content/header.ts";
import type { SpfFinding } from "../../../content/types.ts";
import { createFileResolver } from "../../../dns/file_resolver.ts";

const orgDomainOf = await loadOrgDomains();

Deno.test("loadOrgDomains: one label below a public suffix, private ones too", () => {
  const table = [
    ["example.org", "example.org"],
    ["a.b.example.org", "example.org"],
    ["a.example.co.uk", "example.co.uk"],
    ["co.uk", "co.uk"],
    ["joe.github.io", "joe.github.io"],
    ["www.joe.github.io", "joe.github.io"],
    ["a.b.ck", "a.b.ck"],
    ["a.www.ck", "www.ck"],
    ["mail.example.test", "example.test"],
    ["localhost", "localhost"],
    ["x.xn--55qx5d.cn", "x.xn--55qx5d.cn"],
  ] as const;
  for (const [name, wanted] of table) assertEquals(orgDomainOf(name), wanted, name);
});

Deno.test("isAligned: strict is the same name, relaxed the same organization", () => {
  const of = (a: string, b: string, way: "relaxed" | "strict") => isAligned(a, b, way, orgDomainOf);
  assertEquals(of("example.org", "example.org", "strict"), true);
  assertEquals(of("mail.example.org", "example.org", "strict"), false);
  assertEquals(of("mail.example.org", "news.example.org", "relaxed"), true);
  assertEquals(of("badexample.org", "example.org", "relaxed"), false);
  assertEquals(of("a.co.uk", "b.co.uk", "relaxed"), false);
});

Deno.test("authorDomains: whatever a reader might take for the author's address", () => {
  const table = [
    ["joe@example.org", "example.org"],
    ["Joe Doe <joe@Example.ORG.>", "example.org"],
    ['"eve@example.net" <joe@example.org>', "example.org"],
    ["eve@example.net <joe@example.org>", "example.org"],
    ["<joe@example.org> (eve@example.net)", "example.org"],
    ["joe (a (nested) \\) comment) @ example . org", "example.org"],
    ['"joe@home"@example.org', "example.org"],
    ["<@relay.example:joe@example.org>", "example.org"],
    ["a@example.org, b@example.net", "example.org example.net"],
    ["A <a@example.org>, b@example.net", "example.org example.net"],
    ["<a@example.org> <b@example.net>", "example.org example.net"],
    ["friends: a@example.org, b@example.org;", "example.org"],
    ["J\xc3\xb6 <joe@b\xc3\xbccher.example>", "xn--bcher-kva.example"],
    ["=?utf-8?q?joe=40example=2Enet?= <joe@example.org>", "example.org"],
    ["joe@[192.0.2.1]", ""],
    ["undisclosed", ""],
    ["<>", ""],
    ['"unclosed <joe@example.org>', "example.org"],
    ["(unclosed <joe@example.org>", "example.org"],
    ["<joe@example.org", "example.org"],
  ] as const;
  for (const [value, wanted] of table) {
    assertEquals(authorDomains([fieldOf(`From: ${value}\n`)]).join(" "), wanted, value);
  }
  const fields = ["FROM: a@example.org\n", "To: x@y.z\n", "from:\n b@example.net\n"].map(fieldOf);
  assertEquals(authorDomains(fields), ["example.org", "example.net"], "all From fields count");
});

Deno.test("authorDomains: a long From is no more work than it is long", () => {
  const long = 100_000;
  for (const part of ["(", '"', "@", "<", "a@b,", "(x", " ", '\\"', "@<", "()"]) {
    const value = `${part.repeat(long / part.length)} <joe@example.org>`;
    assert(authorDomains([fieldOf(`From: ${value}\n`)]).length <= 2, part);
  }
});

Deno.test("parseDmarcRecord: each tag, its default, and what is no record", () => {
  const shown = (text: string) => {
    const record = parseDmarcRecord(text);
    if (record === null) return "none";
    const { policy, subPolicy, dkim, spf, percent } = record;
    return `${policy} ${subPolicy} ${dkim} ${spf} ${percent}`;
  };
  const table = [
    ["v=DMARC1; p=reject", "reject reject relaxed relaxed 100"],
    ["v=DMARC1;p=quarantine;sp=none;", "quarantine none relaxed relaxed 100"],
    ["v = DMARC1 ; p = NONE", "none none relaxed relaxed 100"],
    ["v=DMARC1; p=reject; adkim=s; aspf=s; pct=20", "reject reject strict strict 20"],
    ["v=DMARC1; p=reject; adkim=x; pct=lots; x=y", "reject reject relaxed relaxed 100"],
    ["v=DMARC1; p=reject; pct=0", "reject reject relaxed relaxed 0"],
    ["v=DMARC1; rua=mailto:a@b.example", "none none relaxed relaxed 100"],
    ["v=DMARC1; p=what; rua=mailto:a@b.example", "none none relaxed relaxed 100"],
    ["v=DMARC1", "none"],
    ["v=DMARC1; p=what", "none"],
    ["v=DMARC12; p=reject", "none"],
    ["p=reject; v=DMARC1", "none"],
    ["v=spf1 -all", "none"],
  ] as const;
  for (const [text, wanted] of table) assertEquals(shown(text), wanted, text);
});

const ZONE = `
_dmarc.reject.example TXT "v=DMARC1; p=reject; sp=quarantine"
_dmarc.strict.example TXT "v=DMARC1; p=reject; adkim=s; aspf=s"
_dmarc.own.reject.example TXT "v=DMARC1; p=none"
_dmarc.soft.example TXT "v=DMARC1; p=quarantine"
_dmarc.two.example TXT "v=DMARC1; p=reject"
_dmarc.two.example TXT "v=DMARC1; p=none"
_dmarc.among.example TXT "something else"
_dmarc.among.example TXT "v=DMARC1; p=reject"
_dmarc.bad.example TXT "v=DMARC1; p=what"
_dmarc.slow.example TIMEOUT
_dmarc.some.example TXT "v=DMARC1; p=reject; pct=30"
`;
const resolver = createFileResolver(ZONE, "zone");

function signed(domain: string, result: DkimResult = "pass"): DkimFinding {
  const rest = { selector: "s", identity: "", algorithm: "rsa-sha256", mark: "", reason: "" };
  return { result, domain, ...rest };
}

const NOTHING: Evidence = { dkim: [], spf: { domain: "else.example", result: "none" } };
const spf = (domain: string, result: SpfFinding["result"] = "pass"): Evidence => ({
  dkim: [],
  spf: { domain, result },
});

async function dmarc(author: string, evidence: Evidence = NOTHING): Promise<string> {
  const context = { resolver, orgDomainOf, session: 1 };
  const found = await evaluateDmarc(author.split(" ").filter((d) => d !== ""), evidence, context);
  return `${found.result} ${found.policy}`;
}

Deno.test("evaluateDmarc: the record of the author's domain, else of its organization", async () => {
  assertEquals(await dmarc("reject.example"), "fail reject");
  assertEquals(await dmarc("mail.reject.example"), "fail quarantine");
  assertEquals(await dmarc("own.reject.example"), "fail none");
  assertEquals(await dmarc("deep.own.reject.example"), "fail quarantine");
  assertEquals(await dmarc("nothing.example"), "none none");
  assertEquals(await dmarc("two.example"), "none none", "several records are none");
  assertEquals(await dmarc("among.example"), "fail reject", "other texts do not count");
  assertEquals(await dmarc("bad.example"), "permerror none");
  assertEquals(await dmarc("slow.example"), "temperror none");
});

Deno.test("evaluateDmarc: passes by DKIM or SPF of the author's domain, as strictly as it wants", async () => {
  const dkim = (domain: string, result: DkimResult = "pass") => ({
    dkim: [signed("other.example"), signed(domain, result)],
    spf: null,
  });
  assertEquals(await dmarc("reject.example", dkim("reject.example")), "pass reject");
  assertEquals(await dmarc("a.reject.example", dkim("b.reject.example")), "pass quarantine");
  assertEquals(await dmarc("reject.example", dkim("reject.example", "fail")), "fail reject");
  assertEquals(await dmarc("reject.example", dkim("reject.example", "policy")), "fail reject");
  assertEquals(await dmarc("strict.example", dkim("mail.strict.example")), "fail reject");
  assertEquals(await dmarc("strict.example", dkim("strict.example")), "pass reject");
  assertEquals(await dmarc("reject.example", spf("Bounce.Reject.EXAMPLE")), "pass reject");
  assertEquals(await dmarc("reject.example", spf("reject.example", "softfail")), "fail reject");
  assertEquals(await dmarc("reject.example", spf("other.example")), "fail reject");
  assertEquals(await dmarc("strict.example", spf("bounce.strict.example")), "fail reject");
});

Deno.test("evaluateDmarc: a result that can't be had now is no failure, if it would count", async () => {
  assertEquals(
    await dmarc("reject.example", spf("reject.example", "temperror")),
    "temperror reject",
  );
  assertEquals(await dmarc("reject.example", spf("other.example", "temperror")), "fail reject");
  const slow = { dkim: [signed("reject.example", "temperror")], spf: null };
  assertEquals(await dmarc("reject.example", slow), "temperror reject");
});

Deno.test("evaluateDmarc: of several authors the worst counts; many are nobody's", async () => {
  const evidence = { dkim: [signed("soft.example")], spf: null };
  assertEquals(await dmarc("soft.example reject.example", evidence), "fail reject");
  assertEquals(await dmarc("nothing.example soft.example", evidence), "none none");
  assertEquals(await dmarc("a.example b.example c.example d.example e.example"), "none none");
  assertEquals(
    await dmarc("a.example b.example c.example d.example e.example f.example"),
    "fail reject",
  );
  assertEquals(await dmarc(""), "permerror none");
});

const TERMS: DmarcTerms = {
  action: "reject",
  lists: ["lists.example"],
  trusted: ["hub.example", "list.example"],
  trouble: "defer",
  random: () => 0.5,
};
const FAILED: DmarcFinding = {
  result: "fail",
  domain: "reject.example",
  policy: "reject",
  percent: 100,
  reason: "why",
};
const NO_CHAIN: ArcFinding = { result: "none", instances: [], reason: "" };
const chain = (...instances: [string, string][]): ArcFinding => ({
  result: "pass",
  instances: instances.map(([sealer, results]) => ({ sealer, results })),
  reason: "",
});

/** What is done, in a word or three. */
function done(
  finding: Partial<DmarcFinding>,
  terms: Partial<DmarcTerms> = {},
  more: { evidence?: Evidence; arc?: ArcFinding; isForwarder?: boolean } = {},
): string {
  const facts = { evidence: NOTHING, arc: NO_CHAIN, isForwarder: false, ...more };
  const decision = decideDmarc({ ...facts, finding: { ...FAILED, ...finding } }, {
    ...TERMS,
    ...terms,
  });
  const { verdict } = decision;
  if (verdict.kind === "defer" || verdict.kind === "refuse") {
    return `${verdict.reply.code} ${verdict.reply.id}`;
  }
  return decision.done;
}

Deno.test("decideDmarc: no further than the domain asks, nor than dmarc_action allows", () => {
  assertEquals(done({}), "550 dmarc_refused");
  assertEquals(done({ policy: "quarantine" }), "quarantine");
  assertEquals(done({ policy: "none" }), "");
  assertEquals(done({}, { action: "quarantine" }), "quarantine");
  assertEquals(done({}, { action: "annotate" }), "");
  for (const result of ["pass", "none", "permerror"] as const) assertEquals(done({ result }), "");
});

Deno.test("decideDmarc: pct is a share; the rest gets one step less", () => {
  assertEquals(done({ percent: 51 }), "550 dmarc_refused");
  assertEquals(done({ percent: 50 }), "quarantine");
  assertEquals(done({ percent: 0, policy: "quarantine" }), "");
});

Deno.test("decideDmarc: without DNS nothing is refused for good", () => {
  assertEquals(done({ result: "temperror" }), "451 dmarc_undecided");
  assertEquals(done({ result: "temperror" }, { trouble: "pass" }), "");
  assertEquals(done({ result: "temperror" }, { action: "annotate" }), "");
});

Deno.test("decideDmarc: forwarders, lists that are shown to be themselves, believed seals", () => {
  const passed = "hub.example; dmarc=pass (p=reject) header.from=Reject.Example";
  assertEquals(done({}, {}, { isForwarder: true }), "let pass: known forwarder");
  assertEquals(done({}, {}, { evidence: spf("a.lists.example") }), "let pass: mailing list");
  assertEquals(done({}, {}, { evidence: spf("lists.example", "fail") }), "550 dmarc_refused");
  const evidence = { dkim: [signed("lists.example")], spf: null };
  assertEquals(done({}, {}, { evidence }), "let pass: mailing list");
  assertEquals(done({}, {}, { arc: chain(["hub.example", passed]) }), "let pass: arc hub.example");
  assertEquals(done({}, {}, { arc: chain(["eve.example", passed]) }), "550 dmarc_refused");
});

Deno.test("trustedWitness: from the last back, as long as each is believed", () => {
  const passed = " x; spf=fail; dmarc=pass header.from=a.example";
  const failed = " x; dmarc=fail header.from=a.example";
  const of = (...instances: [string, string][]) =>
    trustedWitness(chain(...instances), "a.example", TERMS.trusted);
  assertEquals(of(["list.example", passed], ["hub.example", failed]), "list.example");
  assertEquals(of(["list.example", passed], ["eve.example", passed]), null);
  assertEquals(of(["eve.example", passed], ["hub.example", failed]), null);
  assertEquals(of(["hub.example", " x; dmarc=pass header.from=b.example"]), null);
  assertEquals(of(["hub.example", " x; arc=pass (dmarc=pass header.from=a.example)"]), null);
  assertEquals(of(["hub.example", " x; dmarc=pass"]), null);
  assertEquals(trustedWitness(NO_CHAIN, "a.example", ["a.example"]), null);
});

Deno.test("decideDmarc: where SPF was not asked it might have vouched, so nothing is refused", () => {
  const evidence = { dkim: [], spf: null };
  assertEquals(done({}, {}, { evidence }), "let pass: SPF was not asked");
  assertEquals(done({ policy: "quarantine" }, {}, { evidence }), "let pass: SPF was not asked");
});
