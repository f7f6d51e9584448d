/** What one session remembers of the DNS. */
import { assertEquals } from "@std/assert";
import { emptyAnswer, type Resolver } from "../../../dns/types.ts";
import { createGatherer } from "../../../policy/gather.ts";

const resolver: Resolver = {
  query: () => Promise.resolve(emptyAnswer("nxdomain", null, 60, "")),
};

Deno.test("createGatherer: a client that names ever new domains fills no memory; the last ones are known", async () => {
  const gatherer = createGatherer({
    resolver,
    greylist: null,
    isDeadZone: () => false,
    session: 1,
  });
  const nameOf = (i: number) => `d${i}.example`;
  for (let i = 0; i < 2000; i++) {
    await gatherer.gather([{ kind: "dns", name: nameOf(i), type: "A" }], gatherer.known());
  }
  const { dns } = gatherer.known();
  const known = Array.from({ length: 2000 }, (_, i) => dns(nameOf(i), "A") !== undefined);
  assertEquals([known.filter((is) => is).length, known[0], known[1999]], [500, false, true]);
});
