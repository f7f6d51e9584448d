/** Snapshots: made anew when something changed, kept when not; mail rules that break. */
import { assert, assertEquals } from "@std/assert";
import { fromLatin1 } from "../../../cdb/mod.ts";
import { watchMailRules } from "../../../policy/mailrules_watch.ts";
import { createPolicyReader } from "../../../policy/reader.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { shown } from "./kit.ts";

function readerOf(files: Record<string, readonly string[]>, keepMs = 0) {
  let nowMs = 0;
  const tracer = createMemoryTracer(1);
  const reader = createPolicyReader({
    control: { line: () => null, lines: (name) => files[name] ?? null, integer: () => null },
    isOwnDomain: () => false,
    ownNames: () => new Set(),
    mailRules: () => {
      throw new Error("Nobody asks for mail rules");
    },
    tracer,
    clock: () => nowMs,
    keepMs,
  });
  return { reader, tracer, pass: (ms: number) => nowMs += ms };
}

Deno.test("createPolicyReader: the same snapshot until a file, a setting or a variable changes", () => {
  const files: Record<string, readonly string[]> = { badmailfrom: ["@bad.example"] };
  const { reader } = readerOf(files);
  const settings = defaultSettings();
  const first = reader.read(settings, {});
  assert(reader.read(settings, { HOME: "/" }) === first, "variables that nobody asks");
  files["badmailfrom"] = ["@bad.example"];
  const second = reader.read(settings, {});
  assert(second !== first, "the file was read again");
  assert(reader.read(settings, {}) === second);
  files["trapto"] = ["info1@example.com"];
  const third = reader.read(settings, {});
  assert(third !== second, "a file that was missing came");
  assertEquals(third.policy.stages.rcpt.map(({ check }) => check.name), ["decoy", "badmailfrom"]);
  assert(reader.read({ ...settings }, {}) !== third);
});

Deno.test("createPolicyReader: files are compared again when what is known is keepMs old", () => {
  const files: Record<string, readonly string[]> = {};
  const { reader, pass } = readerOf(files, 250);
  const settings = defaultSettings();
  const first = reader.read(settings, {});
  files["badmailfrom"] = ["@bad.example"];
  pass(249);
  assert(reader.read(settings, {}) === first);
  pass(1);
  assertEquals(reader.read(settings, {}).policy.stages.rcpt.length, 1);
});

Deno.test("createPolicyReader: environments have snapshots of their own, side by side", () => {
  const { reader } = readerOf({});
  const settings = defaultSettings();
  const plain = reader.read(settings, {});
  const blocked = reader.read(settings, { RBLSMTPD: "-no" });
  assertEquals(plain.policy.stages.rcpt.length, 0);
  assertEquals(blocked.policy.stages.rcpt.map(({ check }) => check.name), ["rblsmtpd"]);
  assert(
    reader.read(settings, {}) === plain && reader.read(settings, { RBLSMTPD: "-no" }) === blocked,
  );
});

Deno.test("createPolicyReader: what has no effect is told once", () => {
  const files: Record<string, readonly string[]> = { badmailfrom: ["@a.b-"] };
  const { reader, tracer } = readerOf(files);
  reader.read(defaultSettings(), {});
  files["badmailfrom"] = ["@a.b-"];
  reader.read(defaultSettings(), {});
  assertEquals(tracer.lines(), [
    '(1) policy: The entry "@a.b-" of control/badmailfrom has no effect, use reverse_dns instead',
  ]);
});

function watchOf(files: Record<string, string>) {
  const notes: string[] = [];
  let now = 0;
  let looks = 0;
  const rules = watchMailRules({
    read: (name) => files[name] === undefined ? null : fromLatin1(files[name]),
    fingerprint(name) {
      looks++;
      return files[name] ?? "gone";
    },
  }, { clock: () => now, keepMs: 100, note: (sentence) => notes.push(sentence) });
  const said = () => shown(rules("rules").recipient("a@b", "joe@example.com").verdict);
  return { said, notes, pass: (ms: number) => now += ms, looks: () => looks };
}

Deno.test("watchMailRules: read again when the file, or one that it names, changes", () => {
  const files: Record<string, string> = { rules: ":r\nd*:[[/list]]", "/list": "joe@example.com\n" };
  const { said, pass, looks, notes } = watchOf(files);
  assertEquals(said(), "553 rule_refused (mailrules: line 2)");
  const before = looks();
  said();
  assertEquals(looks(), before, "not looked at again within its time");
  files["/list"] = "jane@example.com\n";
  pass(100);
  assertEquals(said(), "none");
  files["rules"] = ":r\nz*:*";
  pass(100);
  assertEquals(said(), "451 rule_deferred (mailrules: line 2)");
  assertEquals(notes, []);
});

Deno.test("watchMailRules: broken rules leave those that were there, told once; none before is 421", () => {
  const files: Record<string, string> = { rules: ":r\nd*:*" };
  const { said, pass, notes } = watchOf(files);
  assertEquals(said(), "553 rule_refused (mailrules: line 2)");
  files["rules"] = ":r\nd*:[[/gone]]";
  for (let i = 0; i < 3; i++) {
    pass(100);
    assertEquals(said(), "553 rule_refused (mailrules: line 2)");
  }
  assertEquals(notes, [
    'rules: The file "/gone" of a rule is not there; the rules that were there stay',
  ]);
  files["/gone"] = "nobody@example.com\n";
  pass(100);
  assertEquals(said(), "none");
  const fresh = watchOf({});
  assertEquals(fresh.said(), "421 rules_unusable (mailrules) end");
  assertEquals(fresh.notes, ['rules: The mail rules "rules" are not there']);
});
