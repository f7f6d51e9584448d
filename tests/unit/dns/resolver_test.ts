import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { createStubResolver } from "../../../dns/resolver.ts";
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
import { addressOf, silence, withServers } from "./resolver_kit.ts";

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
