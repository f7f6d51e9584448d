import { assert, assertEquals, assertMatch } from "@std/assert";
import { escapeHost, openNames } from "../../../queue/maildir_name.ts";

Deno.test("openNames: names of one second sort in the order in which they were made", () => {
  const at = { now: 1_234_005 };
  const name = openNames({ host: "mx", pid: 12, worker: 0, now: () => at.now });
  const made = [5, 90, 101, 999].map((ms) => {
    at.now = 1_234_000 + ms;
    return name();
  });
  assertEquals(made.toSorted(), made);
});

Deno.test("openNames: at most 70 characters from ! to ~, whatever the host, pid and size", () => {
  for (const host of ["mx.example.com", "h".repeat(300), "a/b:c", "h\xf6st", ""]) {
    for (const bytes of [undefined, 1, 99_999_999_999]) {
      const sizes = bytes === undefined ? undefined : { bytes, wireBytes: bytes };
      const name = openNames({ host, pid: 4194304, worker: 64, now: () => 9_999_999_999_999 });
      for (let i = 0; i < 1000; i++) name();
      assertMatch(name(sizes), /^[\x21-\x39\x3b-\x7e]{1,70}$/);
      assert(!name(sizes).includes("/"));
    }
  }
});

Deno.test("openNames: names differ although the clock stands still or goes back", () => {
  let now = 5000;
  const name = openNames({ host: "h", pid: 1, worker: 0, now: () => now-- });
  assertEquals(new Set(Array.from({ length: 3000 }, () => name())).size, 3000);
});

Deno.test("openNames: seconds first, sizes last", () => {
  const name = openNames({ host: "mx.example.com", pid: 12, worker: 3, now: () => 1234567 });
  assertMatch(
    name({ bytes: 99, wireBytes: 102 }),
    /^1234\.M567000P12R[0-9a-f]{1,4}Q1_3\.mx\.example\.com,S=99,W=102$/,
  );
});

Deno.test("escapeHost: slash, colon and comma as the Maildir convention says", () => {
  assertEquals(escapeHost("a/b:c,d"), "a\\057b\\072c\\054d");
});
