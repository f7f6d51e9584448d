import { assert, assertEquals } from "@std/assert";
import { finderIn, makeHints, memberOf } from "../../../validate/hints.ts";

const NAMES = Array.from({ length: 5000 }, (_, i) => `user${i}`);

Deno.test("makeHints: every name may be had, of others hardly one in ten", () => {
  const hints = makeHints(NAMES, NAMES.length);
  assert(NAMES.every((name) => hints.mayHave(name)));
  const others = NAMES.map((name) => `x${name}`);
  assert(others.filter((name) => hints.mayHave(name)).length < others.length / 10);
});

Deno.test("makeHints: no names at all, the empty name, binary names", () => {
  assertEquals(makeHints([], 0).mayHave("joe"), false);
  const odd = ["", "\xff\xfe", "a-b.c"];
  const hints = makeHints(odd, odd.length);
  assert(odd.every((name) => hints.mayHave(name)));
});

Deno.test("finderIn: the same answers before and after there are hints", () => {
  const map = new Map(NAMES.map((name, i) => [name, i]));
  const find = finderIn(map);
  for (let round = 0; round < 3; round++) {
    NAMES.forEach((name, i) => assertEquals(find(name), i));
    for (const name of ["", "nobody", "user", "user5000", "User1"]) assertEquals(find(name), null);
  }
});

Deno.test("memberOf: the last member that was asked for hides no other", () => {
  const isMember = memberOf(new Set(["a.example", "b.example"]));
  const asked = ["a.example", "a.example", "b.example", "c.example", "b.example", "", "a.example"];
  assertEquals(asked.map(isMember), [true, true, true, false, true, false, true]);
});
