import { assertEquals } from "@std/assert";
import { inOrder } from "../../../replay/in_order.ts";
import type { Attempt } from "../../../report/mod.ts";

const attempt = (whenMs: number | null): Attempt => ({
  ...{ whenMs, ip: "192.0.2.1", helo: null, sender: null, recipient: "joe@example.org" },
  ...{ outcome: "accepted", rule: "", session: null, login: null, qp: null, delivered: null },
});

async function* from(times: readonly (number | null)[]): AsyncGenerator<Attempt> {
  for (const time of times) yield await Promise.resolve(attempt(time));
}

async function timesOf(times: readonly (number | null)[], most: number) {
  const count = { late: 0 };
  const told = await Array.fromAsync(inOrder(from(times), count, most));
  return { told: told.map(({ whenMs }) => whenMs), late: count.late };
}

Deno.test("inOrder: what fits in the heap comes in the order of time", async () => {
  const times = Array.from({ length: 200 }, (_, i) => (i * 73) % 199 + 1);
  assertEquals(await timesOf(times, 500), { told: times.toSorted((a, b) => a - b), late: 0 });
});

Deno.test("inOrder: no more than the heap waits, and what comes too late is counted", async () => {
  assertEquals(await timesOf([5, 6, 7, 8, 1, 9], 2), { told: [5, 6, 6, 7, 8, 9], late: 1 });
});

Deno.test("inOrder: no time is that of the one before", async () => {
  assertEquals(await timesOf([null, 5, null, 3], 9), { told: [null, 3, 5, 5], late: 0 });
});
