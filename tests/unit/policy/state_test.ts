import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openPolicyState } from "../../../policy/state.ts";
import type { SharedBatch } from "../../../policy/state_share.ts";
import type { StateSettings, StateTerms } from "../../../policy/state_terms.ts";
import type { OwnedPolicyState, PolicyStateOptions } from "../../../policy/state_types.ts";
import { POLICY_EVENTS } from "../../../trace/events.ts";
import { NO_TRACE, type Tracer } from "../../../trace/tracer.ts";
import { CLIENT } from "./kit.ts";

const T0 = 1_700_000_000_000;
const SECOND = 1000;
const { ip: IP, network: NET } = CLIENT;
const DOMAIN = "example.org";

const TERMS: StateTerms = {
  tarpit: { free: 0, stepSeconds: 1, maxSeconds: 3, maxWaiting: 4 },
  bans: { firstSeconds: 60, maxSeconds: 600, forgetSeconds: 3600, maxBans: 100 },
  guesses: { windowSeconds: 600, maxInvalid: 3, minPercent: 50, maxKeys: 100 },
  greylist: {
    delaySeconds: 300,
    retrySeconds: 7200,
    keepSeconds: 86_400,
    allowAfter: 0,
    maxEntries: 9,
  },
};

const OFF: StateSettings = {
  ban: "off",
  ban_file: "",
  harvest: "off",
  greylist: "off",
  greylist_file: "",
  rates: "off",
  rate_seconds: 3600,
};
const ON: StateSettings = { ...OFF, ban: "on", harvest: "on", greylist: "on", rates: "on" };

/** A memory with a clock that the test moves. */
function open(
  settings: Partial<StateSettings> = {},
  options: Partial<PolicyStateOptions> = {},
): { state: OwnedPolicyState; at: (seconds: number) => void; said: string[] } {
  let nowMs = T0;
  const said: string[] = [];
  const state = openPolicyState({
    clock: () => nowMs,
    tracer: NO_TRACE,
    complain: (sentence) => said.push(sentence),
    root: "",
    role: "service",
    ...options,
  });
  state.use(TERMS, { ...ON, ...settings });
  return { state, said, at: (seconds) => void (nowMs = T0 + seconds * SECOND) };
}

function guess(state: OwnedPolicyState, times: number, domain = DOMAIN, client = CLIENT): void {
  for (let i = 0; i < times; i++) {
    state.noteRecipient(client.ip, client.network, domain, "invalid", client);
  }
}

function inDirectory(body: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = Deno.makeTempDirSync();
    try {
      await body(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

Deno.test("PolicyState: with every check off nothing is kept and no timer runs", () => {
  const { state } = open(OFF);
  state.noteConnection(IP);
  state.noteMessage(IP);
  guess(state, 20);
  state.noteRecipient(IP, NET, DOMAIN, "decoy", CLIENT);
  assertEquals(state.greylist({ network: NET, sender: "a", recipient: "b" }).status, "allowed");
  assertEquals(state.ban(IP, NET), null);
  assertEquals(state.isHarvesting(NET, DOMAIN), false);
  assertEquals(state.recent(NET, IP).connections, 0);
  assertEquals(state.kept, 0);
});

Deno.test("PolicyState: guesses of several sessions become a ban, which ends and comes back longer", () => {
  const { state, at } = open();
  guess(state, 3);
  assertEquals(state.ban(IP, NET), null, "three are borne");
  assertEquals(state.isHarvesting(NET), false);
  guess(state, 1, "other.example");
  assertEquals(state.ban("192.0.2.200", NET)?.untilMs, T0 + 60 * SECOND, "the whole /24");
  assertEquals(state.isHarvesting(NET), true);
  at(61);
  assertEquals(state.ban(IP, NET), null);
  guess(state, 1);
  assertEquals(state.ban(IP, NET)?.untilMs, T0 + (61 + 120) * SECOND);
  assertEquals(state.listBans().map(({ times, by }) => [times, by]), [[2, "policy"]]);
});

Deno.test("PolicyState: forwarders, relay clients and logins are never noted as guessers", () => {
  const { state } = open();
  guess(state, 20, DOMAIN, { ...CLIENT, isForwarder: true });
  guess(state, 20, DOMAIN, { ...CLIENT, isRelayClient: true });
  guess(state, 20, DOMAIN, { ...CLIENT, login: "ann" });
  guess(state, 20, DOMAIN, { ...CLIENT, isLoopback: true });
  state.noteRecipient(IP, NET, DOMAIN, "decoy", { ...CLIENT, isForwarder: true });
  assertEquals(state.listBans(), []);
  assertEquals(state.isHarvesting(NET, DOMAIN), false);
});

Deno.test("PolicyState: one domain that guesses behind a smarthost is watched, its network survives", () => {
  const { state } = open();
  for (let i = 0; i < 40; i++) state.noteRecipient(IP, NET, "good.example", "valid", CLIENT);
  guess(state, 10, "guesser.example");
  assertEquals(state.isHarvesting(NET, "guesser.example"), true);
  assertEquals(state.isHarvesting(NET, "good.example"), false);
  assertEquals(state.ban(IP, NET), null);
});

Deno.test("PolicyState: the first mail to a decoy is a ban", () => {
  const { state } = open();
  state.noteRecipient(IP, NET, DOMAIN, "decoy", CLIENT);
  assertStringIncludes(state.ban(IP, NET)?.reason ?? "", "control/trapto");
});

Deno.test("PolicyState: rates count per address and per /64", () => {
  const { state } = open();
  state.noteConnection("2001:db8::1");
  state.noteConnection("2001:db8::2");
  state.noteMessage("2001:db8::1");
  assertEquals(state.recent("", "2001:db8::9").connections, 2);
  assertEquals(state.recent("", "2001:db8::9").messages, 1);
  assertEquals(state.recent("", "2001:db8:0:1::9").connections, 0);
});

Deno.test("PolicyState: who waited well for a greeting is known for a day, in all isolates", async () => {
  const { a, b } = pair();
  assertEquals(a.state.hasWaited("2001:db8::1"), false);
  a.state.noteWaited("2001:db8::1");
  await a.state.close();
  assertEquals(b.state.hasWaited("2001:db8::2"), true, "the same /64");
  b.at(86_400);
  assertEquals(b.state.hasWaited("2001:db8::1"), true);
  b.at(3 * 86_400);
  assertEquals(b.state.hasWaited("2001:db8::1"), false);
});

Deno.test("PolicyState: an administrator's ban may be wider or narrower, and is lifted", () => {
  const { state, at } = open();
  state.addBan("10.0.0.0/8", "Ours no more", 3600);
  state.addBan("198.51.100.7/32", "One of many", null);
  assertEquals(state.ban("10.9.8.7", "10.9.8.0/24")?.reason, "Ours no more");
  assertEquals(state.ban("198.51.100.7", "198.51.100.0/24")?.network, "198.51.100.7/32");
  assertEquals(state.ban("198.51.100.8", "198.51.100.0/24"), null);
  assertEquals(state.liftBan("10.0.0.0/8", "Known again"), true);
  assertEquals(state.liftBan("10.0.0.0/8", "Known again"), false);
  assertEquals(state.ban("10.9.8.7", "10.9.8.0/24"), null);
  at(61);
  assertEquals(state.listBans(), [], "as long as policy's first when no end was given");
});

Deno.test("PolicyState.tarpit: grows, is bounded, and only so many of all workers wait", () => {
  const { state } = open({}, { workers: 2 });
  assertEquals(state.tarpit(1), 1);
  assertEquals(state.tarpit(9), 3);
  assertEquals(state.tarpit(9), 0, "half of four wait here already");
  state.tarpitDone();
  assertEquals(state.tarpit(2), 2);
});

Deno.test(
  "PolicyState: bans, guesses and greylist outlive the process",
  inDirectory(async (directory) => {
    const files = { ban_file: "/bans", greylist_file: "/grey" };
    const triplet = { network: NET, sender: "a@example.org", recipient: "b@example.com" };
    const first = open(files, { root: directory });
    guess(first.state, 4);
    guess(first.state, 3, DOMAIN, { ...CLIENT, network: "198.51.100.0/24", ip: "198.51.100.1" });
    assertEquals(first.state.greylist(triplet).status, "new");
    await first.state.close();
    assertEquals((Deno.statSync(`${directory}/bans`).mode ?? 0) & 0o777, 0o600);
    const second = open(files, { root: directory });
    assert(second.state.ban(IP, NET) !== null);
    guess(second.state, 1, DOMAIN, { ...CLIENT, network: "198.51.100.0/24" });
    assert(second.state.ban("198.51.100.9", "198.51.100.0/24") !== null, "three and one");
    second.at(301);
    assertEquals(second.state.greylist(triplet).status, "passed");
    assertEquals(second.said, []);
    await second.state.close();
    const relative = { ...files, ban_file: "bans" };
    const elsewhere = open(relative, { root: "/nowhere", home: directory, role: "session" });
    assert(elsewhere.state.ban(IP, NET) !== null, "a relative name lies in the qmail directory");
    const reader = open(files, { root: directory, role: "session" });
    assert(reader.state.ban(IP, NET) !== null, "a process of one session reads the bans");
    assertEquals(reader.state.greylist(triplet).status, "allowed", "and puts nobody off");
    await reader.state.close();
  }),
);

Deno.test(
  "PolicyState: a damaged file is one sentence, is put aside, and the rest of it holds",
  inDirectory(async (directory) => {
    const ban = { network: NET, reason: "It guessed", sinceMs: T0, untilMs: T0 + 9, times: 1 };
    const text = `${JSON.stringify({ ...ban, by: "policy" })}\nrubbish\n{"network":1}\n`;
    Deno.writeTextFileSync(`${directory}/bans`, text);
    const { state, said } = open({ ban_file: `${directory}/bans` });
    assertEquals(said, [
      `${directory}/bans: Line 2 is no ban, and 1 more line; it is kept as "${directory}/bans.damaged", what could be read of it holds`,
    ]);
    assertEquals(state.listBans().length, 1);
    assertEquals(Deno.readTextFileSync(`${directory}/bans.damaged`), text);
    await state.close();
    assertEquals(Deno.readTextFileSync(`${directory}/bans`).split("\n").length, 2);
  }),
);

Deno.test(
  "PolicyState: a file that can't be read or written is said once, and nothing stops",
  inDirectory(async (directory) => {
    const path = `${directory}/missing/bans`;
    const { state, said } = open({ ban_file: path });
    assertEquals(said, [], "a file that is not there is an empty one");
    guess(state, 4);
    assert(state.ban(IP, NET) !== null);
    await state.close();
    await state.close();
    assertEquals(said.length, 1);
    assertStringIncludes(said[0] ?? "", `Cannot write "${path}"`);
  }),
);

/** Two memories of one service: what one sends, the other receives. */
function pair() {
  const batches: SharedBatch[] = [];
  const a = open({}, { role: "worker" });
  const b = open({}, { role: "worker" });
  a.state.share((batch) => {
    batches.push(batch);
    b.state.receive(structuredClone(batch));
  });
  return { a, b, batches };
}

Deno.test("PolicyState.share: a ban of one isolate holds in the other at once, with its counts", async () => {
  const { a, b, batches } = pair();
  guess(a.state, 4);
  assertEquals(b.state.ban(IP, NET), { ...a.state.listBans()[0] } as never);
  assertEquals(b.state.isHarvesting(NET, DOMAIN), true);
  assertEquals(batches.length, 1, "four recipients and a ban are one message");
  a.state.liftBan(NET, "A mistake");
  assertEquals(b.state.ban(IP, NET), null);
  await a.state.close();
});

Deno.test("PolicyState.share: guesses spread over isolates add up", async () => {
  const { a, b } = pair();
  guess(a.state, 2);
  guess(b.state, 2);
  assertEquals(b.state.ban(IP, NET), null, "two of each, and those of the other are on their way");
  await a.state.close();
  guess(b.state, 1);
  assert(b.state.ban(IP, NET) !== null, "two and three");
});

Deno.test("PolicyState.share: greylist and rates hold over isolates", async () => {
  const { a, b } = pair();
  const triplet = { network: NET, sender: "a@example.org", recipient: "b@example.com" };
  a.state.greylist(triplet);
  a.state.noteConnection(IP);
  a.state.noteConnection(IP);
  await a.state.close();
  assertEquals(b.state.greylist(triplet).status, "early");
  assertEquals(b.state.recent(NET, IP).connections, 2);
});

Deno.test("PolicyState.restore: an isolate that begins later knows what the others know", async () => {
  const { a } = pair();
  const triplet = { network: NET, sender: "a@example.org", recipient: "b@example.com" };
  guess(a.state, 4);
  a.state.noteConnection(IP);
  a.state.greylist(triplet);
  a.state.takeHealth("bl.example.net", { kind: "dead", reason: "It lists everybody" });
  const later = open({}, { role: "worker" }).state;
  later.restore(structuredClone(a.state.snapshot()));
  assert(later.ban(IP, NET) !== null);
  assertEquals(later.isHarvesting(NET, DOMAIN), true);
  assertEquals(later.recent(NET, IP).connections, 1);
  assertEquals(later.greylist(triplet).status, "early");
  assertEquals(later.isDeadZone("bl.example.net"), true);
  await a.state.close();
});

Deno.test("PolicyState: what changes aloud is traced, once", async () => {
  const ids: string[] = [];
  const tracer: Tracer = { level: 1, emit: (_session, { id }) => void ids.push(id) };
  const { state } = open({}, { tracer });
  guess(state, 6);
  state.liftBan(NET, "A mistake");
  for (const kind of ["dead", "dead", "undecided", "alive", "alive"] as const) {
    state.takeHealth("bl.example.net", kind === "dead" ? { kind, reason: "Dead" } : { kind });
  }
  const { banned, lifted, listDead, listAlive } = POLICY_EVENTS;
  assertEquals(ids, [banned.id, lifted.id, listDead.id, listAlive.id]);
  await state.close();
});

Deno.test("PolicyState: a file that a reload turns off gets what changed before, and no other is made", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const file = `${directory}/bans`;
    const { state, said } = open({ ban_file: file });
    state.addBan(NET, "x", null);
    state.use(TERMS, ON);
    await state.close();
    assertEquals(said, []);
    assertStringIncludes(Deno.readTextFileSync(file), NET);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["bans"]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
