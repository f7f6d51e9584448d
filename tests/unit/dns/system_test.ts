import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { withDeadline } from "../../../dns/deadline.ts";
import { createSystemResolver, DnsConfigError } from "../../../dns/system.ts";
import { recordsOf, type Resolver } from "../../../dns/types.ts";
import { ZoneFileError } from "../../../dns/zone_file.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { a, reply, startNameServer } from "./kit.ts";

async function inTempDir(work: (dir: string) => Promise<void>) {
  const dir = Deno.makeTempDirSync();
  try {
    await work(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const addressOf = async (resolver: Resolver, name: string) =>
  recordsOf(await resolver.query(name, "A"), "A")[0]?.address;

Deno.test("createSystemResolver: dns_file answers, is read again, and stays when it breaks", async () => {
  await inTempDir(async (dir) => {
    const file = `${dir}/dns`;
    let now = 0;
    const tracer = createMemoryTracer();
    Deno.writeTextFileSync(file, "a.org A 192.0.2.1\n");
    const settings = { ...defaultSettings(), dns_file: file };
    const resolver = createSystemResolver(settings, tracer, () => now);
    assertEquals(await addressOf(resolver, "a.org"), "192.0.2.1");
    Deno.writeTextFileSync(file, "a.org A 192.0.2.22\n");
    now = 4999;
    assertEquals(await addressOf(resolver, "a.org"), "192.0.2.1");
    now = 5000;
    assertEquals(await addressOf(resolver, "a.org"), "192.0.2.22");
    Deno.writeTextFileSync(file, "a.org A what\n");
    now = 10_000;
    assertEquals(await addressOf(resolver, "a.org"), "192.0.2.22");
    assertStringIncludes(tracer.lines().join("\n"), `${file} can't be used, what was known before`);
  });
});

Deno.test("createSystemResolver: dns_servers are asked, resolv.conf's options hold", async () => {
  const server = startNameServer((q) => reply(q, { answers: [a(q.name, 60, "192.0.2.5")] }));
  try {
    const tracer = createMemoryTracer();
    const word = `127.0.0.1:${server.server.port}`;
    const settings = { ...defaultSettings(), dns_servers: [word], dns_resolv_conf: "/nowhere" };
    const resolver = createSystemResolver(settings, tracer);
    assertEquals(await addressOf(resolver, "a.org"), "192.0.2.5");
    assertEquals(tracer.lines()[0], `(1) dns: name servers ${word} from dns_servers`);
  } finally {
    await server.close();
  }
});

Deno.test("createSystemResolver: a changed resolv.conf is told and used", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/resolv.conf`;
    let now = 0;
    const tracer = createMemoryTracer(1);
    Deno.writeTextFileSync(path, "nameserver 192.0.2.53\n");
    const settings = { ...defaultSettings(), dns_resolv_conf: path, dns_timeout_seconds: 1 };
    const resolver = createSystemResolver(settings, tracer, () => now);
    Deno.writeTextFileSync(path, "nameserver 127.0.0.1\noptions use-vc attempts:1 # changed\n");
    now = 5000;
    await resolver.query("a.org", "A", { timeoutMs: 1 });
    assertEquals(tracer.lines().slice(0, 2), [
      `(1) dns: name servers 192.0.2.53 from ${path}`,
      `(1) dns: name servers 127.0.0.1 from ${path}`,
    ]);
    await resolver.query("a.org", "A");
  });
});

Deno.test("createSystemResolver: what can't be used is said in a sentence", () => {
  const make = (changed: Record<string, unknown>) => () =>
    createSystemResolver({ ...defaultSettings(), ...changed }, NO_TRACE);
  assertThrows(
    make({ dns_servers: ["ns.org"] }),
    DnsConfigError,
    'dns_servers: "ns.org" is not IP',
  );
  assertThrows(make({ dns_file: "/nowhere" }), DnsConfigError, "/nowhere can't be read");
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, "oops\n");
  assertThrows(make({ dns_file: file }), ZoneFileError, `${file} line 1`);
  Deno.removeSync(file);
});

Deno.test("withDeadline: hands on what is left of the time, then everything is temporary", async () => {
  let now = 0;
  const given: unknown[] = [];
  const inner: Resolver = {
    query(_name, _type, options) {
      given.push(options);
      return Promise.resolve({ status: "ok", rcode: 0, records: [], ttlSeconds: 1, problem: "" });
    },
  };
  const resolver = withDeadline(inner, 20_000, 7, () => now);
  now = 5000;
  assertEquals((await resolver.query("a.org", "A")).status, "ok");
  assertEquals(given, [{ timeoutMs: 15_000, session: 7 }]);
  now = 20_000;
  const late = await resolver.query("a.org", "A");
  assertEquals([late.status, late.problem], [
    "temporary",
    "The time for DNS questions (20 s) is over",
  ]);
  assertEquals(given.length, 1);
});
