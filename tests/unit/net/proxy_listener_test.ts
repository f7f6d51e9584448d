import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { Listener } from "../../../net/listener.ts";
import type { ListenerSetup, ProxyTerms } from "../../../net/listener_setup.ts";
import { socketEnds } from "../../../net/shutdown.ts";
import type { Duplex, Peer } from "../../../net/types.ts";
import { binaryHeader } from "./proxy_kit.ts";
import { Notebook, readAll, readUntil, send, toText, toyProtocol, toySetup } from "./toy.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
socketEnds(0);

const BEHIND: ProxyTerms = { isProxy: (ip) => ip === "127.0.0.1", seconds: 30 };
const LINE = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n";

function open(change: Partial<ListenerSetup> = {}) {
  const protocol = toyProtocol();
  const trace = new Notebook();
  const setup = toySetup(protocol, { trace, proxies: BEHIND, ...change });
  const listener = new Listener(setup);
  listener.start();
  return {
    listener,
    limits: setup.limits,
    toys: protocol.toys,
    trace,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }),
    async end() {
      await listener.stop(0.2);
      setup.wheel.close();
    },
  };
}

Deno.test("Listener: behind a proxy the session's client is the real one, for rules, limits and the trace too", async () => {
  const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 10, 1);
  const asked: string[] = [];
  const rules = (ip: string) => {
    asked.push(ip);
    return { RULE: ip };
  };
  const site = open({ limits, rules });
  const conn = await site.connect();
  await send(conn, LINE);
  assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
  const peer = site.toys[0]?.peer;
  assertEquals([peer?.remoteIp, peer?.remotePort], ["192.0.2.7", 56324]);
  assertEquals([peer?.localIp, peer?.localPort], ["198.51.100.1", 25]);
  assertEquals([peer?.env, asked], [{ RULE: "192.0.2.7" }, ["192.0.2.7"]]);
  assertEquals([limits.sessionsOf("192.0.2.7"), limits.sessionsOf("127.0.0.1")], [1, 0]);
  assertStringIncludes(site.trace.lines.join("\n"), "proxy 127.0.0.1 brings 192.0.2.7 port 56324");
  const second = await site.connect();
  await send(second, LINE);
  assertEquals(await readAll(second), "421 4.7.0 address\r\n");
  const third = await site.connect();
  await send(third, LINE.replace("2.7", "2.8"));
  assertEquals(await readUntil(third, "\n"), "220 toy\r\n");
  for (const one of [conn, second, third]) one.close();
  await site.end();
  assertEquals(limits.value("sessions_open"), 0);
});

Deno.test("Listener: a header may come byte by byte, and with the client's first lines behind it", async () => {
  const site = open();
  const slow = await site.connect();
  slow.setNoDelay(true);
  for (const c of LINE) await send(slow, c);
  assertEquals(await readUntil(slow, "\n"), "220 toy\r\n");
  const quick = await site.connect();
  await send(quick, `${LINE}A\r\n${"B".repeat(3000)}\r\nQUIT\r\n`);
  const said = await readAll(quick);
  assertEquals(said, `220 toy\r\n250 A\r\n250 ${"B".repeat(3000)}\r\n221 bye\r\n`);
  slow.close();
  quick.close();
  await site.end();
});

Deno.test("Listener: version 2; LOCAL is the proxy's own session", async () => {
  const site = open();
  const header = binaryHeader(0x21, 0x11, [192, 0, 2, 9, 198, 51, 100, 1, 1, 0, 0, 25]);
  for (const bytes of [header, binaryHeader(0x20, 0, [])]) {
    const conn = await site.connect();
    await send(conn, `${toText(bytes)}QUIT\r\n`);
    assertEquals(await readAll(conn), "220 toy\r\n221 bye\r\n");
    conn.close();
  }
  assertEquals(site.toys.map(({ peer }) => peer.remoteIp), ["192.0.2.9", "127.0.0.1"]);
  await site.end();
});

Deno.test("Listener: a proxy without a header, or with a wrong one, is closed without a word and traced", async () => {
  const site = open();
  const conn = await site.connect();
  await send(conn, "EHLO proxy.example\r\n");
  assertEquals((await readAll(conn)).startsWith("220"), false);
  conn.close();
  const gone = await site.connect();
  await send(gone, "PROXY TCP4 ");
  await gone.closeWrite();
  assertEquals(await readAll(gone), "");
  gone.close();
  await site.end();
  assertEquals(site.toys.length, 0);
  const lines = site.trace.lines.join("\n");
  assertStringIncludes(lines, "refused 127.0.0.1: it does not begin with a PROXY header");
  assertStringIncludes(lines, "refused 127.0.0.1: the proxy went before its PROXY header");
  assertEquals(site.limits.value("sessions_open"), 0);
});

Deno.test("Listener: a header that does not come in time ends the connection", async () => {
  const site = open({ proxies: { ...BEHIND, seconds: 0.01 } });
  const conn = await site.connect();
  await send(conn, "PROXY TCP4 192.0.2.7");
  assertEquals(await readAll(conn), "");
  conn.close();
  await site.end();
  assertStringIncludes(
    site.trace.lines.join("\n"),
    "refused 127.0.0.1: no PROXY header in 0.01 s",
  );
});

Deno.test("Listener: who is no proxy may not say who he is", async () => {
  const site = open({ proxies: { isProxy: () => false, seconds: 1 } });
  const conn = await site.connect();
  await send(conn, `${LINE}QUIT\r\n`);
  assertEquals(await readAll(conn), `220 toy\r\n250 ${LINE.trimEnd()}\r\n221 bye\r\n`);
  assertEquals(site.toys[0]?.peer.remoteIp, "127.0.0.1");
  conn.close();
  await site.end();
});

Deno.test("Listener.stop: connections whose header never came are closed at once", async () => {
  const site = open();
  const conn = await site.connect();
  await send(conn, "PROXY");
  // A session that is served tells that the connection before it was taken.
  const other = await site.connect();
  await send(other, LINE);
  await readUntil(other, "\n");
  await site.end();
  assertEquals(await readAll(conn), "");
  conn.close();
  other.close();
});

Deno.test("Listener: connections without a header are no more than max_sessions", async () => {
  const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 1, 1);
  const site = open({ limits });
  const first = await site.connect();
  const second = await site.connect();
  assertEquals(await readAll(second), "421 4.7.0 sessions\r\n");
  await send(first, LINE);
  assertEquals(await readUntil(first, "\n"), "220 toy\r\n");
  first.close();
  second.close();
  await site.end();
});

Deno.test("Listener: a header stands before TLS where sessions begin with it", async () => {
  const seen: string[] = [];
  const upgrade = async (conn: Duplex, peer: Peer) => {
    const buffer = new Uint8Array(5);
    await conn.read(buffer);
    seen.push(toText(buffer), peer.remoteIp);
    const info = { version: "TLSv1.3", cipher: "toy", sni: null, clientSubject: null };
    return { conn, info };
  };
  const site = open({ upgrade, implicitTls: true });
  const conn = await site.connect();
  await send(conn, `${LINE}HELLOQUIT\r\n`);
  assertEquals(await readAll(conn), "220 toy\r\n221 bye\r\n");
  assertEquals(seen, ["HELLO", "192.0.2.7"]);
  conn.close();
  await site.end();
});

Deno.test("Listener: max_sessions_per_network N are served, N+1 gets the protocol's refusal", async () => {
  const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 10, 10);
  limits.maxPerNetwork = 2;
  const site = open({ limits });
  const conns: Deno.Conn[] = [];
  for (const last of ["7", "8"]) {
    const conn = await site.connect();
    await send(conn, LINE.replace("2.7", `2.${last}`));
    assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
    conns.push(conn);
  }
  const third = await site.connect();
  await send(third, LINE.replace("2.7", "2.9"));
  assertEquals(await readAll(third), "421 4.7.0 network\r\n");
  const elsewhere = await site.connect();
  await send(elsewhere, LINE.replace("2.7", "3.7"));
  assertEquals(await readUntil(elsewhere, "\n"), "220 toy\r\n");
  for (const conn of [...conns, third, elsewhere]) conn.close();
  await site.end();
  assertStringIncludes(
    site.trace.lines.join("\n"),
    "refused 192.0.2.9: too many sessions of this network",
  );
});
