import { assertEquals, assertStringIncludes } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { Resolver } from "../../../dns/types.ts";
import { createGatherer } from "../../../policy/gather.ts";
import { judge } from "../../../policy/mod.ts";
import {
  type AuthenticitySettings,
  spfBehavior,
  spfCheck,
  spfChecks,
  type SpfTerms,
  tellSpf,
} from "../../../policy/spf_check.ts";
import type { SpfPolicy } from "../../../policy/spf.ts";
import { NOTHING_KNOWN } from "../../../policy/types.ts";
import { AUTHENTICITY_SETTINGS } from "../../../settings/authenticity.ts";
import type { ControlFiles } from "../../../validate/types.ts";
import { type AllFacts, CLIENT, facts, policyOf, shown } from "./kit.ts";

const ZONE = `
pass.example TXT "v=spf1 ip4:192.0.2.0/24 -all"
fail.example TXT "v=spf1 -all"
why.example TXT "v=spf1 -all exp=text.example"
text.example TXT "%{i} is not mine"
softfail.example TXT "v=spf1 ~all"
neutral.example TXT "v=spf1 ?all"
permerror.example TXT "v=spf1 nonsense"
temperror.example TIMEOUT
`;

interface Asked {
  readonly behavior?: SpfTerms["behavior"];
  readonly isWanted?: boolean;
  readonly facts?: Parameters<typeof facts>[0];
  readonly policy?: SpfPolicy;
}

/** The verdict, what was seen, and the names that were asked for. */
async function ask(asked: Asked) {
  const names: string[] = [];
  const zone = createFileResolver(ZONE, "zone");
  const resolver: Resolver = {
    query(name, type) {
      names.push(name);
      return zone.query(name, type);
    },
  };
  const { behavior = 0, isWanted = false, policy = {} } = asked;
  const terms: SpfTerms = { mode: "on", behavior, isWanted };
  const gatherer = createGatherer({
    resolver,
    greylist: null,
    isDeadZone: () => false,
    spfPolicy: () => policy,
    session: 1,
  });
  const all = facts(asked.facts);
  const checks = policyOf([spfCheck(terms)]);
  const judged = await judge("rcpt_valid", all, checks, gatherer.gather, gatherer.known());
  const told = tellSpf(terms, all, gatherer.known(), "mx.example.com");
  return { said: shown(judged.verdict), judged, names, told };
}

const from = (domain: string): Partial<AllFacts> => ({ sender: `joe@${domain}.example` });

Deno.test("spfCheck: what each behavior does with each result", async () => {
  const results = ["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"];
  const fate = async (behavior: SpfTerms["behavior"]) => {
    const codes: string[] = [];
    for (const result of results) {
      const { said } = await ask({ behavior, facts: from(result) });
      codes.push(said === "none" ? "-" : said.slice(0, 3));
    }
    return codes.join(" ");
  };
  assertEquals(await fate(0), "- - - - - - -");
  assertEquals(await fate(1), "- - - - - - -");
  assertEquals(await fate(2), "- - - - - - 451");
  assertEquals(await fate(3), "- 550 - - - - 451");
  assertEquals(await fate(4), "- 550 550 - - - 451");
  assertEquals(await fate(5), "- 550 550 550 - - 451");
  assertEquals(await fate(6), "- 550 550 550 550 550 451");
});

Deno.test("spfCheck: each refusal has its reply and names the result", async () => {
  const said = async (result: string) => (await ask({ behavior: 6, facts: from(result) })).said;
  assertEquals(await said("fail"), "550 spf_refused (spf: fail)");
  assertEquals(await said("none"), "550 spf_refused (spf: none)");
  assertEquals(await said("permerror"), "550 spf_invalid (spf: permerror)");
  assertEquals(await said("temperror"), "451 spf_undecided (spf: temperror)");
});

Deno.test("spfCheck: the domain's own explanation stands behind our words, else control/spfexp", async () => {
  const text = async (domain: string, policy: SpfPolicy = {}) => {
    const { judged } = await ask({ behavior: 3, facts: from(domain), policy });
    return judged.verdict.kind === "refuse" ? judged.verdict.reply.text : "";
  };
  const ours = "SPF does not allow this sender from your address";
  assertEquals(await text("why"), `${ours}: 192.0.2.1 is not mine`);
  assertEquals(await text("fail"), ours);
  assertEquals(await text("fail", { exp: "See %{d}" }), `${ours}: See fail.example`);
});

Deno.test("spfCheck: rules and guess of the control files count", async () => {
  const said = async (domain: string, policy: SpfPolicy) =>
    (await ask({ behavior: 6, facts: from(domain), policy })).said;
  assertEquals(await said("fail", { rules: "ip4:192.0.2.1" }), "none");
  assertEquals(await said("none", { guess: "ip4:192.0.2.0/24" }), "none");
});

Deno.test("spfCheck: a null sender is asked about by its HELO", async () => {
  const asked = await ask({ behavior: 3, facts: { sender: "", helo: "fail.example" } });
  assertEquals(asked.said, "550 spf_refused (spf: fail)");
  assertEquals(asked.names, ["fail.example"]);
  assertStringIncludes(asked.told.field, "identity=helo");
});

Deno.test("spfCheck: SPFBEHAVIOR of the session goes over the file, both ways", async () => {
  const with_ = (value: string): Parameters<typeof facts>[0] => ({
    ...from("fail"),
    client: { env: { SPFBEHAVIOR: value } },
  });
  assertEquals((await ask({ behavior: 0, facts: with_("3") })).said, "550 spf_refused (spf: fail)");
  const off = await ask({ behavior: 3, facts: with_("0") });
  assertEquals([off.said, off.names.length, off.told.field], ["none", 0, ""]);
});

Deno.test("spfCheck: nobody is asked without a behavior, unless somebody wants the result", async () => {
  assertEquals((await ask({ behavior: 0, facts: from("fail") })).names, []);
  const wanted = await ask({ behavior: 0, isWanted: true, facts: from("fail") });
  assertEquals([wanted.said, wanted.names.join(" ")], ["none", "fail.example"]);
  assertEquals(wanted.told.field, "", "and nothing is told in the message");
});

Deno.test("spfCheck: whom it does not ask, and whom it asks but never refuses", async () => {
  const of = async (more: Parameters<typeof facts>[0]) => {
    const { said, names } = await ask({ behavior: 3, facts: { ...from("fail"), ...more } });
    return `${said} ${names.length}`;
  };
  assertEquals(await of({ client: { isRelayClient: true } }), "none 0");
  assertEquals(await of({ client: { login: "ann" } }), "none 0");
  assertEquals(await of({ client: { isLoopback: true } }), "none 0");
  assertEquals(await of({ client: { isForwarder: true } }), "none 1");
  assertEquals(await of({ isAlwaysAccepted: true }), "none 1");
  assertEquals(await of({ isSenderFinal: true }), "none 1");
});

Deno.test("spfCheck: what was seen stands in the trace, result first", async () => {
  const seen = async (domain: string) =>
    (await ask({ behavior: 1, facts: from(domain) })).judged.findings[0]?.text;
  assertEquals(await seen("pass"), "pass domain[pass.example] mechanism[ip4:192.0.2.0/24]");
  assertEquals(await seen("none"), "none domain[none.example] mechanism[]");
  assertStringIncludes(await seen("permerror") ?? "", "permerror domain[permerror.example]");
});

Deno.test("createGatherer: SPF is asked once for each sender of a session", async () => {
  const names: string[] = [];
  const zone = createFileResolver(ZONE, "zone");
  const gatherer = createGatherer({
    resolver: { query: (name, type) => (names.push(name), zone.query(name, type)) },
    greylist: null,
    isDeadZone: () => false,
    session: 1,
  });
  const checks = policyOf([spfCheck({ mode: "on", behavior: 3, isWanted: false })]);
  const said: string[] = [];
  for (const domain of ["fail", "pass", "fail", "pass"]) {
    const { gather, known } = gatherer;
    const judged = await judge("rcpt_valid", facts(from(domain)), checks, gather, known());
    said.push(judged.verdict.kind);
  }
  assertEquals(said, ["refuse", "none", "refuse", "none"]);
  assertEquals(names, ["fail.example", "pass.example"]);
});

Deno.test("tellSpf: Received-SPF and SPFRESULT in the words of the patch", async () => {
  const of = async (result: string) => (await ask({ behavior: 1, facts: from(result) })).told;
  const pass = await of("pass");
  assertStringIncludes(
    pass.field,
    "Received-SPF: pass (mx.example.com: domain of joe@pass.example",
  );
  assertEquals(pass.env, { SPFRESULT: "pass" });
  assertEquals((await of("permerror")).env, { SPFRESULT: "unknown" });
  assertEquals((await of("temperror")).env, { SPFRESULT: "error" });
  const terms: SpfTerms = { mode: "shadow", behavior: 3, isWanted: false };
  assertEquals(tellSpf(terms, facts(), NOTHING_KNOWN, "me").field, "");
});

Deno.test("spfChecks: reads the control files; SPFBEHAVIOR of the process goes over spfbehavior", () => {
  const settings = Object.fromEntries(
    Object.entries(AUTHENTICITY_SETTINGS).map(([name, { default: value }]) => [name, value]),
  ) as AuthenticitySettings;
  const files: Record<string, string> = {
    spfbehavior: "3",
    spfrules: "a",
    spfguess: "mx",
    me: "m",
  };
  const control: ControlFiles = {
    line: (name) => files[name] ?? null,
    lines: () => null,
    integer: () => null,
  };
  const read = (env: Record<string, string>, more: Partial<AuthenticitySettings> = {}) =>
    spfChecks({ ...settings, ...more }, control, env);
  assertEquals(read({}).terms, { mode: "on", behavior: 3, isWanted: false });
  assertEquals(read({ SPFBEHAVIOR: "5" }).terms.behavior, 5);
  assertEquals(read({}, { dmarc: "shadow" }).terms.isWanted, true);
  assertEquals(read({}, { spf: "off" }).checks, []);
  assertEquals(read({}).policy(1999), {
    ...{ rules: "a", guess: "mx", exp: "", receiver: "m" },
    nowSeconds: 1,
  });
  for (const [text, behavior] of [["7", 6], ["x", 0], ["2 yes", 2], ["", 0]] as const) {
    const terms = { mode: "on", behavior: 0, isWanted: false } as const;
    assertEquals(spfBehavior(terms, { ...CLIENT.env, SPFBEHAVIOR: text }), behavior, text);
  }
});

Deno.test("spfCheck: off, but wanted by DMARC, it is asked and has no opinion, whatever the environment says", async () => {
  const zone = createFileResolver(ZONE, "zone");
  const terms: SpfTerms = { mode: "off", behavior: 0, isWanted: true };
  const gatherer = createGatherer({
    resolver: zone,
    greylist: null,
    isDeadZone: () => false,
    session: 1,
  });
  const all = facts({ sender: "joe@fail.example", client: { env: { SPFBEHAVIOR: "6" } } });
  const checks = policyOf([spfCheck(terms)]);
  const judged = await judge("rcpt_valid", all, checks, gatherer.gather, gatherer.known());
  assertEquals(shown(judged.verdict), "none");
  assertEquals(gatherer.known().spf?.spf.result, "fail");
  assertEquals(tellSpf(terms, all, gatherer.known(), "mx.example.com").field, "");
});
