import { assertEquals } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { Health } from "../../../policy/dnsbl_health.ts";
import { readDnsblList } from "../../../policy/dnsbl_lists.ts";
import { ListWatch, testLists } from "../../../policy/dnsbl_watch.ts";

const ZONE = `
2.0.0.127.bl.example A 127.0.0.2
2.0.0.127.wild.example A 127.0.0.2
1.0.0.127.wild.example A 127.0.0.2
2.0.0.127.slow.example TIMEOUT
`;

function open(words: readonly string[]) {
  const found = new Map<string, string>();
  return {
    found,
    state: { takeHealth: (zone: string, health: Health) => void found.set(zone, health.kind) },
    watched: {
      lists: words.map(readDnsblList),
      seconds: 3600,
      resolver: createFileResolver(ZONE, "zone"),
    },
  };
}

Deno.test("testLists: alive, dead and undecided, all lists at once", async () => {
  const words = ["bl.example", "wild.example*-1", "slow.example", "gone.example"];
  const { found, state, watched } = open(words);
  await testLists(watched, state);
  assertEquals(Object.fromEntries(found), {
    "bl.example": "alive",
    "wild.example": "dead",
    "slow.example": "undecided",
    "gone.example": "dead",
  });
});

Deno.test("ListWatch: tests at once when the settings change, and leaves no timer without lists", async () => {
  const { found, state, watched } = open(["bl.example"]);
  const watch = new ListWatch(state);
  watch.use({ ...watched, lists: [] });
  assertEquals(found.size, 0);
  watch.use(watched);
  await watch.idle;
  assertEquals(found.get("bl.example"), "alive");
  watch.use({ ...watched, lists: [] });
});
