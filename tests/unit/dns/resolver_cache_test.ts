import { assertEquals } from "@std/assert";
import { a, type Answering, reply, soa } from "./kit.ts";
import { addressOf, withServers } from "./resolver_kit.ts";

Deno.test("StubResolver.query: an answer lives as long as its TTL, also a negative one", async () => {
  let now = 0;
  const answering: Answering = (q) =>
    q.name === "example.org"
      ? reply(q, { answers: [a(q.name, 10, "192.0.2.1")] })
      : reply(q, { rcode: 3, authorities: [soa("org", 100, 5)] });
  await withServers({ answers: [answering], clock: () => now }, async (resolver, [server]) => {
    const names = ["example.org", "none.org"];
    const ask = async () => {
      for (const name of names) await resolver.query(name, "A");
      return server?.asked.map((q) => q.name).splice(0);
    };
    assertEquals((await ask())?.length, 2);
    now = 4999;
    assertEquals((await ask())?.length, 2);
    assertEquals((await resolver.query("example.org", "A")).ttlSeconds, 6);
    now = 5000;
    assertEquals((await ask())?.slice(2), ["none.org"]);
    now = 10_000;
    assertEquals((await ask())?.slice(3), ["example.org", "none.org"]);
  });
});

Deno.test("StubResolver.query: TTL 0 and a denial without SOA are not kept", async () => {
  const answering: Answering = (q) =>
    q.name === "zero.org"
      ? reply(q, { answers: [a(q.name, 0, "192.0.2.1")] })
      : reply(q, { rcode: 3 });
  await withServers({ answers: [answering] }, async (resolver, [server]) => {
    for (const name of ["zero.org", "zero.org", "none.org", "none.org"]) {
      await resolver.query(name, "A");
    }
    assertEquals(server?.asked.length, 4);
    assertEquals(resolver.cached, 0);
  });
});

Deno.test("StubResolver.query: the cache holds no more than it may, the newest stay", async () => {
  await withServers(
    { answers: [addressOf("192.0.2.1")], cacheEntries: 3 },
    async (resolver, [s]) => {
      for (let i = 0; i < 5; i++) await resolver.query(`n${i}.org`, "A");
      assertEquals(resolver.cached, 3);
      await resolver.query("n4.org", "A");
      assertEquals(s?.asked.length, 5);
      await resolver.query("n0.org", "A");
      assertEquals(s?.asked.length, 6);
    },
  );
});

Deno.test("StubResolver.query: the same question on its way is shared, places are bounded", async () => {
  const options = { answers: [addressOf("192.0.2.1")], maxQueries: 2, cacheEntries: 0 };
  await withServers(options, async (resolver, [server]) => {
    const same = await Promise.all([1, 2, 3].map(() => resolver.query("one.org", "A")));
    assertEquals(same.map((s) => s.status), ["ok", "ok", "ok"]);
    assertEquals(server?.asked.length, 1);
    let most = 0;
    const many = Array.from({ length: 30 }, (_, i) => {
      const answer = resolver.query(`n${i}.org`, "A");
      most = Math.max(most, resolver.outstanding);
      return answer;
    });
    const statuses = (await Promise.all(many)).map((m) => m.status);
    assertEquals(most, 2);
    assertEquals(statuses.filter((s) => s === "ok").length, 22, "2 on the way and 20 waiting");
    assertEquals(statuses.filter((s) => s === "temporary").length, 8);
    assertEquals(resolver.outstanding, 0);
  });
});
