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
