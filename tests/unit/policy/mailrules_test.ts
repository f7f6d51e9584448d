import { assertEquals, assertThrows } from "@std/assert";
import { compileGlob } from "../../../policy/glob.ts";
import {
  compileMailRules,
  recipientRules,
  ruleFileOf,
  senderRules,
} from "../../../policy/mailrules.ts";
import { filesOf, MailRulesError, parseMailRules } from "../../../policy/mailrules_parse.ts";
import { NOTHING_KNOWN } from "../../../policy/types.ts";
import { facts, shown } from "./kit.ts";

const FILES = new Map([
  ["domains", ruleFileOf("# ours\nExample.com\n")],
  ["people", ruleFileOf("joe@example.com\n@all.example\n")],
]);
const rulesOf = (text: string) => compileMailRules(parseMailRules(text), FILES);
const texts = (verdict: { readonly kind: string; readonly text?: string }) => verdict.text ?? "";

Deno.test("compileGlob: stars, question marks, sets; without regard for case; the whole text", () => {
  const table: readonly [string, string, boolean][] = [
    ["*", "", true],
    ["", "", true],
    ["", "a", false],
    ["*@example.com", "Joe@EXAMPLE.com", true],
    ["*@example.com", "joe@example.com.org", false],
    ["*@*@*", "a@b@c", true],
    ["*%*", "a%b@c", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["[abc]x", "bx", true],
    ["[!abc]x", "bx", false],
    ["[!abc]x", "dx", true],
    ["[a-f]9", "e9", false],
    ["[a-f]9", "-9", true],
    ["[]]", "]", true],
    ["[x", "[x", true],
    ["*a*b*c", "xxaxxbxxc", true],
    ["*a*b*c", "xxaxxcxxb", false],
  ];
  for (const [glob, text, wanted] of table) assertEquals(compileGlob(glob)(text), wanted, glob);
});

Deno.test("compileGlob: a hostile text costs no more than pattern times text", () => {
  assertEquals(compileGlob("*a".repeat(20) + "b")("a".repeat(20_000)), false);
});

Deno.test("senderRules: each prefix, with its own text and the rule's line", () => {
  const rules = rulesOf(
    "kgood@*:*:fine\nKbest@*:*\nzlater@*:*:come back\ndbad@*:*\np*@pass.example:*\nd*@pass.example:*",
  );
  const on = (sender: string) => senderRules(rules).judge(facts({ sender }), NOTHING_KNOWN);
  assertEquals(shown(on("good@x.org")), "accept mailrules: line 1");
  assertEquals(texts(on("good@x.org") as { kind: string; text?: string }), "fine");
  assertEquals(shown(on("best@x.org")), "accept! mailrules: line 2");
  assertEquals(shown(on("later@x.org")), "451 rule_deferred (mailrules: line 3)");
  assertEquals(shown(on("bad@x.org")), "553 rule_refused (mailrules: line 4)");
  assertEquals(shown(on("a@pass.example")), "none", "p ends the search");
  assertEquals(shown(on("other@x.org")), "none");
});

Deno.test("mail rules: & makes the next rule depend on it", () => {
  const rules = rulesOf(
    "&a@*:*:K1\nk[[@domains]]:*:K2\n&b@*:*:K3\n&*@example.com:*:K4\nk*:*:K5\nk*:*:K6",
  );
  const senders = ["a@example.com", "b@example.com", "c@example.com", "a@example.net", "b@x.net"];
  const got = senders.map((sender) => {
    const { verdict } = rules.sender(sender);
    return verdict.kind === "accept" ? verdict.text : verdict.kind;
  });
  assertEquals(got, ["K2", "K5", "K6", "K6", "K6"]);
});

Deno.test("mail rules: without selector a recipient other than * makes a recipient rule", () => {
  const rules = rulesOf("d*:*!*:no bang\nd*@evil.example:*:no");
  assertEquals(rules.sender("a@b.org").verdict.kind, "none");
  assertEquals(rules.sender("a@evil.example").verdict.kind, "refuse");
  const on = (recipient: string) =>
    shown(recipientRules(rules).judge(facts({ recipient }), NOTHING_KNOWN));
  assertEquals(on("a!b@example.com"), "553 rule_refused (mailrules: line 1)");
  assertEquals(on("ab@example.com"), "none");
});

Deno.test("mail rules: selectors; :sender ignores the recipient pattern", () => {
  const rules = rulesOf(":sender\ndbad@*:x@y\n:recipient\ndbad@*:*");
  assertEquals(shown(rules.sender("bad@x.org").verdict), "553 rule_refused (mailrules: line 2)");
  assertEquals(
    shown(rules.recipient("bad@x.org", "any@example.com").verdict),
    "553 rule_refused (mailrules: line 4)",
  );
});

Deno.test("mail rules: files by address, @domain and domain only; negation; a missing .cdb", () => {
  const rules = rulesOf(":r\nk*:[[@domains]]\nk*:[[people]]\nk*:[[gone.cdb]]\nd*:!*@ok.example");
  const on = (recipient: string) => shown(rules.recipient("", recipient).verdict);
  assertEquals(on("ann@EXAMPLE.com"), "accept mailrules: line 2");
  assertEquals(on("x@all.example"), "accept mailrules: line 3");
  assertEquals(on("x@sub.example.com"), "553 rule_refused (mailrules: line 5)");
  assertEquals(on("x@ok.example"), "none");
  assertEquals(on("nodomain"), "553 rule_refused (mailrules: line 5)");
});

Deno.test("mail rules: n and the deciding rule set environment, size and relayclient", () => {
  const rules = rulesOf(
    ":r\nn*:*::5000::A=1,B=x\\,y\nn*:*::9000:.one\nk*:*::100:.two:A=2\nk*:*::1::C=3",
  );
  const { dataBytes, relayClient, env, verdict } = rules.recipient("a@b.org", "c@d.org");
  assertEquals([dataBytes, relayClient, verdict.kind], [100, ".one.two", "accept"]);
  assertEquals(env, { A: "2", B: "x,y" });
});

Deno.test("mail rules: escapes in every field", () => {
  const rules = rulesOf("d*:a\\:b@\\145xample.com:say \\\\ \\072 \\n more");
  const { verdict } = rules.recipient("x@y.org", "a:b@example.com");
  assertEquals(verdict.kind === "refuse" && verdict.reply.text, "say \\ :   more");
});

Deno.test("parseMailRules: comments and empty lines; other first characters are told", () => {
  const parsed = parseMailRules("# comment\n\n  \nx*:*\nk*:*\n");
  assertEquals([parsed.sender.length, parsed.sender[0]?.line], [1, 5]);
  assertEquals(parsed.notes, ['Line 4: ignored, "x" is none of k K z d p n &']);
});

Deno.test("parseMailRules: mistakes are named with their line", () => {
  const table = [
    ["k*:*\n:nobody", 'Line 2: ":nobody" is neither ":sender" nor ":recipient"'],
    ["\nk*:*:text:10k", 'Line 2: the message size "10k" is not a whole number'],
    ["k*:*::::JUSTNAME", 'Line 1: "JUSTNAME" is not an assignment NAME=VALUE'],
  ] as const;
  for (const [text, message] of table) {
    assertThrows(() => parseMailRules(text), MailRulesError, message);
  }
});

Deno.test("filesOf: every file named, once", () => {
  const parsed = parseMailRules("d[[bad]]:*\n&*:[[@domains]]\nk[[bad]]:[[more.cdb]]\nk[x]:y");
  assertEquals([...filesOf(parsed)].toSorted(), ["bad", "domains", "more.cdb"]);
});
