import { assertEquals, assertThrows } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { dnsbl, type DnsblTerms } from "../../../policy/dnsbl.ts";
import { judgeHealth, selfTestNeeds, ZoneHealth } from "../../../policy/dnsbl_health.ts";
import { DnsblError, dnsblName, readDnsblList } from "../../../policy/dnsbl_lists.ts";
import { createGatherer } from "../../../policy/gather.ts";
import { judge, type Judgement, NOTHING_KNOWN } from "../../../policy/mod.ts";
import { facts, policyOf, shown } from "./kit.ts";

const SIX = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
const TEST_SIX = `2.0.0.0.0.0.f.7.f.f.f.f.${"0.".repeat(19)}0`;
const ZONE = `
1.2.0.192.bl.example A 127.0.0.2
1.2.0.192.bl.example TXT "see http://bl.example/192.0.2.1"
1.2.0.192.other.example A 127.0.0.10
2.2.0.192.other.example A 127.0.0.4
1.2.0.192.white.example A 127.0.0.2
3.2.0.192.bl.example A 127.255.255.254
4.2.0.192.bl.example A 192.0.2.80
5.2.0.192.bl.example A 127.0.0.1
6.2.0.192.bl.example TIMEOUT
6.2.0.192.white.example A 127.0.0.2
7.2.0.192.white.example TIMEOUT
7.2.0.192.bl.example A 127.0.0.2
${SIX}.bl.example A 127.0.0.2
2.0.0.127.bl.example A 127.0.0.2
2.0.0.127.wild.example A 127.0.0.2
1.0.0.127.wild.example A 127.0.0.2
2.0.0.127.slow.example TIMEOUT
2.0.0.127.blocked.example A 127.255.255.254
${TEST_SIX}.six.example A 127.0.0.2
`;

interface Changes extends Partial<Omit<DnsblTerms, "lists">> {
  readonly lists?: readonly string[];
  readonly dead?: readonly string[];
  readonly env?: Record<string, string>;
}

async function ask(ip: string, changes: Changes = {}): Promise<Judgement> {
  const { lists = ["bl.example"], dead = [], env = {}, ...rest } = changes;
  const gatherer = createGatherer({
    resolver: createFileResolver(ZONE, "zone"),
    greylist: null,
    isDeadZone: (zone) => dead.includes(zone),
    session: 1,
  });
  const terms: DnsblTerms = {
    lists: lists.map(readDnsblList),
    threshold: 1,
    answer: "refuse",
    trouble: "defer",
    ...rest,
  };
  const given = facts({ client: { ip, env } });
  return await judge(
    "rcpt_valid",
    given,
    policyOf([dnsbl(terms)]),
    gatherer.gather,
    gatherer.known(),
  );
}

const said = async (ip: string, changes: Changes = {}) => shown((await ask(ip, changes)).verdict);
const LISTED = "553 dnsbl (dnsbl: bl.example)";
const UNDECIDED = "451 dnsbl_undecided (dnsbl: undecided)";

Deno.test("dnsbl: listed, not listed, IPv4, IPv4 in IPv6 and IPv6 by nibbles", async () => {
  assertEquals(await said("192.0.2.1"), LISTED);
  assertEquals(await said("192.0.2.99"), "none");
  assertEquals(await said("::ffff:192.0.2.1"), LISTED);
  assertEquals(await said("2001:db8::1"), LISTED);
  assertEquals(await said("2001:db8::2"), "none");
  assertEquals(await said("unknown"), "none");
});

Deno.test("dnsbl: the list's text goes into the reply, else its name", async () => {
  const text = async (ip: string) => {
    const { verdict } = await ask(ip);
    return verdict.kind === "refuse" ? verdict.reply.text : "";
  };
  assertEquals(await text("192.0.2.1"), "bl.example: see http://bl.example/192.0.2.1");
  assertEquals(await text("192.0.2.7"), "192.0.2.7 is listed by bl.example");
});

Deno.test("dnsbl: 127.255.255.x, 127.0.0.1 and strange addresses are errors, never listings", async () => {
  for (const ip of ["192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]) {
    assertEquals(await said(ip), UNDECIDED, ip);
    assertEquals(await said(ip, { trouble: "pass" }), "none", ip);
  }
});

Deno.test("dnsbl: answer defer is 451, as rblsmtpd -B", async () => {
  assertEquals(await said("192.0.2.1", { answer: "defer" }), "451 dnsbl (dnsbl: bl.example)");
});

Deno.test("dnsbl: weights add up to the threshold, at N-1, N and N+1", async () => {
  const lists = ["bl.example*2", "other.example*3"];
  const at = (threshold: number) => said("192.0.2.1", { lists, threshold });
  const heaviest = "553 dnsbl (dnsbl: other.example)";
  assertEquals([await at(4), await at(5), await at(6)], [heaviest, heaviest, "none"]);
});

Deno.test("dnsbl: lists of the good take away; one that is silent forbids a refusal for good", async () => {
  const lists = ["bl.example*2", "white.example*-2"];
  assertEquals(await said("192.0.2.1", { lists }), "none");
  assertEquals(await said("192.0.2.6", { lists }), "none", "the good outweigh what is silent");
  assertEquals(await said("192.0.2.7", { lists }), UNDECIDED);
  assertEquals(await said("192.0.2.7", { lists, trouble: "pass" }), "none");
});

Deno.test("dnsbl: return codes that do not count are no listing", async () => {
  const at = (codes: string) => said("192.0.2.1", { lists: [`other.example=${codes}`] });
  const listed = "553 dnsbl (dnsbl: other.example)";
  assertEquals(await at("127.0.0.10"), listed);
  assertEquals(await at("127.0.0.2-10"), listed);
  assertEquals(await at("127.0.0.2-9"), "none");
  assertEquals(await at("127.0.0.11;127.0.0.10-127.0.0.10"), listed);
});

Deno.test("dnsbl: RBLSMTPD, empty or not, keeps the lists from being asked", async () => {
  assertEquals(await said("192.0.2.1", { env: { RBLSMTPD: "" } }), "none");
  assertEquals(await said("192.0.2.1", { env: { RBLSMTPD: "-x" } }), "none");
});

Deno.test("dnsbl: a dead list is not asked", async () => {
  assertEquals(await said("192.0.2.1", { dead: ["bl.example"] }), "none");
});

Deno.test("dnsbl: all lists are asked, and the trace shows which would have been enough", async () => {
  const lists = ["bl.example*1", "other.example*3", "white.example*-1", "slow.example"];
  const { findings } = await ask("192.0.2.1", { lists, threshold: 3 });
  assertEquals(findings.map((f) => f.text), [
    "score=3 of 3 lists=bl.example[127.0.0.2]*1 other.example[127.0.0.10]*3 " +
    "white.example[127.0.0.2]*-1 enough_alone=other.example",
  ]);
  const codes = await ask("192.0.2.2", { lists: ["other.example=127.0.0.9", "bl.example"] });
  assertEquals(codes.findings.map((f) => f.text), [
    "score=0 of 1 lists=other.example[other codes] enough_alone=none",
  ]);
  assertEquals((await ask("192.0.2.99", { lists })).findings, []);
});

Deno.test("readDnsblList: zone, codes and weight", () => {
  const { zone, weight, codes } = readDnsblList("BL.Example.=127.0.0.2-4;127.0.1.1*-5");
  assertEquals([zone, weight, codes.length], ["bl.example", -5, 2]);
  assertEquals(codes[0], { low: 0x7f000002, high: 0x7f000004 });
  assertEquals(dnsblName(readDnsblList("a.b"), "1.2.3.4"), "4.3.2.1.a.b");
});

Deno.test("readDnsblList: what can't be meant is a sentence", () => {
  const table = [
    ["bl", '"bl" is no list such as bl.example.org=127.0.0.2-11*3'],
    ["a.b*x", '"a.b*x" is no list such as bl.example.org=127.0.0.2-11*3'],
    ["a.b*0", '"a.b*0" has weight 0 and would decide nothing'],
    ["a.b=127.0.0.1", '"127.0.0.1" of "a.b=127.0.0.1" is no code from'],
    ["a.b=127.255.255.1", '"127.255.255.1" of "a.b=127.255.255.1" is no code from'],
    ["a.b=127.0.0.9-3", '"127.0.0.9-3" of "a.b=127.0.0.9-3" is no code from'],
  ] as const;
  for (const [word, message] of table) {
    assertThrows(() => readDnsblList(word), DnsblError, message);
  }
});

async function healthOf(zone: string): Promise<string> {
  const list = readDnsblList(zone);
  const gatherer = createGatherer({
    resolver: createFileResolver(ZONE, "zone"),
    greylist: null,
    isDeadZone: () => false,
    session: 0,
  });
  const health = judgeHealth(list, await gatherer.gather(selfTestNeeds(list), gatherer.known()));
  return health.kind === "dead" ? health.reason : health.kind;
}

Deno.test("judgeHealth: alive by either family; lists nobody, everybody, or does not answer", async () => {
  assertEquals(await healthOf("bl.example"), "alive");
  assertEquals(await healthOf("six.example=127.0.0.9"), "alive", "whatever codes count");
  assertEquals(
    await healthOf("gone.example"),
    "gone.example does not list 127.0.0.2, so it lists nobody",
  );
  assertEquals(
    await healthOf("wild.example"),
    "wild.example lists 127.0.0.1, so it lists everybody",
  );
  assertEquals(await healthOf("slow.example"), "undecided");
  assertEquals(
    await healthOf("blocked.example"),
    "blocked.example answers 127.255.255.254, which is an error and no listing",
  );
  assertEquals(judgeHealth(readDnsblList("a.b"), NOTHING_KNOWN).kind, "undecided");
});

Deno.test("ZoneHealth: off when dead, on when alive, unchanged when nobody can say; changes are news", () => {
  const health = new ZoneHealth();
  const dead = { kind: "dead", reason: "it lists nobody" } as const;
  assertEquals([health.take("a.b", { kind: "alive" }), health.isDead("a.b")], [false, false]);
  assertEquals([health.take("a.b", dead), health.take("a.b", dead)], [true, false]);
  assertEquals([health.take("a.b", { kind: "undecided" }), health.isDead("a.b")], [false, true]);
  assertEquals([health.take("a.b", { kind: "alive" }), health.isDead("a.b")], [true, false]);
});
