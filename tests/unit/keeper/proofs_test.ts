import { assertEquals } from "@std/assert";
import type { Header } from "../../../keeper/frames.ts";
import { Proofs } from "../../../keeper/proofs.ts";
import { JOE } from "./kit.ts";

function makeProofs() {
  const clock = { now: 0 };
  const told: [string, Header][] = [];
  const keeper = { tell: (op: string, values: Header) => void told.push([op, values]) };
  return { proofs: new Proofs(keeper, () => clock.now), clock, told };
}

Deno.test("Proofs: a proof is taken once, by its account and no other", () => {
  const { proofs } = makeProofs();
  proofs.add(JOE, { token: "t" });
  assertEquals(proofs.take({ ...JOE }), undefined);
  assertEquals(proofs.get(JOE), { token: "t" });
  assertEquals(proofs.take(JOE), { token: "t" });
  assertEquals(proofs.take(JOE), undefined);
});

Deno.test("Proofs: what nobody took in time is forgotten, its maildrop closed", () => {
  const { proofs, clock, told } = makeProofs();
  const taken = { ...JOE };
  proofs.add({ ...JOE }, { opened: { drop: 7 } });
  proofs.add({ ...JOE }, { opened: { trouble: "temporary", reason: "no" } });
  proofs.add({ ...JOE }, { token: "t" });
  proofs.add(taken, { opened: { drop: 8 } });
  proofs.take(taken);
  clock.now = 59_999;
  proofs.add({ ...JOE }, { token: "u" });
  assertEquals([proofs.size, told.length], [4, 0]);
  clock.now = 60_000;
  proofs.add({ ...JOE }, { token: "v" });
  assertEquals(proofs.size, 2);
  assertEquals(told, [["drop.close", { drop: 7 }]]);
});
