import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ban as banCheck, Bans } from "../../../policy/bans.ts";
import { Guesses, harvest } from "../../../policy/guesses.ts";
import { judge } from "../../../policy/mod.ts";
import {
  addressKey,
  isLoopback,
  networkOf,
  parseNetwork,
  readNetworks,
  showNetwork,
} from "../../../policy/networks.ts";
import { Rates } from "../../../policy/rates.ts";
import { readStateFile, StateFileError, writeStateFile } from "../../../policy/state_file.ts";
import { SlidingWindow } from "../../../policy/windows.ts";
import { CLIENT, facts, NOBODY, policyOf, shown } from "./kit.ts";

const NET = "192.0.2.0/24";
const T0 = 1_700_000_000_000;
const SECOND = 1000;
const TERMS = { firstSeconds: 60, maxSeconds: 200, forgetSeconds: 1000, maxBans: 10 };

Deno.test("networkOf: /24, /64, IPv4 in IPv6; addressKey and isLoopback", () => {
  assertEquals(networkOf("192.0.2.77"), NET);
  assertEquals(networkOf("::ffff:192.0.2.77"), NET);
  assertEquals(networkOf("2001:DB8:1:2:3::9"), "2001:db8:1:2::/64");
  assertEquals(networkOf("unknown"), "unknown");
  assertEquals(addressKey("192.0.2.77"), "192.0.2.77");
  assertEquals(addressKey("2001:db8::1"), addressKey("2001:db8::ffff"));
  assertEquals(["127.9.9.9", "::1", "::2", "128.0.0.1", "x"].map(isLoopback), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("readNetworks: addresses and prefixes of both families; what is none is told", () => {
  const list = readNetworks(["192.0.2.128/25", "10.1.2.3", "2001:db8::/33", "0.0.0.0/0x", "1.2"]);
  assertEquals(list.wrong, ["0.0.0.0/0x", "1.2"]);
  assertEquals(["192.0.2.128", "192.0.2.255", "10.1.2.3", "2001:db8:7fff::1"].map(list.has), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals(["192.0.2.127", "10.1.2.4", "2001:db8:8000::1", "unknown"].map(list.has), [
    false,
    false,
    false,
    false,
  ]);
  assertEquals(parseNetwork("1.2.3.4/33"), null);
  const shownAgain = ["192.0.2.9/24", "2001:db8::9/64", "0.0.0.0/0"].map((text) => {
    const network = parseNetwork(text);
    return network === null ? "" : showNetwork(network);
  });
  assertEquals(shownAgain, [NET, "2001:db8::/64", "0.0.0.0/0"]);
});

Deno.test("SlidingWindow: counts within the window, fades over the next, forgets behind it", () => {
  const window = new SlidingWindow(10, 100);
  for (let i = 0; i < 4; i++) window.add("a", T0 + i);
  assertEquals(window.count("a", T0 + 9 * SECOND), 4);
  assertEquals(window.count("a", T0 + 10 * SECOND), 4, "the span before counts whole at first");
  assertEquals(window.count("a", T0 + 15 * SECOND), 2, "and half of it half-way");
  assertEquals(window.count("a", T0 + 30 * SECOND), 0);
  assertEquals(window.size, 0, "what is too old is gone from memory");
});

Deno.test("SlidingWindow: keeps at most so many keys; who was quiet longest goes", () => {
  const window = new SlidingWindow(10, 2);
  window.add("a", T0);
  window.add("b", T0);
  window.add("a", T0);
  window.add("c", T0);
  assertEquals(["a", "b", "c"].map((key) => window.count(key, T0)), [2, 0, 1]);
});

Deno.test("SlidingWindow: a clock that steps back loses no count", () => {
  const window = new SlidingWindow(10, 2);
  window.add("a", T0);
  assertEquals(window.add("a", T0 - 60 * SECOND), 2);
});

Deno.test("Rates: each kind of its own", () => {
  const rates = new Rates(60, 10);
  rates.note("messages", "192.0.2.1", T0);
  rates.note("invalidRecipients", "192.0.2.1", T0);
  rates.note("invalidRecipients", "192.0.2.1", T0);
  const { connections, messages, recipients, invalidRecipients } = rates.recent("192.0.2.1", T0);
  assertEquals([connections, messages, recipients, invalidRecipients], [0, 1, 0, 2]);
});

Deno.test("Bans: hold until their end, double each time, are bounded, and are forgotten", () => {
  const bans = new Bans(TERMS);
  const lengths: number[] = [];
  let now = T0;
  for (let i = 0; i < 4; i++) {
    const { untilMs, times } = bans.add(NET, "guessing", now);
    assertEquals(times, i + 1);
    lengths.push((untilMs - now) / SECOND);
    assertEquals(bans.find(NET, untilMs - 1)?.reason, "guessing");
    assertEquals(bans.find(NET, untilMs), null);
    now = untilMs;
  }
  assertEquals(lengths, [60, 120, 200, 200]);
  assertEquals(bans.add(NET, "again", now + 1000 * SECOND).times, 1, "forgotten");
});

Deno.test("Bans: one that holds does not grow, but an administrator's word counts", () => {
  const bans = new Bans(TERMS);
  const first = bans.add(NET, "guessing", T0);
  assertEquals(bans.add(NET, "more", T0 + SECOND), first);
  assertEquals(bans.add(NET, "for good", T0, "admin", T0 + 9e9).untilMs, T0 + 9e9);
  assertEquals(bans.list(T0).map((b) => b.reason), ["for good"]);
  assertEquals([bans.lift(NET), bans.lift(NET), bans.find(NET, T0)], [true, false, null]);
});

Deno.test("Bans: at most so many networks; an administrator's stay", () => {
  const bans = new Bans(TERMS);
  bans.add("10.0.0.0/24", "mine", T0, "admin", T0 + SECOND);
  for (let i = 0; i < 500; i++) bans.add(`198.51.${i}.0/24`, "x", T0 + i);
  assertEquals(bans.list(T0).length <= TERMS.maxBans, true);
  assertEquals(bans.find("10.0.0.0/24", T0)?.by, "admin");
  assertEquals(bans.find("198.51.499.0/24", T0 + 500)?.reason, "x", "the newest is there");
});

Deno.test("Bans: text and back; lines that are none are named, the rest holds", () => {
  const bans = new Bans(TERMS);
  bans.add(NET, "guessing \u00e9\n", T0);
  bans.add("2001:db8::/64", "trap", T0);
  const text = bans.toText(T0);
  const again = new Bans(TERMS);
  assertEquals(again.takeText(text, T0), []);
  assertEquals(again.list(T0), bans.list(T0));
  const broken = `nonsense\n${text}{"network":"x"}\n\n[1]\n`;
  const other = new Bans(TERMS);
  assertEquals(other.takeText(broken, T0), [
    "Line 1 is no ban",
    "Line 4 is no ban",
    "Line 6 is no ban",
  ]);
  assertEquals(other.list(T0).length, 2);
  assertEquals(new Bans(TERMS).takeText(text, T0 + 1e9), [], "forgotten ones are not read");
  assertEquals(bans.toText(T0 + 1e9), "");
});

Deno.test("ban: refused at connect with its end in the trace; spared are those who are known", () => {
  const held = { network: NET, reason: "guessing", untilMs: T0 };
  const policy = policyOf([banCheck()]);
  const on = (client: Partial<typeof CLIENT>) => {
    const judged = judge("connect", facts({ ban: held, client }), policy, NOBODY);
    return judged instanceof Promise ? null : judged.verdict;
  };
  const verdict = on({});
  assertEquals(verdict === null ? "" : shown(verdict), `554 banned (ban: ${NET}) end`);
  assertEquals(
    verdict?.kind === "refuse" && verdict.reason,
    `${NET} is banned until ${new Date(T0).toISOString()}: guessing`,
  );
  for (const one of [{ isForwarder: true }, { isLoopback: true }, { isRelayClient: true }]) {
    assertEquals(on(one)?.kind, "none");
  }
});

const GUESSING = { windowSeconds: 3600, maxInvalid: 3, minPercent: 50, maxKeys: 100 };

Deno.test("Guesses: more invalid ones than are borne; at the limit nothing happens", () => {
  const guesses = new Guesses(GUESSING);
  const found = [1, 2, 3, 4].map(() => guesses.note(CLIENT, "a@evil.example", false, T0));
  assertEquals(found.map((f) => f.network), [false, false, false, true]);
  assertEquals(guesses.look(CLIENT, "x@other.example", T0).sender, false);
});

Deno.test("Guesses: one or two valid addresses in a list do not save it", () => {
  const guesses = new Guesses(GUESSING);
  for (let i = 0; i < 10; i++) guesses.note(CLIENT, "a@evil.example", i === 4 || i === 5, T0);
  assertEquals(guesses.look(CLIENT, "a@evil.example", T0), { sender: true, network: true });
});

Deno.test("Guesses: a shared smarthost survives one guessing customer, who does not", () => {
  const guesses = new Guesses(GUESSING);
  for (let i = 0; i < 30; i++) guesses.note(CLIENT, `u${i}@good${i % 5}.example`, true, T0);
  for (let i = 0; i < 10; i++) guesses.note(CLIENT, "a@evil.example", false, T0);
  assertEquals(guesses.look(CLIENT, "a@evil.example", T0), { sender: true, network: false });
  assertEquals(guesses.look(CLIENT, "u1@good1.example", T0).sender, false);
});

Deno.test("Guesses: forwarders, logged in, relay clients and loopback are never counted", () => {
  const guesses = new Guesses(GUESSING);
  const spared = [{ isForwarder: true }, { login: "a" }, { isRelayClient: true }, {
    isLoopback: true,
  }, { ip: "unknown", network: "unknown" }];
  for (const one of spared) {
    const client = { ...CLIENT, ...one };
    for (let i = 0; i < 9; i++) guesses.note(client, "", false, T0);
    assertEquals(guesses.look(client, "", T0), { sender: false, network: false });
  }
  assertEquals(guesses.note(CLIENT, "", false, T0), { sender: false, network: false });
});

Deno.test("Guesses: 0 bears any number", () => {
  const guesses = new Guesses({ ...GUESSING, maxInvalid: 0 });
  for (let i = 0; i < 99; i++) guesses.note(CLIENT, "", false, T0);
  assertEquals(guesses.look(CLIENT, "", T0).network, false);
});

Deno.test("harvest: one answer to all of a guesser's recipients, postmaster's excepted", () => {
  const policy = policyOf([harvest()]);
  const on = (isHarvesting: boolean, isAlwaysAccepted: boolean) => {
    const judged = judge("rcpt", facts({ isHarvesting, isAlwaysAccepted }), policy, NOBODY);
    return judged instanceof Promise ? "late" : shown(judged.verdict);
  };
  assertEquals([on(false, false), on(true, true)], ["none", "none"]);
  assertEquals(on(true, false), "451 harvest (harvest)");
});

Deno.test("writeStateFile: replaces the file, leaves nothing beside it, and it can be read", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const path = `${dir}/bans`;
    assertEquals(readStateFile(path), "", "no file is an empty one");
    await writeStateFile(path, "one\n");
    await writeStateFile(path, "two \u00e9\n");
    assertEquals(readStateFile(path), "two \u00e9\n");
    assertEquals([...Deno.readDirSync(dir)].map((e) => e.name), ["bans"]);
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("writeStateFile, readStateFile: trouble is one sentence with the path", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const start = `Cannot write "${dir}/no/bans": No such file or directory`;
    await assertRejects(() => writeStateFile(`${dir}/no/bans`, ""), StateFileError, start);
    assertThrows(() => readStateFile(dir), StateFileError, `Cannot read "${dir}": Is a directory`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("Bans: an end that no calendar has is the last day of it, from the administrator and from the file", () => {
  const bans = new Bans(TERMS);
  bans.add(NET, "for ever", T0, "admin", T0 + Number.MAX_SAFE_INTEGER);
  const line = { network: "198.51.100.0/24", reason: "x", sinceMs: T0, untilMs: 1e300, times: 1 };
  bans.takeText(`${JSON.stringify({ ...line, by: "admin" })}\n`, T0);
  const ends = bans.list(T0).map(({ untilMs }) => new Date(untilMs).getUTCFullYear());
  assertEquals(ends, [275760, 275760]);
});

Deno.test("Bans: of an administrator's networks of any size the one that holds an address is found", () => {
  const bans = new Bans({ ...TERMS, maxBans: 100 });
  const names = ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32", "203.0.113.128/25"];
  for (const name of names) bans.add(name, "x", T0, "admin");
  const match = (ip: string) => bans.match(ip, networkOf(ip), T0)?.network;
  assertEquals(
    ["192.0.2.7", "192.0.2.8", "10.9.8.7", "2001:db8:1::1", "2001:db9::1", "203.0.113.129"]
      .map(match),
    [names[0], undefined, names[1], names[2], undefined, names[3]],
  );
  bans.lift("10.0.0.0/8");
  assertEquals(match("10.9.8.7"), undefined);
  bans.add("::/0", "everybody", T0, "admin");
  assertEquals([match("8.8.8.8"), match("2001:db9::1")], ["::/0", "::/0"]);
});

Deno.test("Guesses: a sender's domain of any length costs no more than its limit", () => {
  const guesses = new Guesses({ windowSeconds: 600, maxInvalid: 1, minPercent: 50, maxKeys: 9 });
  for (let i = 0; i < 3; i++) guesses.add("192.0.2.0/24", "x".repeat(900), false, 1000);
  assertEquals(guesses.find("192.0.2.0/24", "x".repeat(900), 1000).sender, true);
  for (const row of guesses.rows(1000)) assertEquals(JSON.stringify(row).length < 200, true);
});
