import { assert, assertEquals, assertFalse } from "@std/assert";
import { makeSuccessCache } from "../../../auth/success_cache.ts";

Deno.test("makeSuccessCache: knows only this login with this password and this stored hash", () => {
  const cache = makeSuccessCache(300, 10);
  cache.add("joe", "secret", "$1$x");
  assert(cache.has("joe", "secret", "$1$x"));
  assertFalse(cache.has("joe", "secret", "$1$y"));
  assertFalse(cache.has("joe", "secre", "t$1$x"));
  assertFalse(cache.has("joes", "ecret", "$1$x"));
  assertFalse(cache.has("ann", "secret", "$1$x"));
});

Deno.test("makeSuccessCache: forgets when the time is over, use does not prolong it", () => {
  let now = 0;
  const cache = makeSuccessCache(10, 10, () => now);
  cache.add("joe", "p", "h");
  now = 9999;
  assert(cache.has("joe", "p", "h"));
  now = 10000;
  assertFalse(cache.has("joe", "p", "h"));
  assertEquals(cache.size, 0);
});

Deno.test("makeSuccessCache: at the limit the one not used for longest goes", () => {
  const cache = makeSuccessCache(10, 2, () => 0);
  cache.add("a", "p", "h");
  cache.add("b", "p", "h");
  assert(cache.has("a", "p", "h"));
  cache.add("c", "p", "h");
  assertEquals(cache.size, 2);
  assert(cache.has("a", "p", "h"));
  assertFalse(cache.has("b", "p", "h"));
  assert(cache.has("c", "p", "h"));
});

Deno.test("makeSuccessCache: 0 seconds remembers nothing", () => {
  const cache = makeSuccessCache(0, 10);
  cache.add("joe", "p", "h");
  assertFalse(cache.has("joe", "p", "h"));
  assertEquals(cache.size, 0);
});
