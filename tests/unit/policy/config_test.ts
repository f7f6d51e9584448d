import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromLatin1, makeCdb } from "../../../cdb/mod.ts";
import {
  type PolicyConfig,
  type PolicySettings,
  type PolicySite,
  readPolicyConfig,
} from "../../../policy/config.ts";
import { compileMailRules, unusableMailRules } from "../../../policy/mailrules.ts";
import { loadMailRules, type ReadBytes } from "../../../policy/mailrules_load.ts";
import { MailRulesError, parseMailRules } from "../../../policy/mailrules_parse.ts";
import { CHECK_ORDER, judge, type Stage } from "../../../policy/mod.ts";
import { SETTINGS } from "../../../settings/mod.ts";
import { AUTHENTICITY_SETTINGS } from "../../../settings/authenticity.ts";
import { POLICY_SETTINGS } from "../../../settings/policy.ts";
import { type AllFacts, facts, NOBODY, shown } from "./kit.ts";

const DEFAULTS = Object.fromEntries(
  Object.entries({ ...POLICY_SETTINGS, ...AUTHENTICITY_SETTINGS })
    .map(([name, setting]) => [name, setting.default]),
) as unknown as PolicySettings;

function configOf(
  changes: Partial<PolicySettings> = {},
  files: Readonly<Record<string, readonly string[]>> = {},
  site: Partial<PolicySite> = {},
): PolicyConfig {
  return readPolicyConfig({ ...DEFAULTS, ...changes }, {
    control: { line: () => null, lines: (name) => files[name] ?? null, integer: () => null },
    env: {},
    isOwnDomain: () => false,
    ownNames: new Set(),
    mailRules: null,
    ...site,
  });
}

function on(config: PolicyConfig, stage: Stage, changes: Partial<AllFacts> = {}): string {
  const judged = judge(stage, facts(changes), config.policy, NOBODY);
  return judged instanceof Promise ? "late" : shown(judged.verdict);
}

const STAGES: readonly Stage[] = [
  "connect",
  "helo",
  "mail",
  "rcpt",
  "rcpt_valid",
  "data",
  "data_end",
];

Deno.test("readPolicyConfig: by default, without files, nothing has an opinion and nobody is asked", () => {
  const config = configOf();
  for (const stage of STAGES) assertEquals(on(config, stage), "none", stage);
  assertEquals(config.notes, []);
  assertEquals(on(config, "rcpt", { helo: "", sender: "", accepted: 5 }), "none");
});

Deno.test("readPolicyConfig: control files are read under their names", () => {
  const config = configOf({ helo: "on", null_sender: "on" }, {
    badmailfrom: ["@evil.example"],
    badrcptto: ["old@example.com gone"],
    badhelo: ["bad.example.org"],
    trapto: ["info1@example.com"],
    listposts: ["List@example.com"],
  });
  const rcpt = (changes: Partial<AllFacts>) => on(config, "rcpt", changes);
  assertStringIncludes(rcpt({ sender: "a@evil.example" }), "bad_sender");
  assertStringIncludes(rcpt({ recipient: "old@example.com" }), "bad_recipient");
  assertStringIncludes(rcpt({ helo: "bad.example.org" }), "helo_bad");
  assertStringIncludes(rcpt({ recipient: "info1@example.com" }), "accept! decoy");
  const list = { sender: "", recipient: "list@example.com" };
  assertStringIncludes(on(config, "rcpt_valid", list), "bounce_to_list");
});

Deno.test("readPolicyConfig: the mail rules come before everything else", () => {
  const mailRules = compileMailRules(parseMailRules(":r\nzann@*:*:later"), new Map());
  const config = configOf({}, { badrcptto: ["ann@example.com"] }, { mailRules });
  const sender = "ann@example.org";
  assertEquals(on(config, "rcpt", { sender }), "451 rule_deferred (mailrules: line 2)");
  const off = configOf({ mailrules: "off" }, {}, { mailRules });
  assertEquals(on(off, "rcpt", { sender }), "none");
});

/** Limits, which the protocols compare; checks of messages (content/). */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "counters",
  "header_limits",
  "header_rules",
  "patterns",
  "dkim",
  "arc",
  "dmarc",
  "filter",
  "spamd",
]);

Deno.test("readPolicyConfig: every check that has a key is switched by it", () => {
  const everything = Object.fromEntries(CHECK_ORDER.map((name) => [name, "on"]));
  const mailRules = unusableMailRules("x");
  const files = { badmailfrom: ["a@b"], badrcptto: ["a@b"], trapto: ["a@b"] };
  const env = { RBLSMTPD: "x", SPFBEHAVIOR: "3" };
  const names = (changes: Partial<PolicySettings>, site: Partial<PolicySite> = {}) => {
    const { stages } = configOf(changes, files, { env, ...site }).policy;
    return new Set(Object.values(stages).flat().map(({ check }) => check.name));
  };
  const all = names(everything, { mailRules });
  assertEquals([...all].toSorted(), CHECK_ORDER.filter((name) => !ELSEWHERE.has(name)).toSorted());
  for (const name of CHECK_ORDER) {
    if (!Object.hasOwn(POLICY_SETTINGS, name)) continue;
    assert(!names({ ...everything, [name]: "off" }, { mailRules }).has(name), name);
  }
});

Deno.test("readPolicyConfig: what can't be meant is told and left out", () => {
  const config = configOf({
    dnsbl: "on",
    dnsbl_lists: ["bl", "bl.example*2"],
    known_forwarders: ["192.0.2.0/24", "x"],
    greylist_exempt: ["y"],
    reject_if_any_of: ["relay", "z"],
  }, { badmailfrom: ["@a.b-"] });
  assertEquals(config.dnsblLists.map(({ zone }) => zone), ["bl.example"]);
  assertEquals([config.isForwarder("192.0.2.9"), config.isForwarder("192.0.3.9")], [true, false]);
  assertEquals(config.notes.length, 5);
  assertEquals(config.isAlwaysAccepted("Abuse@example.com"), true);
});

Deno.test("POLICY_SETTINGS: no name is taken by another family", () => {
  const merged = Object.entries(SETTINGS).filter(([name, setting]) =>
    Object.hasOwn(POLICY_SETTINGS, name) &&
    setting !== Object.entries(POLICY_SETTINGS).find(([own]) => own === name)?.[1]
  );
  assertEquals(merged.map(([name]) => name), []);
});

const FILES: Readonly<Record<string, Uint8Array>> = {
  rules: fromLatin1(":r\nk*:[[/people]]\nk*:[[/more.cdb]]\nk*:[[/gone.cdb]]\nx\n"),
  "/people": fromLatin1("Ann@example.com\n"),
  "/more.cdb": makeCdb([["bob@example.com", ""]]),
  lacking: fromLatin1("k*:[[/nobody]]"),
  broken: fromLatin1("k*:[[/short.cdb]]"),
  "/short.cdb": new Uint8Array(10),
  hurt: fromLatin1("k*:[[/hurt.cdb]]"),
  // Nothing where "" would be, beyond the end everywhere else.
  "/hurt.cdb": new Uint8Array(2048).fill(255).fill(0, 40, 48),
};
const read: ReadBytes = (name) => FILES[name] ?? null;

Deno.test("loadMailRules: rules with their text files and cdbs", () => {
  const { rules, notes } = loadMailRules("rules", read);
  const kinds = ["ann@EXAMPLE.com", "bob@example.com", "eve@example.com"].map((to) =>
    rules.recipient("", to).verdict.kind
  );
  assertEquals([kinds, notes.length], [["accept", "accept", "none"], 1]);
});

Deno.test("loadMailRules: what is missing or wrong is a sentence", () => {
  assertThrows(
    () => loadMailRules("no", read),
    MailRulesError,
    'The mail rules "no" are not there',
  );
  const lacking = 'The file "/nobody" of a rule is not there';
  assertThrows(() => loadMailRules("lacking", read), MailRulesError, lacking);
  assertThrows(() => loadMailRules("broken", read), MailRulesError, "is no cdb");
  const fails: ReadBytes = () => {
    throw new Error("Is a directory");
  };
  assertThrows(() => loadMailRules("x", fails), MailRulesError, "can't be read: Is a directory");
});

Deno.test("mail rules: a cdb whose damage shows later answers 421, and refuses nobody for good", () => {
  const { verdict } = loadMailRules("hurt", read).rules.recipient("a@b.org", "c@d.org");
  assertEquals(shown(verdict), "421 rules_unusable (mailrules) end");
  assertEquals(shown(unusableMailRules("x").sender("a@b").verdict), shown(verdict));
});

Deno.test("readPolicyConfig: DMARC asks SPF where spf is off; nothing is refused or told then", () => {
  const policyOf = (changes: Partial<PolicySettings>) => {
    const { policy, spf } = configOf({ spf: "off", ...changes });
    return { names: policy.stages.rcpt_valid.map(({ check }) => check.name), mode: spf.terms.mode };
  };
  assertEquals(policyOf({}), { names: [], mode: "off" });
  assertEquals(policyOf({ dmarc: "on" }), { names: ["spf"], mode: "off" });
});
