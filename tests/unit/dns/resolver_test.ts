import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { createStubResolver, type StubResolver } from "../../../dns/resolver.ts";
import { recordsOf } from "../../../dns/types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import {
  a,
  type Answering,
  cname,
  type NameServer,
  reply,
  soa,
  startNameServer,
  txt,
} from "./kit.ts";

interface Options {
  readonly answers: readonly Answering[];
  readonly attempts?: number;
  readonly timeoutSeconds?: number;
  readonly limitMs?: number;
  readonly cacheEntries?: number;
  readonly maxQueries?: number;
  readonly rotate?: boolean;
  readonly clock?: () => number;
  readonly tracer?: ReturnType<typeof createMemoryTracer>;
}

/** A resolver over name servers that answer so. */
async function withServers(
  options: Options,
  work: (resolver: StubResolver, servers: readonly NameServer[]) => Promise<void>,
) {
  const servers = options.answers.map(startNameServer);
  const conf = {
    servers: servers.map((s) => s.server),
    timeoutSeconds: options.timeoutSeconds ?? 5,
    attempts: options.attempts ?? 1,
    rotate: options.rotate ?? false,
    tcp: false,
  };
  const resolver = createStubResolver({
    conf: () => conf,
    limitMs: options.limitMs ?? 5000,
    maxQueries: options.maxQueries ?? 50,
    cacheEntries: options.cacheEntries ?? 100,
    tracer: options.tracer ?? NO_TRACE,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  try {
    await work(resolver, servers);
  } finally {
    for (const server of servers) await server.close();
  }
}

const addressOf = (ip: string): Answering => (q) => reply(q, { answers: [a(q.name, 300, ip)] });
const silence: Answering = () => null;

Deno.test("StubResolver.query: records with their TTL, status ok; EDNS0 is offered", async () => {
  await withServers({ answers: [addressOf("192.0.2.1")] }, async (resolver, [server]) => {
    const answer = await resolver.query("Mail.Example.ORG.", "A");
    assertEquals(answer, {
      status: "ok",
      rcode: 0,
      records: [{ type: "A", name: "mail.example.org", ttlSeconds: 300, address: "192.0.2.1" }],
      ttlSeconds: 300,
      problem: "",
    });
    assertEquals(server?.asked.map((q) => [q.name, q.edns, q.via]), [[
      "mail.example.org",
      true,
      "udp",
    ]]);
  });
});

Deno.test("StubResolver.query: NXDOMAIN, NODATA, SERVFAIL and REFUSED are told apart", async () => {
  const answering: Answering = (q) => {
    const authorities = [soa("example.org", 60, 30)];
    if (q.name === "no.example.org") return reply(q, { rcode: 3, authorities });
    if (q.name === "empty.example.org") return reply(q, { authorities });
    return reply(q, { rcode: q.name === "broken.example.org" ? 2 : 5 });
  };
  await withServers({ answers: [answering], attempts: 3 }, async (resolver, [server]) => {
    const of = async (name: string) => {
      const { status, rcode, ttlSeconds } = await resolver.query(`${name}.example.org`, "A");
      return [status, rcode, ttlSeconds];
    };
    assertEquals(await of("no"), ["nxdomain", 3, 30]);
    assertEquals(await of("empty"), ["nodata", 0, 30]);
    assertEquals(await of("broken"), ["temporary", 2, 5]);
    assertEquals(await of("refused"), ["temporary", 5, 5]);
    assertEquals(server?.asked.length, 4, "a server that failed is not asked again in a query");
  });
});

Deno.test("StubResolver.query: a failure's problem names server and rcode", async () => {
  await withServers({ answers: [(q) => reply(q, { rcode: 2 })] }, async (resolver, [server]) => {
    const { problem } = await resolver.query("example.org", "MX");
    assertEquals(problem, `Name server 127.0.0.1:${server?.server.port} answered SERVFAIL`);
  });
});

Deno.test("StubResolver.query: a truncated answer is asked for again over TCP", async () => {
  const long = Array.from({ length: 40 }, (_, i) => `${"x".repeat(200)}${i}`);
  const answering: Answering = (q) =>
    q.via === "udp"
      ? reply(q, { truncated: true, answers: [txt(q.name, 60, "part")] })
      : reply(q, { answers: [txt(q.name, 60, ...long)] });
  await withServers({ answers: [answering] }, async (resolver, [server]) => {
    const answer = await resolver.query("example.org", "TXT");
    assertEquals(recordsOf(answer, "TXT")[0]?.texts, long);
    assertEquals(server?.asked.map((q) => q.via), ["udp", "tcp"]);
  });
});

Deno.test("StubResolver.query: after silence the next server is asked, and the silent one last", async () => {
  const tracer = createMemoryTracer();
  const options = { answers: [silence, addressOf("192.0.2.2")], limitMs: 2000, tracer };
  await withServers({ ...options, timeoutSeconds: 1 }, async (resolver, servers) => {
    assertEquals((await resolver.query("one.example.org", "A")).status, "ok");
    assertEquals((await resolver.query("two.example.org", "A")).status, "ok");
    assertEquals(servers.map((s) => s.asked.length), [1, 2]);
    const silent = tracer.events.filter((e) => e.id === "dns.server.silent");
    assertEquals(silent.length, 1);
    assertStringIncludes(silent[0]?.text ?? "", "no answer within 1 s; it is asked last for 30 s");
  });
});

Deno.test("StubResolver.query: after SERVFAIL the next server is asked", async () => {
  const broken: Answering = (q) => reply(q, { rcode: 2 });
  await withServers({ answers: [broken, addressOf("192.0.2.2")] }, async (resolver, servers) => {
    assertEquals((await resolver.query("example.org", "A")).status, "ok");
    assertEquals(servers.map((s) => s.asked.length), [1, 1]);
  });
});

Deno.test("StubResolver.query: rotate begins each question with another server", async () => {
  const answers = [addressOf("192.0.2.1"), addressOf("192.0.2.2")];
  await withServers({ answers, rotate: true }, async (resolver, servers) => {
    for (const name of ["a.example", "b.example", "c.example", "d.example"]) {
      await resolver.query(name, "A");
    }
    assertEquals(servers.map((s) => s.asked.length), [2, 2]);
  });
});

Deno.test("StubResolver.query: wrong id, name, type or no response bit are passed over", async () => {
  const answering: Answering = (q) => {
    const evil = [a(q.name, 300, "203.0.113.66")];
    return [
      reply(q, { id: q.id ^ 1, answers: evil }),
      reply(q, { name: "other.example.org", answers: evil }),
      reply(q, { type: 28, answers: evil }),
      reply(q, { flags: 0x0100, answers: evil }),
      new Uint8Array([1, 2, 3]),
      reply(q, { name: q.name.toUpperCase(), answers: [a(q.name, 300, "192.0.2.1")] }),
    ];
  };
  await withServers({ answers: [answering] }, async (resolver) => {
    const answer = await resolver.query("example.org", "A");
    assertEquals(recordsOf(answer, "A").map((r) => r.address), ["192.0.2.1"]);
  });
});

Deno.test("StubResolver.query: an answer from another port is passed over", async () => {
  let server: NameServer | undefined;
  const answering: Answering = (q) => {
    const first = server?.asked.length === 1;
    if (!first) return reply(q, { answers: [a(q.name, 300, "192.0.2.1")] });
    server?.forge(reply(q, { answers: [a(q.name, 300, "203.0.113.66")] }), q.port);
    return null;
  };
  const options = { answers: [answering], attempts: 2, limitMs: 3000, timeoutSeconds: 1 };
  await withServers(options, async (resolver, servers) => {
    server = servers[0];
    const answer = await resolver.query("example.org", "A");
    assertEquals(recordsOf(answer, "A").map((r) => r.address), ["192.0.2.1"]);
    assertEquals(server?.asked.length, 2);
  });
});

Deno.test("StubResolver.query: a flood of guesses drives the question to TCP", async () => {
  const answering: Answering = (q) =>
    q.via === "tcp"
      ? reply(q, { answers: [a(q.name, 300, "192.0.2.1")] })
      : Array.from({ length: 20 }, (_, i) => reply(q, { id: q.id ^ (i + 1) }));
  await withServers({ answers: [answering] }, async (resolver, [server]) => {
    assertEquals((await resolver.query("example.org", "A")).status, "ok");
    assertEquals(server?.asked.map((q) => q.via), ["udp", "tcp"]);
  });
});

Deno.test("StubResolver.query: fresh ids and source ports", async () => {
  await withServers({ answers: [addressOf("192.0.2.1")] }, async (resolver, [server]) => {
    for (let i = 0; i < 8; i++) await resolver.query(`n${i}.example.org`, "A");
    assert(new Set(server?.asked.map((q) => q.id)).size > 6);
    assert(new Set(server?.asked.map((q) => q.port)).size > 4);
  });
});

Deno.test("StubResolver.query: a server without EDNS0 is asked again without it", async () => {
  const answering: Answering = (q) =>
    q.edns ? reply(q, { rcode: 1 }) : reply(q, { answers: [a(q.name, 300, "192.0.2.1")] });
  await withServers({ answers: [answering] }, async (resolver, [server]) => {
    assertEquals((await resolver.query("example.org", "A")).status, "ok");
    assertEquals(server?.asked.map((q) => q.edns), [true, false]);
  });
});

Deno.test("StubResolver.query: aliases in the answer are followed, the shortest TTL counts", async () => {
  const answering: Answering = (q) =>
    reply(q, {
      answers: [
        a("c.example.net", 200, "192.0.2.9"),
        cname("a.example.org", 300, "B.example.org"),
        cname("b.example.org", 100, "c.example.net"),
        a("other.example.org", 300, "203.0.113.66"),
      ],
    });
  await withServers({ answers: [answering] }, async (resolver) => {
    const answer = await resolver.query("a.example.org", "A");
    assertEquals(recordsOf(answer, "A").map((r) => r.address), ["192.0.2.9"]);
    assertEquals(answer.ttlSeconds, 100);
  });
});

Deno.test("StubResolver.query: an alias that the server left open is asked for; a circle ends", async () => {
  const answering: Answering = (q) => {
    if (q.name === "a.example.org") return reply(q, { answers: [cname(q.name, 300, "b.example")] });
    if (q.name === "b.example") return reply(q, { answers: [a(q.name, 50, "192.0.2.3")] });
    const next = q.name === "x.example" ? "y.example" : "x.example";
    return reply(q, { answers: [cname(q.name, 300, next)] });
  };
  await withServers({ answers: [answering] }, async (resolver) => {
    const answer = await resolver.query("a.example.org", "A");
    assertEquals([answer.status, answer.ttlSeconds], ["ok", 50]);
    assertEquals((await resolver.query("x.example", "A")).status, "temporary");
  });
});

Deno.test("StubResolver.query: a referral of a server without recursion is no answer", async () => {
  const answering: Answering = (q) => reply(q, { flags: 0x8100, authorities: [ns("org")] });
  await withServers({ answers: [answering] }, async (resolver) => {
    const answer = await resolver.query("example.org", "MX");
    assertEquals(answer.status, "temporary");
    assertStringIncludes(answer.problem, "no recursion");
  });
});

function ns(zone: string): number[] {
  const host = [1, 97, 0];
  return [...[...zone].reduce((b, c) => [...b, c.charCodeAt(0)], [zone.length]), 0]
    .concat([0, 2, 0, 1, 0, 0, 0, 60, 0, host.length, ...host]);
}

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

Deno.test("StubResolver.query: a caller's own limit ends his wait, not the question", async () => {
  let release: () => void = () => {};
  let now = 0;
  await withServers({ answers: [silence], limitMs: 1000, clock: () => now }, async (resolver) => {
    const long = resolver.query("example.org", "A").then((answer) => {
      release();
      return answer;
    });
    const released = new Promise<void>((resolve) => release = resolve);
    const short = await resolver.query("example.org", "A", { timeoutMs: 1 });
    assertEquals(short.status, "temporary");
    assertStringIncludes(short.problem, "The DNS gave no answer within 0.1 s");
    assertEquals(resolver.outstanding, 1);
    now = 2000;
    await released;
    assertEquals((await long).status, "temporary");
  });
});

Deno.test("StubResolver.query: a closed port ends in temporary, never in a rejection", async () => {
  const server = startNameServer(silence);
  await server.close();
  const conf = {
    servers: [server.server],
    timeoutSeconds: 1,
    attempts: 1,
    rotate: false,
    tcp: true,
  };
  const resolver = createStubResolver({
    conf: () => conf,
    limitMs: 1000,
    maxQueries: 1,
    cacheEntries: 0,
    tracer: NO_TRACE,
  });
  const answer = await resolver.query("example.org", "A");
  assertEquals([answer.status, answer.rcode], ["temporary", null]);
  assertNotEquals(answer.problem, "");
});

Deno.test("StubResolver.query: a name that can't be is nxdomain, and nobody is asked", async () => {
  await withServers({ answers: [silence] }, async (resolver, [server]) => {
    for (
      const name of [
        "a..org",
        `${"x".repeat(64)}.org`,
        "\u20ac.org",
        "org..",
        `${"x.".repeat(128)}`,
      ]
    ) {
      assertEquals((await resolver.query(name, "A")).status, "nxdomain", name);
    }
    assertEquals(server?.asked.length, 0);
  });
});

Deno.test("StubResolver.query: trace lines tell question, status, time and problem", async () => {
  const tracer = createMemoryTracer();
  await withServers(
    { answers: [addressOf("192.0.2.1")], tracer, clock: () => 0 },
    async (resolver) => {
      await resolver.query("example.org", "A", { session: 7 });
      await resolver.query("example.org", "A", { session: 8 });
      assertEquals(tracer.lines(), [
        "(3) dns: A example.org: 1 records for 300 s, 0 ms",
        "(4) dns: A example.org: ok, known",
      ]);
      assertEquals(tracer.events.map((e) => e.session), [7, 8]);
    },
  );
});
