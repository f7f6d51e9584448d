import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeReplay } from "../../../cli/replay.ts";
import type { ReplayReport } from "../../../replay/mod.ts";
import { logsOf, NOW, type Place, runCommandWith, type Visit, withSite } from "./kit.ts";

function test(name: string, work: (place: Place) => Promise<void>): void {
  // The look-up keeps the system's library.
  Deno.test({ name, sanitizeResources: false, fn: () => withSite(work) });
}

async function replayed(
  place: Place,
  visits: readonly Visit[],
  ...args: string[]
): Promise<ReplayReport> {
  const { trace, send } = logsOf(visits);
  const files = [place.write("trace", trace), place.write("send", send)];
  const said = await runCommandWith(makeReplay, [
    "--json",
    "--root",
    place.root,
    "--set",
    "on_invalid_rcpt=reject",
    ...args,
    ...files,
  ]);
  assertEquals([said.code, said.err], [0, ""]);
  return JSON.parse(said.out);
}

test("replay: who was delivered, bounced, refused then and what he would be told now, by name", async (place) => {
  Deno.writeTextFileSync(`${place.control}/badmailfrom`, "@bulk.example\n");
  const report = await replayed(place, [
    { user: "joe", fate: "delivered" },
    { user: "joe", sender: "list@bulk.example", fate: "delivered" },
    { user: "joe", sender: "more@bulk.example", fate: "accepted" },
    { user: "former", fate: "bounced" },
    { user: "nobody", fate: "unknown" },
    { user: "jane", fate: { rule: "badmailfrom: x@far.example" }, sender: "x@far.example" },
  ]);
  assertEquals(report.before, { accepted: 4, refused: 1, deferred: 0 });
  assertEquals(report.now, { accepted: 1, refused: 4, deferred: 0 });
  const [lost] = report.moves.delivered_refused.rows;
  assertEquals(
    [lost?.recipient, lost?.sender, lost?.rule_now],
    ["joe@example.org", "list@bulk.example", "badmailfrom: @bulk.example"],
  );
  assertEquals(report.moves.delivered_refused.count, 1);
  assertEquals(report.moves.accepted_refused.rows[0]?.sender, "more@bulk.example");
  const [saved] = report.moves.bounced_refused.rows;
  assertEquals([saved?.recipient, saved?.rule_now], ["former@example.org", "unknown recipient"]);
  assertEquals(report.not_judged.count, 1, "Nobody knows the sender of who was refused");
  assertEquals(report.refused_by.find(({ rule }) => rule === "unknown recipient")?.now, 2);
});

test("replay: a check that is set anew changes the past, one that is off gives mail back", async (place) => {
  const visits: Visit[] = [
    { user: "joe", helo: "nodots", fate: "delivered" },
    { user: "jane", helo: "mx.far.example", fate: "delivered" },
  ];
  const set = ["--set", "helo=on", "--set", "helo_full_name=on"];
  const report = await replayed(place, visits, ...set);
  assertEquals(report.moves.delivered_refused.rows.map((row) => row.recipient), [
    "joe@example.org",
  ]);
  assertEquals(report.changed, ["on_invalid_rcpt=reject", "helo=on", "helo_full_name=on"]);
  assertEquals((await replayed(place, visits)).moves.delivered_refused.count, 0);
});

test("replay: the words false positive stand only by what qmail-send delivered", async (place) => {
  const { trace, send } = logsOf([{ user: "former", fate: "delivered" }]);
  const log = place.write("trace", trace);
  const without = await runCommandWith(makeReplay, ["--root", place.root, log]);
  assert(!without.out.includes("false positive"), without.out);
  assertStringIncludes(without.out, "don't say what became");
  const both = await runCommandWith(makeReplay, [
    "--root",
    place.root,
    log,
    place.write("send", send),
  ]);
  assertMatch(both.out, /1 false positive: delivered then/);
});

test("replay: what the log does not hold is counted, and never guessed", async (place) => {
  const visits: Visit[] = [
    { user: "joe", ip: "unknown", fate: "accepted" },
    { user: "h_0123456789ab", fate: "accepted" },
    { user: "far", domain: "elsewhere.example", fate: "delivered" },
    { user: "far", domain: "elsewhere.example", login: "joe@example.org", fate: "delivered" },
    { user: "joe", fate: { rule: "spamd: 17" } },
    { user: "joe", sender: "a@dns.example", fate: "accepted" },
  ];
  const without = await replayed(place, visits, "--set", "sender_domain=on");
  const why = Object.fromEntries(without.not_judged.why.map(({ text, count }) => [text, count]));
  assertEquals(Object.values(why).reduce((a, b) => a + b, 0), without.not_judged.count);
  const counted = (word: string) =>
    Object.entries(why).filter(([text]) => text.includes(word)).map(([, count]) => count);
  assertEquals(counted("address of the client"), [1]);
  assertEquals(counted("local part"), [1]);
  assertEquals(counted("might relay"), [1]);
  assertEquals(counted("--dns-file"), [1]);
  assertEquals(without.not_judged.relay_domains, [{ text: "elsewhere.example", count: 1 }]);
  const zone = place.write("zone", "far.example A 192.0.2.7\n");
  const asked = await replayed(place, visits, "--set", "sender_domain=on", "--dns-file", zone);
  assert(!asked.not_judged.why.some(({ text }) => text.includes("--dns-file")));
  assertEquals(asked.moves.accepted_refused.rows.map(({ sender }) => sender), ["a@dns.example"]);
});

test("replay: bans are judged in the log's time, set aside with --state none", async (place) => {
  const guess = (i: number, at: number): Visit => ({
    user: `guess${i}`,
    ip: "198.51.100.9",
    sender: "g@guess.example",
    fate: "accepted",
    at,
  });
  const start = NOW - 86_400_000;
  const visits = [
    ...[0, 1, 2, 3, 4].map((i) => guess(i, start + i * 1000)),
    { ...guess(5, start + 60_000), user: "joe" },
    { ...guess(6, start + 7_200_000), user: "jane" },
  ];
  const set = ["--set", "ban=on", "--set", "ban_invalid=3", "--set", "ban_seconds=600"];
  const report = await replayed(place, visits.toReversed(), ...set);
  const ruled = report.moves.accepted_refused.rows.map((row) => [row.recipient, row.rule_now]);
  const of = (name: string) => ruled.find(([recipient]) => recipient === name)?.[1] ?? "accepted";
  assertEquals(of("guess0@example.org"), "unknown recipient");
  assertMatch(of("guess4@example.org"), /^ban: /);
  assertMatch(of("joe@example.org"), /^ban: /);
  assertEquals(of("jane@example.org"), "accepted", "The ban is over");
  const none = await replayed(place, visits, ...set, "--state", "none");
  assertEquals(none.set_aside.map(({ check }) => check), ["ban"]);
  assertEquals(none.now.accepted, 2);
});

test("replay: identical attempts are judged once, and --until leaves out what is later", async (place) => {
  const visits = Array.from({ length: 50 }, (): Visit => ({ user: "joe", fate: "accepted" }));
  const report = await replayed(place, visits);
  assertEquals([report.attempts, report.judgements, report.now.accepted], [50, 1, 50]);
  const until = new Date(NOW - 86_400_000 + 10 * 60_000).toISOString();
  assertEquals((await replayed(place, visits, "--until", until)).attempts, 10);
});

test("replay: hostile names in a log move no cursor and break no line", async (place) => {
  const evil = "x\x1b[2J\x07\x9b1m\u0000y";
  const { trace, send } = logsOf([{ user: evil, sender: `${evil}@z`, fate: "delivered" }]);
  const files = [place.write("trace", trace), place.write("send", send)];
  for (const more of [[], ["--json"]]) {
    const { code, out } = await runCommandWith(makeReplay, [
      ...["--root", place.root],
      ...more,
      ...files,
    ]);
    assertEquals(code, 0);
    // deno-lint-ignore no-control-regex -- that is what must not be there
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(out), JSON.stringify(out));
    assertStringIncludes(out, "example.org");
  }
});

test("replay: nothing on the site changes", async (place) => {
  const list = () =>
    [...walk(place.root)].map((path) => `${path} ${Deno.lstatSync(path).mtime?.getTime()}`);
  const before = list();
  const set = ["--set", "greylist=on", "--set", "greylist_file=/var/qmail/grey"];
  await replayed(place, [{ user: "joe", fate: "accepted" }], ...set);
  assertEquals(list(), before);
});

function* walk(path: string): Generator<string> {
  yield path;
  if (!Deno.lstatSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) yield* walk(`${path}/${name}`);
}

test("replay: a greylist lives in the log's time, and puts nobody off who came again", async (place) => {
  const visit = (minutes: number): Visit => ({
    user: "joe",
    fate: "delivered",
    at: NOW - 86_400_000 + minutes * 60_000,
  });
  const set = ["--set", "greylist=on", "--set", "greylist_spf_pass=off"];
  const report = await replayed(place, [visit(0), visit(1), visit(10), visit(700)], ...set);
  assertEquals(report.now, { accepted: 2, refused: 0, deferred: 2 });
  assertEquals(report.moves.delivered_deferred.count, 2);
});

Deno.test("replay: wrong arguments are one sentence each, exit 64; a missing log is 74", async () => {
  const cases: [string[], number, string][] = [
    [[], 64, "replay wants logs"],
    [["--state", "old", "/nonexistent"], 74, "does not exist"],
    [["--since", "soon", "x"], 64, "--since"],
    [["--top", "0", "x"], 64, "--top"],
  ];
  for (const [args, code, sentence] of cases) {
    const said = await runCommandWith(makeReplay, args);
    assertEquals(said.code, code, args.join(" "));
    assertStringIncludes(said.err, sentence);
  }
});
