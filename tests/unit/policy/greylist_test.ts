import { assertEquals } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { createGatherer } from "../../../policy/gather.ts";
import {
  type GreyExemptions,
  Greylist,
  greylist,
  greySender,
  tripletOf,
} from "../../../policy/greylist.ts";
import { judge } from "../../../policy/mod.ts";
import { readNetworks } from "../../../policy/networks.ts";
import { facts, policyOf, shown } from "./kit.ts";

const T0 = 1_700_000_000_000;
const SECOND = 1000;
const TERMS = {
  delaySeconds: 300,
  retrySeconds: 3600,
  keepSeconds: 86400,
  allowAfter: 2,
  maxEntries: 100,
};
const TRIPLET = { network: "192.0.2.0/24", sender: "a@b.org", recipient: "c@d.org" };

Deno.test("Greylist: new, too early, in time, remembered; begins anew when it comes too late", () => {
  const grey = new Greylist({ ...TERMS, allowAfter: 0 });
  const at = (seconds: number) => grey.meet(TRIPLET, T0 + seconds * SECOND).status;
  assertEquals([at(0), at(1), at(299), at(300), at(301)], [
    "new",
    "early",
    "early",
    "passed",
    "passed",
  ]);
  assertEquals([at(86_000), at(170_000)], ["passed", "passed"], "each time counts anew");
  assertEquals(at(170_000 + 86_401), "new", "forgotten");
  const other = new Greylist(TERMS);
  other.meet(TRIPLET, T0);
  assertEquals(other.meet(TRIPLET, T0 + 3601 * SECOND).status, "new", "came too late");
});

Deno.test("Greylist: a triplet first met in the future, by a clock that was wrong, begins anew", () => {
  const grey = new Greylist(TERMS);
  grey.meet(TRIPLET, T0 + 1e10);
  assertEquals(grey.peek(TRIPLET, T0), { status: "new", waitSeconds: 300 });
  assertEquals(grey.meet(TRIPLET, T0), { status: "new", waitSeconds: 300 });
  assertEquals(grey.meet(TRIPLET, T0 + 300 * SECOND).status, "passed");
});

Deno.test("Greylist: says how long there is to wait", () => {
  const grey = new Greylist(TERMS);
  assertEquals(grey.meet(TRIPLET, T0), { status: "new", waitSeconds: 300 });
  assertEquals(grey.meet(TRIPLET, T0 + 100 * SECOND), { status: "early", waitSeconds: 200 });
});

Deno.test("Greylist: a network that came again often enough is not asked any more, for a while", () => {
  const grey = new Greylist(TERMS);
  for (const sender of ["one@b.org", "two@b.org"]) {
    grey.meet({ ...TRIPLET, sender }, T0);
    assertEquals(grey.meet({ ...TRIPLET, sender }, T0 + 301 * SECOND).status, "passed");
  }
  const fresh = { ...TRIPLET, sender: "new@x.org" };
  assertEquals(grey.meet(fresh, T0 + 302 * SECOND).status, "allowed");
  assertEquals(grey.meet({ ...fresh, network: "198.51.100.0/24" }, T0).status, "new");
  assertEquals(grey.meet(fresh, T0 + 302 * SECOND + 86_401 * SECOND).status, "new");
});

Deno.test("Greylist: at most so many entries; who was not seen longest goes", () => {
  const grey = new Greylist({ ...TERMS, maxEntries: 2 });
  for (const sender of ["1@b", "2@b", "3@b"]) grey.meet({ ...TRIPLET, sender }, T0);
  assertEquals(grey.size, 2);
  assertEquals(grey.meet({ ...TRIPLET, sender: "1@b" }, T0).status, "new");
});

Deno.test("Greylist: text and back, with what a client chose in it; bad lines are named", () => {
  const grey = new Greylist({ ...TERMS, allowAfter: 1 });
  const odd = { ...TRIPLET, sender: 'a"\n\u00ff@b.org' };
  grey.meet(odd, T0);
  grey.meet({ ...TRIPLET, network: "198.51.100.0/24" }, T0);
  grey.meet({ ...TRIPLET, network: "198.51.100.0/24" }, T0 + 300 * SECOND);
  const text = grey.toText(T0 + 300 * SECOND);
  const again = new Greylist({ ...TERMS, allowAfter: 1 });
  assertEquals(again.takeText(`nonsense\n${text}["triplet","x"]\n`), [
    "Line 1 is no greylist entry",
    "Line 5 is no greylist entry",
  ]);
  assertEquals(again.meet(odd, T0 + 301 * SECOND).status, "passed");
  assertEquals(
    again.meet({ ...odd, network: "198.51.100.0/24" }, T0 + 301 * SECOND).status,
    "allowed",
  );
  assertEquals(grey.toText(T0 + 1e9), "", "what is forgotten is not written");
});

Deno.test("greySender: leaves out what changes from message to message", () => {
  const table = [
    ["Joe@Example.org", "joe@example.org"],
    ["list-return-123-ann=example.com@l.org", "list-return-#-ann=example.com@l.org"],
    ["prvs=0123abc=joe@b.org", "joe@b.org"],
    ["SRS0=HHH=TT=b.org=joe@f.org", "srs@f.org"],
    ["joe+shop@b.org", "joe@b.org"],
    ["", ""],
  ] as const;
  for (const [sender, wanted] of table) assertEquals(greySender(sender), wanted);
});

/** What the check says at each of `times`, in seconds; "late": not at once. */
async function said(
  times: readonly number[],
  changes: Parameters<typeof facts>[0] = {},
  exempt: Partial<GreyExemptions> = {},
): Promise<string[]> {
  const grey = new Greylist(TERMS);
  const policy = policyOf([greylist({ isExempt: () => false, sparesSpfPass: false, ...exempt })]);
  const results: string[] = [];
  for (const seconds of times) {
    const gatherer = createGatherer({
      resolver: createFileResolver('b.org TXT "v=spf1 ip4:192.0.2.1 -all"', "zone"),
      greylist: (triplet) => grey.meet(triplet, T0 + seconds * SECOND),
      isDeadZone: () => false,
      session: 1,
    });
    const { gather, known } = gatherer;
    const judged = judge("rcpt_valid", facts(changes), policy, gather, known());
    const { verdict } = await judged;
    results.push(`${judged instanceof Promise ? "late " : ""}${shown(verdict)}`);
  }
  return results;
}

Deno.test("greylist: put off until the time has come, and answered at once", async () => {
  assertEquals(await said([0, 10, 300]), [
    "451 greylisted (greylist: new)",
    "451 greylisted (greylist: early)",
    "none",
  ]);
});

Deno.test("greylist: trusted clients, exempt networks and postmaster are not asked", async () => {
  assertEquals(await said([0], { client: { login: "ann" } }), ["none"]);
  assertEquals(await said([0], { client: { isForwarder: true } }), ["none"]);
  assertEquals(await said([0], { isAlwaysAccepted: true }), ["none"]);
  assertEquals(await said([0], { isSenderFinal: true }), ["none"]);
  const { has } = readNetworks(["192.0.2.0/28"]);
  assertEquals(await said([0], {}, { isExempt: has }), ["none"]);
});

Deno.test("greylist: who would be put off is let in when SPF names the client, and asked only then", async () => {
  const spares = { sparesSpfPass: true };
  assertEquals(await said([0], { sender: "a@b.org" }, spares), ["late none"]);
  assertEquals(await said([0], { sender: "a@other.org" }, spares), [
    "late 451 greylisted (greylist: new)",
  ]);
  const client = { ip: "192.0.2.9" };
  assertEquals(await said([0, 300], { sender: "a@b.org", client }, spares), [
    "late 451 greylisted (greylist: new)",
    "none",
  ]);
});

Deno.test("tripletOf: the network, not the address", () => {
  assertEquals(tripletOf(facts({ recipient: "Ann@Example.com" })), {
    network: "192.0.2.0/24",
    sender: "joe@example.org",
    recipient: "ann@example.com",
  });
});

Deno.test("Greylist.peek: says what meet would, and remembers nothing", () => {
  const grey = new Greylist({ ...TERMS, allowAfter: 1 });
  for (const seconds of [0, 1, 299, 300, 301, 302, 86_000, 200_000]) {
    const atMs = T0 + seconds * SECOND;
    const peeked = [grey.peek(TRIPLET, atMs), grey.peek(TRIPLET, atMs)];
    const met = grey.meet(TRIPLET, atMs);
    assertEquals(peeked, [met, met], `after ${seconds} s`);
  }
  const other = new Greylist(TERMS);
  other.peek(TRIPLET, T0);
  assertEquals(other.size, 0);
});

Deno.test("Greylist: a triplet of any length is told from others, and costs no more than its limit", () => {
  const terms = {
    delaySeconds: 60,
    retrySeconds: 600,
    keepSeconds: 600,
    allowAfter: 0,
    maxEntries: 9,
  };
  const list = new Greylist(terms);
  const of = (sender: string) => ({
    network: "192.0.2.0/24",
    sender,
    recipient: "joe@example.com",
  });
  const long = `${"x".repeat(880)}@b.example`;
  assertEquals(list.meet(of(long), 0).status, "new");
  assertEquals(list.meet(of(`${long}.org`), 0).status, "new");
  assertEquals(list.meet(of(long), 61_000).status, "passed");
  for (const line of list.toLines(61_000)) assertEquals(line.length < 300, true, line);
  const again = new Greylist(terms);
  assertEquals(again.takeText(list.toText(61_000)), []);
  assertEquals(again.peek(of(long), 62_000).status, "passed");
});
