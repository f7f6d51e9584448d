import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { endOfTurn } from "../../../net/turn.ts";

Deno.test("endOfTurn: what was ready before comes first, and all who wait go on behind it", async () => {
  const order: string[] = [];
  const session = async (name: string) => {
    await Promise.resolve();
    order.push(`${name} judged`);
    await endOfTurn();
    order.push(`${name} written`);
  };
  await Promise.all([session("a"), session("b"), session("c")]);
  assertEquals(order.slice(0, 3), ["a judged", "b judged", "c judged"]);
  assertEquals(order.slice(3), ["a written", "b written", "c written"]);
});

Deno.test("endOfTurn: one promise a turn, another in the next", async () => {
  const first = endOfTurn();
  assertStrictEquals(endOfTurn(), first);
  await first;
  assert(endOfTurn() !== first);
});
