import { assertEquals } from "@std/assert";
import { createAnswerCache } from "../../../dns/cache.ts";
import type { DnsAnswer } from "../../../dns/types.ts";

const answer = (ttlSeconds: number, text = ""): DnsAnswer => ({
  status: "ok",
  rcode: 0,
  records: [{ type: "TXT", name: "x", ttlSeconds, texts: [text] }],
  ttlSeconds,
  problem: "",
});

Deno.test("AnswerCache: what was not asked for longest goes first", () => {
  const cache = createAnswerCache(2);
  cache.put("a", answer(10), 0);
  cache.put("b", answer(10), 0);
  cache.get("a", 0);
  cache.put("c", answer(10), 0);
  assertEquals([cache.get("a", 0), cache.get("b", 0), cache.get("c", 0)].map((x) => x !== null), [
    true,
    false,
    true,
  ]);
});

Deno.test("AnswerCache: long answers are bounded together, one too long is not kept", () => {
  const cache = createAnswerCache(10);
  for (let i = 0; i < 10; i++) cache.put(`k${i}`, answer(10, "x".repeat(4000)), 0);
  assertEquals(cache.size, 2);
  cache.put("huge", answer(10, "x".repeat(20_000)), 0);
  assertEquals(cache.get("huge", 0), null);
  assertEquals(cache.size, 2);
});

Deno.test("AnswerCache: an entry that is over makes room; 0 keeps nothing", () => {
  const cache = createAnswerCache(2);
  cache.put("a", answer(1), 0);
  assertEquals(cache.get("a", 1000), null);
  assertEquals(cache.size, 0);
  const none = createAnswerCache(0);
  none.put("a", answer(1), 0);
  assertEquals(none.size, 0);
});
