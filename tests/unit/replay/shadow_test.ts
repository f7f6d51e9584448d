import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeShadow } from "../../../cli/shadow.ts";
import { EvidenceStore } from "../../../replay/evidence.ts";
import { ShadowTally } from "../../../replay/shadow.ts";
import type { ShadowReport } from "../../../replay/mod.ts";
import { mergeSources } from "../../../report/merge.ts";
import { textSource } from "../../../report/sources.ts";
import { POLICY_EVENTS, SMTP_EVENTS } from "../../../trace/events.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { DAY, logsOf, NOW, runCommandWith, type Visit, withSite } from "./kit.ts";

const LISTED = ["dnsbl: zen.example", "553 dnsbl_listed"] as const;
const SPAM: Visit = {
  user: "joe",
  ip: "203.0.113.5",
  sender: "win@bulk.example",
  fate: "delivered",
  shadow: LISTED,
};

async function reportOf(...logs: string[]): Promise<ShadowReport> {
  const tally = new ShadowTally();
  const count = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
  for await (const batch of mergeSources(logs.map((log) => textSource(log)), count)) {
    for (const timed of batch) tally.take(timed);
  }
  const facts = { files: logs.length, lines: count.lines, reach_back: null };
  return tally.report(10, facts, new Map([["dnsbl", "shadow"], ["helo", "shadow"]]), null);
}

async function dnsblOf(visits: readonly Visit[], format: "katr" | "json" = "json") {
  const { trace, send } = logsOf(visits, format);
  const { checks } = await reportOf(trace, send);
  const found = checks.find(({ check }) => check === "dnsbl");
  assert(found !== undefined);
  return found;
}

for (const format of ["json", "katr"] as const) {
  Deno.test(`ShadowTally: delivered spam is delivered, not wanted (${format})`, async () => {
    const visits: Visit[] = [SPAM, SPAM, { ...SPAM, user: "former", fate: "bounced" }, {
      ...SPAM,
      fate: { rule: "spf: fail" },
    }];
    const found = await dnsblOf(visits, format);
    assertEquals(found.verdicts, { refuse: 4, defer: 0, accept: 0 });
    const { recipients, refused_anyway, accepted, delivered, bounced, wanted } = found;
    assertEquals([recipients, refused_anyway, accepted, delivered, bounced], [4, 1, 3, 2, 1]);
    assertEquals(wanted.count, 0);
    assertEquals(found.networks, [{ text: "203.0.113.0/24", count: 4 }]);
    assertEquals(found.setting, "shadow");
  });
}

Deno.test("ShadowTally: an answer of the recipient shows that mail was wanted", async () => {
  const [domain, user] = ["bulk.example", "win"];
  const answer: Visit = {
    user,
    domain,
    sender: "JOE@example.org",
    fate: "accepted",
    ip: "10.0.0.1",
  };
  const { wanted } = await dnsblOf([SPAM, answer]);
  assertEquals(wanted.rows.map(({ recipient, evidence }) => [recipient, evidence]), [
    ["joe@example.org", ["answered"]],
  ]);
  assertEquals((await dnsblOf([SPAM, { ...answer, fate: { rule: "x" } }])).wanted.count, 0);
});

Deno.test("ShadowTally: later mail that passed the check shows it, earlier mail does not", async () => {
  const { shadow: _, ...clean } = SPAM;
  const later = await dnsblOf([SPAM, clean]);
  assertEquals(later.wanted.rows.map(({ evidence }) => evidence), [["accepted_later"]]);
  assertEquals((await dnsblOf([clean, SPAM])).wanted.count, 0);
  assertEquals((await dnsblOf([SPAM, { ...clean, fate: "bounced" }])).wanted.count, 0);
  const other: Visit = { ...SPAM, shadow: ["helo: ours", "550 helo_ours"] };
  assertEquals((await dnsblOf([SPAM, other])).wanted.count, 1, "That was another check");
  const nobody = await dnsblOf([{ ...SPAM, sender: "" }, { ...clean, sender: "" }]);
  assertEquals(nobody.wanted.count, 0, "Bounces prove nothing");
});

Deno.test("ShadowTally: a verdict at RCPT is that recipient's, at connect all recipients'", async () => {
  const line = jsonFormat();
  const ip = "192.0.2.9";
  const shadow = (stage: string, rule: string) =>
    line(NOW, 1, POLICY_EVENTS.shadow, { stage, ip, rule, reply: "550 x", reason: "so" });
  const rcpt = (user: string) => line(NOW, 1, SMTP_EVENTS.rcpt, { user, domain: "example.org" });
  const accepted = (n: number) =>
    line(NOW, 1, SMTP_EVENTS.accepted, { id: `qp ${n}`, sender: "a@b", recipients: 2, bytes: 1 });
  const { checks } = await reportOf([
    line(NOW, 1, SMTP_EVENTS.remoteip, { ip }),
    shadow("connect", "ban: x"),
    rcpt("joe"),
    rcpt("jane"),
    shadow("rcpt_valid", "dnsbl: zen"),
    accepted(1),
    rcpt("joe"),
    shadow("data_end", "spamd: 17"),
    accepted(2),
  ].join(""));
  const of = (name: string) => checks.find(({ check }) => check === name);
  assertEquals(of("ban")?.recipients, 3);
  assertEquals(of("dnsbl")?.examples.map(({ recipient }) => recipient), ["jane@example.org"]);
  assertEquals(of("spamd")?.recipients, 1);
});

Deno.test("EvidenceStore: what does not fit is counted", () => {
  const store = new EvidenceStore(2);
  for (const user of ["a", "b", "c"]) {
    store.take({
      ...{ whenMs: 1, ip: "", helo: null, sender: "x@y", recipient: `${user}@z`, rule: "" },
      ...{ outcome: "accepted", session: null, login: null, qp: null, delivered: null },
    }, []);
  }
  assertEquals(store.forgotten, 1);
  assertEquals(store.of("x@y", "c@z", 0, "dnsbl"), ["accepted_later"]);
});

Deno.test({
  name: "shadow: reads the site's own trace and its rotated files; hostile text is made visible",
  sanitizeResources: false,
  fn: () =>
    withSite(async ({ root }) => {
      const log = `${root}/var/log/qfront`;
      const none = await runCommandWith(makeShadow, ["--root", root]);
      assertEquals(none.code, 78);
      assertStringIncludes(none.err, "no trace");
      const evil = "win\x1b[2J\x07@bulk.example";
      const old = logsOf([{ ...SPAM, at: NOW - 2 * DAY }], "katr").trace;
      const young = logsOf([{ ...SPAM, sender: evil }], "katr").trace;
      Deno.writeTextFileSync(`${log}/trace.1`, old);
      Deno.writeTextFileSync(`${log}/trace`, young);
      Deno.writeTextFileSync(`${log}/tracer-of-others`, young);
      const said = await runCommandWith(makeShadow, ["--root", root, "--set", "helo=shadow"]);
      assertEquals([said.code, said.err], [0, ""]);
      assertStringIncludes(said.out, "2 logs");
      assertStringIncludes(said.out, "Would have: 2 refused, 0 deferred");
      assertStringIncludes(said.out, "helo (shadow)");
      // deno-lint-ignore no-control-regex -- that is what must not be there
      assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(said.out), JSON.stringify(said.out));
      const since = await runCommandWith(makeShadow, ["--root", root, "--since", "25h", "--json"]);
      assertEquals(JSON.parse(since.out).checks[0].verdicts.refuse, 1);
    }),
});
