import { assertEquals } from "@std/assert";
import { keepBriefly } from "../../../validate/briefly.ts";
import type { System } from "../../../validate/system.ts";

/** A system whose every stat fails with the number of the call. */
function counting(): { calls: System; asked: () => number } {
  let asked = 0;
  return {
    calls: {
      stat: () => `E${++asked}`,
      readLink: () => "ENOENT",
      read: () => "ENOENT",
      mayRead: () => "ENOENT",
    },
    asked: () => asked,
  };
}

Deno.test("keepBriefly: a name is asked for once until the time is over", () => {
  const { calls, asked } = counting();
  const brief = keepBriefly(calls, 60_000);
  brief.begin();
  assertEquals(brief.stat("/a", true), "E1");
  brief.begin();
  assertEquals(brief.stat("/a", true), "E1");
  assertEquals(brief.stat("/a", false), "E2");
  assertEquals(brief.stat("/b", true), "E3");
  assertEquals(asked(), 3);
});

Deno.test("keepBriefly: nothing outlives its time", () => {
  const { calls } = counting();
  const brief = keepBriefly(calls, 1e-6);
  brief.begin();
  assertEquals(brief.stat("/a", true), "E1");
  brief.begin();
  assertEquals(brief.stat("/a", true), "E2");
});

Deno.test("keepBriefly: 0 milliseconds keep nothing at all", () => {
  const { calls } = counting();
  const brief = keepBriefly(calls, 0);
  brief.begin();
  assertEquals(brief.stat("/a", true), "E1");
  assertEquals(brief.stat("/a", true), "E2");
});

Deno.test("keepBriefly: strangers' names don't fill the memory", () => {
  const { calls, asked } = counting();
  const brief = keepBriefly(calls, 60_000);
  for (let i = 0; i < 10_000; i++) brief.stat(`/${i}`, false);
  brief.begin();
  brief.stat("/0", false);
  assertEquals(asked(), 10_001);
});
