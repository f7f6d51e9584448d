import { assertEquals, assertRejects } from "@std/assert";
import { GateFullError, makeGate } from "../../../auth/gate.ts";

Deno.test("makeGate: at most the limit at a time, the others in turn", async () => {
  const gate = makeGate(2, 10, "checks");
  const order: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((n) =>
    gate(() => {
      order.push(n);
      return new Promise<void>((resolve) => ends.push(resolve));
    })
  );
  await Promise.resolve();
  assertEquals(order, [0, 1]);
  ends[1]?.();
  await all[1];
  await Promise.resolve();
  assertEquals(order, [0, 1, 2]);
  ends[0]?.();
  await all[0];
  await Promise.resolve();
  ends[2]?.();
  ends[3]?.();
  await Promise.all(all);
  assertEquals(order, [0, 1, 2, 3]);
});

Deno.test("makeGate: one more than may wait is turned away, and the place comes back after a failure", async () => {
  const gate = makeGate(1, 1, "checks");
  const { promise, reject } = Promise.withResolvers<void>();
  const first = gate(() => promise);
  const second = gate(() => Promise.resolve("second"));
  await assertRejects(() => gate(() => Promise.resolve()), GateFullError, "1 checks are waiting");
  reject(new Error("failed"));
  await assertRejects(() => first, Error, "failed");
  assertEquals(await second, "second");
  assertEquals(await gate(() => Promise.resolve("third")), "third");
});
