/** The bench's figures: medians, ratios, tables, and which floor a server is compared with. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { linesOf, type Measured, workloadText } from "../../bench/report.ts";
import type { Sample } from "../../bench/measure.ts";
import { formatTable, median, ratio, readable, spread } from "../../bench/stats.ts";
import { mergeLoads } from "../../bench/tools.ts";
import { workload } from "../../bench/workloads.ts";

const sample = (rate: number, errors = 0, other_cpu = 0): Sample => ({
  rate,
  p99_ms: 1,
  server_us: 50,
  generator_cpu: 0.5,
  other_cpu,
  memory_mib: 10,
  errors,
  first_error: errors > 0 ? "step 3: RCPT [250 ]" : "",
});

function measured(
  name: string,
  kind: "floor" | "qfront" | "peer",
  rates: readonly number[],
  drops = false,
): Measured {
  return { server: { name, kind, drops }, samples: rates.map((r) => sample(r)) };
}

Deno.test("median: the middle value, whatever the order", () => {
  assertEquals(median([30, 10, 20]), 20);
  assertEquals(median([5]), 5);
});

Deno.test("median: the mean of the two middle ones when their number is even", () => {
  assertEquals(median([4, 1, 3, 2]), 2.5);
});

Deno.test("median: one disturbed round does not move it", () => {
  assertEquals(median([100, 101, 3]), 100);
});

Deno.test("median: no value is a RangeError", () => {
  assertThrows(() => median([]), RangeError);
});

Deno.test("ratio: null without a base, never infinite", () => {
  assertEquals(ratio(10, 4), 2.5);
  assertEquals(ratio(10, null), null);
  assertEquals(ratio(10, undefined), null);
  assertEquals(ratio(10, 0), null);
});

Deno.test("spread: the rounds' distance as a share of the median", () => {
  assertEquals(spread([100, 90, 120]), 0.3);
  assertEquals(spread([7]), 0);
});

Deno.test("readable: three digits that count", () => {
  assertEquals([1234567, 999.6, 12.34, 1.234].map(readable), [
    "1,234,567",
    "1,000",
    "12.3",
    "1.23",
  ]);
});

Deno.test("formatTable: a Markdown table with padded columns, figures to the right", () => {
  assertEquals(
    formatTable(["server", "rate"], [["a", "1"], ["longer name", "12,345"]]),
    [
      "| server      |   rate |",
      "| ----------- | -----: |",
      "| a           |      1 |",
      "| longer name | 12,345 |",
    ].join("\n"),
  );
});

Deno.test("linesOf: a server that drops is compared with the floor that drops", () => {
  const lines = linesOf([
    measured("floor", "floor", [100]),
    measured("floor-drop", "floor", [200], true),
    measured("dropping", "qfront", [180], true),
    measured("polite", "qfront", [90]),
    measured("peer", "peer", [45]),
  ]);
  const of = (name: string) => lines.find((l) => l.server === name);
  assertEquals(of("dropping")?.of_floor, 0.9);
  assertEquals(of("polite")?.of_floor, 0.9);
  assertEquals(of("dropping")?.of_best_peer, 4);
});

Deno.test("linesOf: floors that keep mail are compared by group commit; fastest line first", () => {
  const lines = linesOf([
    measured("floor", "floor", [1000]),
    measured("floor-group", "floor", [50, 100, 150]),
    measured("floor-fsync", "floor", [40]),
    measured("qfront", "qfront", [110], true),
  ]);
  assertEquals(lines.map((l) => l.server), ["floor", "qfront", "floor-group", "floor-fsync"]);
  assertEquals(lines[1]?.of_floor, 1.1);
  assertEquals(lines[1]?.of_best_peer, null);
});

Deno.test("workloadText: says which goals are reached, and errors with their first one", () => {
  const lines = linesOf([
    measured("floor-drop", "floor", [100], true),
    measured("qfront", "qfront", [90], true),
    { server: { name: "peer", kind: "peer" }, samples: [sample(30, 7)] },
  ]);
  const text = workloadText(workload("w1"), lines);
  assert(text.includes("qfront: 3.00 of the best peer, goal 4: not reached"), text);
  assert(text.includes("qfront: 0.90 of the floor, goal 0.85: reached"), text);
  assert(text.includes("(!) peer: up to 7 errors in a round, first: step 3: RCPT [250 ]"), text);
});

Deno.test("workloadText: says when the machine was not quiet, and only then", () => {
  const text = (other: number) =>
    workloadText(
      workload("w2"),
      linesOf([{ server: { name: "peer", kind: "peer" }, samples: [sample(30, 0, other)] }]),
    );
  assert(text(0.9).includes("something else used 0.9 cores"), text(0.9));
  assert(!text(0.1).includes("not quiet"), text(0.1));
});

Deno.test("mergeLoads: rates and counts add up, times and CPU shares are the worst", () => {
  const load = {
    sessions_s: 10,
    messages_s: 1,
    recipients_s: 2,
    mb_s: 3,
    p50_ms: 1,
    p99_ms: 5,
    all_sessions: 100,
    all_messages: 10,
    all_recipients: 20,
    generator_cpu: 0.4,
    errors: 0,
    first_error: "",
  };
  const merged = mergeLoads([load, { ...load, p99_ms: 9, errors: 2, first_error: "x" }]);
  assertEquals(merged.sessions_s, 20);
  assertEquals(merged.all_recipients, 40);
  assertEquals(merged.p99_ms, 9);
  assertEquals(merged.generator_cpu, 0.4);
  assertEquals(merged.first_error, "x");
});
