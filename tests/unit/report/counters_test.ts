import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../../report/histogram.ts";
import { LruMap } from "../../../report/lru.ts";
import { Timeline } from "../../../report/timeline.ts";
import { TopCounter } from "../../../report/top_counter.ts";
import { random } from "./sample_logs.ts";

Deno.test("TopCounter: exact while there is room", () => {
  const counter = new TopCounter(3);
  for (const key of ["b", "a", "b", "c"]) counter.add(key);
  assertEquals(counter.top(2), [{ key: "b", count: 2 }, { key: "a", count: 1 }]);
  assertEquals([counter.total, counter.distinct, counter.mayMiss], [4, 3, 0]);
});

Deno.test("TopCounter: with far more keys than room no count is off by more than it says", () => {
  const counter = new TopCounter(200);
  const truth = new Map<string, number>();
  const dice = random(3);
  for (let i = 0; i < 200_000; i++) {
    const key = `k${Math.floor(dice() ** 4 * 5000)}`;
    truth.set(key, (truth.get(key) ?? 0) + 1);
    counter.add(key);
  }
  assertEquals(counter.distinct, null);
  assert(counter.mayMiss <= 2 * counter.total / 200, `may miss ${counter.mayMiss}`);
  for (const [key, count] of truth) {
    const counted = counter.count(key);
    assert(
      counted <= count && count <= counted + counter.mayMiss,
      `${key}: ${counted} of ${count}`,
    );
  }
  const best = [...truth].sort((a, b) => b[1] - a[1])[0]?.[0];
  assertEquals(counter.top(1)[0]?.key, best);
});

Deno.test("Timeline: the step grows so that a year fits, and nothing is lost", () => {
  const timeline = new Timeline();
  const start = new Date(2026, 0, 1).getTime();
  for (let hour = 0; hour < 365 * 24; hour++) timeline.add(start + hour * 3_600_000, "refused");
  const { stepMs, steps } = timeline.steps(72);
  assert(steps.length <= 72 && steps.length > 1);
  assert(stepMs > 3_600_000);
  assertEquals(steps.reduce((sum, s) => sum + s.refused, 0), 365 * 24);
});

Deno.test("Timeline: a gap is steps of nothing, an empty one has none", () => {
  assertEquals(new Timeline().steps(10).steps, []);
  const timeline = new Timeline();
  const start = new Date(2026, 0, 1).getTime();
  timeline.add(start, "accepted");
  timeline.add(start + 180_000, "deferred");
  const counts = timeline.steps(10).steps.map((s) => [s.accepted, s.deferred]);
  assertEquals(counts, [[1, 0], [0, 0], [0, 0], [0, 1]]);
});

Deno.test("Histogram: percentiles are right to five percent", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 10_000; ms++) histogram.add(ms);
  for (const share of [0.5, 0.9, 0.99]) {
    const found = histogram.at(share);
    assert(Math.abs(found - share * 10_000) <= share * 10_000 * 0.06, `${share}: ${found}`);
  }
  assertEquals(histogram.mostMs, 10_000);
  assertEquals(new Histogram().at(0.5), 0);
});

Deno.test("LruMap: against a list of keys in the order of their use, over thousands of steps", () => {
  const dice = random(11);
  const order: number[] = [];
  const gone: number[] = [];
  const expected: number[] = [];
  const map = new LruMap<number, number>(5, (_, key) => gone.push(key));
  for (let i = 0; i < 5000; i++) {
    const key = Math.floor(dice() * 9);
    const at = order.indexOf(key);
    const what = dice();
    if (what < 0.2) map.take(key);
    else if (what < 0.4) assertEquals(map.get(key) !== undefined, at >= 0);
    else map.set(key, i);
    if (at >= 0) order.splice(at, 1);
    if (what >= 0.4 || (what >= 0.2 && at >= 0)) order.push(key);
    if (order.length > 5) expected.push(order.shift() ?? -1);
    assertEquals(map.size, order.length);
  }
  assertEquals(gone, expected);
});

Deno.test("LruMap: the one used longest ago leaves, and is handed over", () => {
  const gone: string[] = [];
  const map = new LruMap<string, number>(2, (_, key) => gone.push(key));
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assertEquals(gone, ["b"]);
  assertEquals([map.take("a"), map.take("b"), map.size], [1, undefined, 1]);
  assertEquals([...map.drain()], [3]);
});
