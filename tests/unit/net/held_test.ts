import { assertEquals } from "@std/assert";
import { Held } from "../../../net/held.ts";

Deno.test("Held: a thing is found by its number until it is taken out, once", () => {
  const held = new Held<string>();
  const [a, b] = [held.add("a"), held.add("b")];
  assertEquals([held.get(a), held.get(b), held.size], ["a", "b", 2]);
  assertEquals([held.remove(a), held.remove(a), held.get(a)], ["a", undefined, undefined]);
  assertEquals([held.size, held.values()], [1, ["b"]]);
});

Deno.test("Held: a number that is free is given again, so it is no longer than at its fullest", () => {
  const held = new Held<number>();
  const first = held.add(1);
  held.add(2);
  held.remove(first);
  assertEquals(held.add(3), first);
  assertEquals(held.values(), [3, 2]);
  for (let i = 0; i < 1000; i++) held.remove(held.add(i));
  assertEquals([held.size, held.add(4)], [2, 2]);
});

Deno.test("Held: what was never given is nothing", () => {
  const held = new Held<string>();
  for (const place of [0, -1, 0.5, NaN, 2 ** 40]) {
    assertEquals([held.get(place), held.remove(place)], [undefined, undefined]);
  }
  assertEquals(held.size, 0);
});
