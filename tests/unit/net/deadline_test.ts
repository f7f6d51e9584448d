import { assertEquals, assertRejects } from "@std/assert";
import { Deadline } from "../../../net/deadline.ts";
import { TimerWheel } from "../../../net/timers.ts";

/** Runs `work` with a wheel of one millisecond. */
async function withWheel(work: (wheel: TimerWheel) => Promise<void>): Promise<void> {
  const wheel = new TimerWheel(1);
  // The wheel's own interval keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  try {
    await work(wheel);
  } finally {
    wheel.close();
    clearInterval(alive);
  }
}

Deno.test("Deadline: work that takes too long is rejected, and the owner told", () =>
  withWheel(async (wheel) => {
    const late = Promise.withResolvers<void>();
    const deadline = new Deadline(wheel, late.resolve);
    const never = new Promise<void>(() => {});
    await assertRejects(() => deadline.within(0.002, () => never), Error, "not finished in time");
    await late.promise;
    assertEquals(deadline.after, null);
  }));

Deno.test("Deadline: work in time takes the limit away; work that fails leaves it to its owner", () =>
  withWheel(async (wheel) => {
    const deadline = new Deadline(wheel, () => {});
    assertEquals(await deadline.within(60, () => Promise.resolve(7)), 7);
    assertEquals([deadline.after, deadline.due], [null, 0]);
    const fails = () => deadline.within(60, () => Promise.reject(new Error("broken")));
    await assertRejects(fails, Error, "broken");
    assertEquals(deadline.after !== null, true);
    deadline.clear();
    assertEquals([deadline.after, deadline.due], [null, 0]);
  }));

Deno.test("Deadline: a new limit takes the place of the old one", () =>
  withWheel(async (wheel) => {
    let calls = 0;
    const first = Promise.withResolvers<void>();
    const deadline = new Deadline(wheel, () => {
      calls++;
      first.resolve();
    });
    deadline.set(60);
    deadline.set(0.002);
    await first.promise;
    assertEquals([calls, deadline.after, deadline.due], [1, null, 0]);
  }));
