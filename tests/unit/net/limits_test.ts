import { assert, assertEquals } from "@std/assert";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";

function one(max = 10, perAddress = 3): SessionLimits {
  return new SessionLimits(makeSharedLimits(max, 1), 0, max, perAddress);
}

Deno.test("SessionLimits.enter: N sessions of one address enter, N+1 does not", () => {
  const limits = one(10, 3);
  const tickets = [1, 2, 3].map(() => limits.enter("192.0.2.1"));
  assert(tickets.every((t) => typeof t === "number"));
  assertEquals(limits.sessionsOf("192.0.2.1"), 3);
  assertEquals(limits.enter("192.0.2.1"), "address");
  assertEquals(typeof limits.enter("192.0.2.2"), "number");
  limits.leave(tickets[0] as number);
  assertEquals(typeof limits.enter("192.0.2.1"), "number");
  assertEquals(limits.value("refused_address"), 1);
});

Deno.test("SessionLimits.enter: N sessions in all enter, N+1 does not, and a refusal holds no place", () => {
  const limits = one(5, 100);
  for (let i = 0; i < 5; i++) assertEquals(typeof limits.enter(`192.0.2.${i}`), "number");
  for (let i = 0; i < 3; i++) assertEquals(limits.enter("192.0.2.9"), "sessions");
  assertEquals(limits.value("sessions_open"), 5);
  assertEquals(limits.value("refused_sessions"), 3);
  assertEquals(limits.value("sessions_total"), 5);
});

Deno.test("SessionLimits: workers share one count", () => {
  const shared = makeSharedLimits(10, 2);
  const a = new SessionLimits(shared, 0, 10, 2);
  const b = new SessionLimits(shared, 1, 10, 2);
  const ticket = a.enter("::1");
  b.enter("::1");
  assertEquals(a.enter("::1"), "address");
  assertEquals(b.enter("::1"), "address");
  a.leave(ticket as number);
  assertEquals(typeof b.enter("::1"), "number");
});

Deno.test("SessionLimits.reclaim: what a dead worker held is free again, and nothing else", () => {
  const shared = makeSharedLimits(10, 2);
  const a = new SessionLimits(shared, 0, 10, 5);
  const b = new SessionLimits(shared, 1, 10, 5);
  for (let i = 0; i < 3; i++) a.enter("::1");
  b.enter("::1");
  b.enter("::2");
  assertEquals(b.reclaim(0), 3);
  assertEquals(b.sessionsOf("::1"), 1);
  assertEquals(b.value("sessions_open"), 2);
  assertEquals(b.reclaim(0), 0);
  const replaced = new SessionLimits(shared, 0, 10, 5);
  assertEquals(typeof replaced.enter("::1"), "number");
});

Deno.test("SessionLimits: many addresses come and go without a count left behind", () => {
  const limits = new SessionLimits(makeSharedLimits(2000, 1), 0, 2000, 10);
  const held: { ip: string; ticket: number }[] = [];
  for (let i = 0; i < 50_000; i++) {
    const ip = `10.${i % 7}.${i % 251}.${i % 13}`;
    const ticket = limits.enter(ip);
    if (typeof ticket === "number") held.push({ ip, ticket });
    if (held.length >= 1999) {
      for (const { ticket } of held.splice(0, 1500)) limits.leave(ticket);
    }
  }
  for (const { ticket } of held) limits.leave(ticket);
  assertEquals(limits.value("sessions_open"), 0);
  for (let i = 0; i < 251; i++) assertEquals(limits.sessionsOf(`10.0.${i}.0`), 0);
});

Deno.test("SessionLimits.enter: a thousand addresses are counted apart", () => {
  const limits = new SessionLimits(makeSharedLimits(1000, 1), 0, 1000, 1);
  for (let i = 0; i < 1000; i++) {
    assertEquals(typeof limits.enter(`2001:db8::${i.toString(16)}`), "number");
  }
});

Deno.test("SessionLimits.nextSession: numbers begin at 1 and are shared", () => {
  const shared = makeSharedLimits(10, 2);
  const a = new SessionLimits(shared, 0, 10, 5);
  const b = new SessionLimits(shared, 1, 10, 5);
  assertEquals([a.nextSession(), b.nextSession(), a.nextSession()], [1, 2, 3]);
});

const NETWORKS: readonly [what: string, inside: (i: number) => string, outside: string][] = [
  ["a /24", (i) => `192.0.2.${i}`, "192.0.3.1"],
  ["an IPv6 /64", (i) => `2001:db8:1:2:${i.toString(16)}::${i}`, "2001:db8:1:3::1"],
];

for (const [what, inside, outside] of NETWORKS) {
  Deno.test(`SessionLimits.enter: N-1 and N sessions of ${what} enter, N+1 does not`, () => {
    const limits = one(100, 2);
    limits.maxPerNetwork = 3;
    const tickets = [1, 2, 3].map((i) => limits.enter(inside(i)));
    assert(tickets.every((t) => typeof t === "number"));
    assertEquals(limits.sessionsOfNetwork(inside(9)), 3);
    assertEquals(limits.enter(inside(4)), "network");
    // Who is refused is counted nowhere.
    assertEquals(limits.sessionsOf(inside(4)), 0);
    assertEquals(limits.value("sessions_open"), 3);
    assertEquals(limits.value("refused_network"), 1);
    assertEquals(typeof limits.enter(outside), "number");
    limits.leave(tickets[1] as number);
    assertEquals(typeof limits.enter(inside(4)), "number");
    assertEquals(limits.enter(inside(5)), "network");
  });
}

Deno.test("SessionLimits.sessionsOfNetwork: takes an address or the network's own text", () => {
  const limits = one();
  limits.maxPerNetwork = 5;
  limits.enter("192.0.2.1");
  limits.enter("2001:db8::1");
  assertEquals(limits.sessionsOfNetwork("192.0.2.0/24"), 1);
  assertEquals(limits.sessionsOfNetwork("2001:db8::/64"), 1);
  assertEquals(limits.sessionsOfNetwork("2001:db8:0:1::/64"), 0);
});

Deno.test("SessionLimits.enter: without a limit of networks none is counted, and one set later holds from then on", () => {
  const limits = one(100, 50);
  const before = [1, 2, 3].map((i) => limits.enter(`192.0.2.${i}`) as number);
  assertEquals(limits.sessionsOfNetwork("192.0.2.1"), 0);
  limits.maxPerNetwork = 1;
  const ticket = limits.enter("192.0.2.4") as number;
  assertEquals(limits.enter("192.0.2.5"), "network");
  for (const one of before) limits.leave(one);
  limits.maxPerNetwork = 0;
  limits.leave(ticket);
  limits.maxPerNetwork = 1;
  assertEquals(limits.sessionsOfNetwork("192.0.2.1"), 0);
  assertEquals(limits.value("sessions_open"), 0);
});

Deno.test("SessionLimits.sparesNetwork: asked at the limit only, and who is spared enters and is counted", () => {
  const limits = one(100, 50);
  limits.maxPerNetwork = 1;
  const asked: string[] = [];
  limits.sparesNetwork = (ip) => {
    asked.push(ip);
    return ip === "192.0.2.7";
  };
  limits.enter("192.0.2.1");
  assertEquals(asked, []);
  assertEquals(typeof limits.enter("192.0.2.7"), "number");
  assertEquals(limits.enter("192.0.2.8"), "network");
  assertEquals(asked, ["192.0.2.7", "192.0.2.8"]);
  assertEquals(limits.sessionsOfNetwork("192.0.2.1"), 2);
});

Deno.test("SessionLimits.reclaim: the networks of a dead worker are free again too, shared by all workers", () => {
  const shared = makeSharedLimits(10, 2);
  const [a, b] = [new SessionLimits(shared, 0, 10, 9), new SessionLimits(shared, 1, 10, 9)];
  a.maxPerNetwork = b.maxPerNetwork = 2;
  a.enter("192.0.2.1");
  b.enter("192.0.2.2");
  assertEquals(b.enter("192.0.2.3"), "network");
  assertEquals(b.reclaim(0), 1);
  assertEquals(b.sessionsOfNetwork("192.0.2.1"), 1);
  assertEquals(typeof b.enter("192.0.2.3"), "number");
});

Deno.test("SessionLimits.sessionsOfNetwork: many networks come and go without a count left behind", () => {
  const limits = new SessionLimits(makeSharedLimits(2000, 1), 0, 2000, 100);
  limits.maxPerNetwork = 1;
  const held: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const ticket = limits.enter(`10.${i % 7}.${i % 251}.${i % 13}`);
    if (typeof ticket === "number") held.push(ticket);
    if (held.length >= 1999) held.splice(0, 1500).forEach((ticket) => limits.leave(ticket));
  }
  assert(limits.value("refused_network") > 0);
  for (const ticket of held) limits.leave(ticket);
  for (let i = 0; i < 251; i++) assertEquals(limits.sessionsOfNetwork(`10.0.${i}.0`), 0);
  assertEquals(limits.value("sessions_open"), 0);
});
