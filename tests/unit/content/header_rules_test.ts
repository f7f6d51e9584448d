import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { headerRules, originsOf } from "../../../content/header_rules.ts";
import { parseHeaderRules } from "../../../content/header_rules_parse.ts";
import { parseHeader } from "../../../content/header.ts";
import { opinion, run, shown, verdictOf } from "./kit.ts";

const asked = (rules: string, text: string) => {
  const parsed = parseHeaderRules(rules, "headerrules");
  assertEquals(parsed.notes, []);
  return opinion(headerRules("on", parsed.rules), text);
};

const VERDICTS: readonly (readonly [rule: string, text: string, verdict: string])[] = [
  ["refuse Subject: *casino*", "Subject: The CASINO of\n today\n\n", "554 header_rule"],
  ["refuse Subject: casino", "Subject: casino now\n\n", "none"],
  ["refuse subject: *money*", "Subject: =?utf-8?B?bW9uZXk=?=\n\n", "554 header_rule"],
  ["defer From: *@bulk.example*", "From: <x@bulk.example>\n\n", "451 header_rule_deferred"],
  ["refuse X-Bulk*: *", "X-BulkMailer: 7\n\n", "554 header_rule"],
  ["refuse X-Bulk*: *", "\nX-BulkMailer: 7\n", "none"],
  ["refuse @body: *make money fast*", "X: y\n\nso MAKE money FAST!\n", "554 header_rule"],
  ["refuse @body: *make money fast*", "X: make money fast\n\nno\n", "none"],
  ["refuse @origin: 192.0.2.0/24", "X-Originating-IP: [192.0.2.9]\n\n", "554 header_rule"],
  ["refuse @origin: 192.0.2.0/24", "X-Originating-IP: 192.0.3.9\n\n", "none"],
  [
    "refuse @origin: 198.51.100.*",
    "Received: from a (b [198.51.100.7])\n\tby c; d\n\n",
    "554 header_rule",
  ],
  [
    "refuse @origin: 2001:db8::/32",
    "Received: from a ([IPv6:2001:DB8::1]) by c\n\n",
    "554 header_rule",
  ],
  ["refuse @origin: 192.0.2.1", "Received: from a by b ([192.0.2.1])\n\n", "none"],
  ["quarantine Subject: x", "Subject: x\n\n", "none"],
  ["tag Subject: x = y\nrefuse Subject: x", "Subject: x\n\n", "554 header_rule"],
];
for (const [rule, text, wanted] of VERDICTS) {
  Deno.test(`headerRules: ${rule} on ${JSON.stringify(text)}: ${wanted}`, async () =>
    assertEquals(verdictOf(await asked(rule, text)), wanted));
}

Deno.test("headerRules: the reply's text is the rule's, and the rule is named by its line", async () => {
  const { verdict } = await asked("# c\nrefuse Subject: x = No x = y here", "Subject: x\n\n");
  assert(verdict.kind === "refuse");
  assertEquals([verdict.reply.text, verdict.rule], ["No x = y here", "header_rules: line 2"]);
});

Deno.test("headerRules: the first that decides, in the order of the file, body and header alike", async () => {
  const rules = "defer @body: *b*\nrefuse Subject: x";
  assertEquals(verdictOf(await asked(rules, "Subject: x\n\nb\n")), "451 header_rule_deferred");
  assertEquals(verdictOf(await asked(rules, "Subject: x\n\nc\n")), "554 header_rule");
});

Deno.test("parseHeaderRules: each bad line is a sentence with its number, the rest holds", () => {
  const { rules, notes } = parseHeaderRules(
    [
      "refuse Subject: a",
      "nonsense",
      "burn Subject: a",
      "refuse+defer Subject: a",
      "tag Subject: a",
      "refuse @nobody: a",
      "refuse Subject:",
      "",
      "# comment",
      "refuse+quarantine Subject: b = text",
    ].join("\n"),
    "control/headerrules",
  );
  assertEquals(rules.map(({ line }) => line), [1, 10]);
  assertEquals(notes.map((n) => /line (\d+): ./.exec(n)?.[1]), ["2", "3", "4", "5", "6", "7"]);
  assertStringIncludes(notes[1] ?? "", '"burn" is none of refuse, defer');
});

Deno.test("originsOf: brackets and qmail's form, only what stands before by", () => {
  const { fields } = parseHeader(
    "Received: from x (HELO y) (me@192.0.2.3)\n  by z (192.0.2.4) with SMTP\n" +
      "Received: from h ([192.0.2.5]) by m ([192.0.2.6])\n" +
      "X-Originating-IP: 192.0.2.7\n\n",
    true,
  );
  assertEquals(originsOf(fields), ["192.0.2.3", "192.0.2.5", "192.0.2.7"]);
});

Deno.test("headerRules: tags are put on top, forged ones go, subjects get their word once", async () => {
  const ran = await run("X-Qfront-Tag: forged\nSubject: x\n\nbody\n", {
    settings: { header_rules: "on" },
    files: { headerrules: "tag Subject: x = [ad]\nsubject Subject: x = [ad]\n" },
  });
  assertEquals(shown(ran), "queued");
  assertStringIncludes(ran.queued ?? "", "\nSubject: [ad] x\n\nbody\n");
  assertStringIncludes(ran.queued ?? "", "X-Qfront-Tag: [ad]\nReceived: ");
  assert(ran.queued?.includes("forged") === false);
});

Deno.test("headerRules: lines that can't be meant are told, and mail goes on", async () => {
  const ran = await run("Subject: x\n\n", {
    settings: { header_rules: "on" },
    files: { headerrules: "nonsense\nrefuse Subject: y\n" },
  });
  assertEquals(shown(ran), "queued");
  assertStringIncludes(ran.tracer.lines().join("\n"), "control/headerrules, line 1: ");
});
