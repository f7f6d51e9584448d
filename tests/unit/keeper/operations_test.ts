import { assertEquals, assertThrows } from "@std/assert";
import { makeHandles } from "../../../keeper/operations.ts";
import { Trouble } from "../../../keeper/protocol.ts";

Deno.test("makeHandles: the number of what is gone is nobody's, though its place is taken again", () => {
  const handles = makeHandles<string>("thing", () => 10);
  const first = handles.add("a");
  assertEquals(handles.remove(first), "a");
  const second = handles.add("b");
  assertEquals([handles.has(first), handles.remove(first)], [false, undefined]);
  assertThrows(() => handles.get(first), Trouble, "no such thing");
  assertEquals([handles.get(second), handles.size], ["b", 1]);
});

Deno.test("makeHandles: numbers that were never given are nobody's", () => {
  const handles = makeHandles<string>("thing", () => 10);
  handles.add("a");
  for (const number of [0, -1, 2, 2 ** 24 + 1, 2 ** 25, Number.MAX_SAFE_INTEGER]) {
    assertEquals(handles.has(number), false);
    assertThrows(() => handles.get(number), Trouble);
  }
});

Deno.test("makeHandles: no more than the limit at one time", () => {
  const handles = makeHandles<number>("thing", () => 2);
  const numbers = [handles.add(1), handles.add(2)];
  assertThrows(() => handles.add(3), Trouble, "holds 2 of thing already");
  handles.remove(numbers[0]!);
  assertEquals(Number.isSafeInteger(handles.add(3)), true);
  assertEquals([...handles.values()].sort(), [2, 3]);
});
