import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type Timed, TimerWheel } from "../../../net/timers.ts";

/** An entry that resolves when it expires. */
function entry(wheel: TimerWheel, due: number) {
  const { promise, resolve } = Promise.withResolvers<number>();
  const timed: Timed & { times: number } = {
    due,
    hung: 0,
    times: 0,
    before: null,
    after: null,
    expire() {
      timed.times++;
      resolve(wheel.now);
    },
  };
  return { timed, expired: promise };
}

/** Keeps the process alive while an unreferenced wheel turns. */
async function turning<T>(promise: Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 1000);
  try {
    return await promise;
  } finally {
    clearInterval(alive);
  }
}

Deno.test("TimerWheel: an entry expires at its tick, never before", async () => {
  const wheel = new TimerWheel(2);
  const { timed, expired } = entry(wheel, 3);
  wheel.add(timed);
  assertGreaterOrEqual(await turning(expired), 3);
  assertEquals(timed.after, null);
  wheel.close();
});

Deno.test("TimerWheel: a limit that was moved while hanging expires at its new tick only", async () => {
  const wheel = new TimerWheel(2);
  const early = entry(wheel, 4);
  const moved = entry(wheel, 2);
  wheel.add(moved.timed);
  wheel.add(early.timed);
  wheel.set(moved.timed, 9);
  await turning(early.expired);
  assertEquals(moved.timed.times, 0);
  assertGreaterOrEqual(await turning(moved.expired), 9);
  wheel.close();
});

Deno.test("TimerWheel: a limit further away than the wheel has slots is kept", async () => {
  const wheel = new TimerWheel(1);
  const far = entry(wheel, 600);
  wheel.add(far.timed);
  assertGreaterOrEqual(await turning(far.expired), 600);
  wheel.close();
});

Deno.test("TimerWheel.set: a limit moved to an earlier tick expires at that one", async () => {
  const wheel = new TimerWheel(2);
  const moved = entry(wheel, 100_000);
  wheel.add(moved.timed);
  wheel.set(moved.timed, 3);
  const at = await turning(moved.expired);
  assertGreaterOrEqual(at, 3);
  assert(at < 400);
  wheel.close();
});

Deno.test("TimerWheel.remove: an entry taken out, even by its neighbour's expire, never expires", async () => {
  const wheel = new TimerWheel(2);
  const victim = entry(wheel, 3);
  const last = entry(wheel, 5);
  const killer: Timed = {
    due: 3,
    hung: 0,
    before: null,
    after: null,
    expire: () => wheel.remove(victim.timed),
  };
  wheel.add(killer);
  wheel.add(victim.timed);
  wheel.add(last.timed);
  await turning(last.expired);
  assertEquals(victim.timed.times, 0);
  wheel.remove(victim.timed);
  wheel.close();
});

Deno.test("TimerWheel: an expire that sets a later tick stays in the wheel", async () => {
  const wheel = new TimerWheel(2);
  let times = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const again: Timed = {
    due: 2,
    hung: 0,
    before: null,
    after: null,
    expire() {
      if (++times === 3) resolve();
      else again.due = wheel.now + 2;
    },
  };
  wheel.add(again);
  await turning(promise);
  assertEquals(times, 3);
  wheel.close();
});

Deno.test("TimerWheel.after: is at least the asked time away", () => {
  const wheel = new TimerWheel(1000);
  assertEquals(wheel.after(0), 1);
  assertEquals(wheel.after(60), 61);
  assert(wheel.after(0.5) >= 1);
  wheel.close();
});
