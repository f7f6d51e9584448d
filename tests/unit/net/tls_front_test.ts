import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readAll, readUntil, send } from "./toy.ts";
import {
  countSockets,
  HAS_OPENSSL,
  makeCertificate,
  openTlsSite,
  sClient,
  type TlsSite,
  type TlsSiteOptions,
  until,
} from "./tls_kit.ts";

function tlsTest(
  name: string,
  options: TlsSiteOptions,
  body: (site: TlsSite) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !HAS_OPENSSL,
    async fn() {
      const before = countSockets();
      const site = openTlsSite(options);
      const idle = countSockets();
      await body(site);
      await until(() => countSockets() <= idle);
      await site.end();
      await until(() => countSockets() <= before);
    },
  });
}

const connect = (site: TlsSite, hostname = "localhost"): Promise<Deno.TlsConn> =>
  Deno.connectTls({ hostname, port: site.port, caCerts: site.caCerts });

const connectClear = (site: TlsSite): Promise<Deno.TcpConn> =>
  Deno.connect({ hostname: "127.0.0.1", port: site.port });

/** The name on the certificate that s_client was shown. */
const shown = (output: string): string => /subject=.*?CN ?= ?([^\n,]+)/.exec(output)?.[1] ?? "none";

tlsTest(
  "TlsFront: a session that begins with TLS, and what the engine is told",
  {},
  async (site) => {
    const conn = await connect(site);
    assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
    await send(conn, "A\r\nQUIT\r\n");
    assertEquals(await readAll(conn), "250 A\r\n221 bye\r\n");
    conn.close();
    const [toy] = site.protocol.toys;
    assertEquals(toy?.secure?.version, "TLSv1.3");
    assert(toy?.secure?.cipher.startsWith("TLS_"));
    assertEquals([toy?.secure?.sni, toy?.peer.remoteIp], ["localhost", "127.0.0.1"]);
  },
);

for (const [option, version] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
  tlsTest(
    `TlsFront: version and cipher are those of openssl s_client ${option}`,
    {},
    async (site) => {
      const output = await sClient(site.port, "QUIT\r\n", option);
      assertStringIncludes(output, "221 bye");
      const info = site.protocol.toys[0]?.secure;
      assertEquals(info?.version, version);
      assertStringIncludes(output, `Cipher is ${info?.cipher}`);
      assertEquals(info?.sni, null);
    },
  );
}

for (
  const [args, want] of [
    [["-servername", "b.example"], "b.example"],
    [["-servername", "B.EXAMPLE"], "b.example"],
    [["-servername", "mail.c.example"], "*.c.example"],
    [["-servername", "unknown.example"], "localhost"],
    [["-noservername"], "localhost"],
  ] as const
) {
  const sni = ["b.example", "*.c.example"];
  tlsTest(
    `TlsFront: ${args.join(" ")} is shown the certificate of ${want}`,
    { sni },
    async (site) => {
      assertEquals(shown(await sClient(site.port, "QUIT\r\n", ...args)), want);
    },
  );
}

tlsTest(
  "TlsFront: STARTTLS, with the dialogue going on encrypted",
  { implicitTls: false },
  async (site) => {
    const clear = await connectClear(site);
    await readUntil(clear, "\n");
    await send(clear, "TLS\r\n");
    assertEquals(await readUntil(clear, "\n"), "220 go\r\n");
    const conn = await Deno.startTls(clear, { hostname: "a.example", caCerts: site.caCerts });
    await send(conn, "BIG 1000000\r\n");
    const answer = await readUntil(conn, "250 big\r\n");
    assertEquals(answer.length, 1_000_000 + "\r\n250 big\r\n".length);
    await send(conn, "QUIT\r\n");
    await readAll(conn);
    conn.close();
    assertEquals(site.protocol.toys[0]?.secure?.sni, "a.example");
  },
);

tlsTest(
  "TlsFront: clear text after STARTTLS never reaches the engine",
  { implicitTls: false },
  async (site) => {
    const clear = await connectClear(site);
    await readUntil(clear, "\n");
    await send(clear, "TLS\r\n");
    await readUntil(clear, "\n");
    await send(clear, "INJECTED\r\n");
    await readAll(clear);
    clear.close();
    assertEquals(site.protocol.toys[0]?.lines, ["TLS"]);
    assertEquals(site.protocol.toys[0]?.ended, "io_error");
    assertStringIncludes(site.trace.lines.join("\n"), "the client does not speak TLS");
  },
);

tlsTest(
  "TlsFront: a client that pipelines 100 commands gets 550, 421 and a close_notify",
  {},
  async (site) => {
    const conn = await connect(site);
    await send(conn, "RCPT x\r\n".repeat(100));
    assertEquals(await readAll(conn), "220 toy\r\n550 5.1.1 no such user\r\n421 4.7.0 closing\r\n");
    conn.close();
  },
);

tlsTest(
  "TlsFront: a client that does not accept the certificate costs nothing that stays",
  {},
  async (site) => {
    const conn = await Deno.connectTls({ hostname: "localhost", port: site.port });
    const failure = await conn.handshake().then(() => "", (error) => String(error));
    assertStringIncludes(failure, "invalid peer certificate");
    conn.close();
    await until(() => site.trace.ids.includes("net.tls.failed"));
    assertEquals(site.protocol.toys.length, 0);
  },
);

tlsTest(
  "TlsFront: 100 silent clients are freed after the time limit",
  { handshakeSeconds: 0.05 },
  async (site) => {
    const before = countSockets();
    const clients = await Promise.all(Array.from({ length: 100 }, () => connectClear(site)));
    // A third of them says half a ClientHello, a third nothing, a third a whole one and then no more.
    const hello = await recordedHello();
    for (const [i, client] of clients.entries()) {
      if (i % 3 === 1) await client.write(hello.subarray(0, 50));
      if (i % 3 === 2) await client.write(hello);
    }
    const ends = await Promise.all(clients.map(readAll));
    assertEquals(ends.filter((end) => end.includes("220 toy")).length, 0);
    for (const client of clients) client.close();
    await until(() => countSockets() <= before);
    assertEquals([site.front.handshakes, site.limits.value("sessions_open")], [0, 0]);
    assertStringIncludes(site.trace.lines.join("\n"), "not finished in time");
  },
);

/** The first bytes a TLS client sends. */
async function recordedHello(): Promise<Uint8Array> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  const dialled = Deno.connectTls({ hostname: "localhost", port })
    .then((conn) => conn.handshake().finally(() => conn.close())).catch(() => {});
  const conn = await listener.accept();
  const buffer = new Uint8Array(4096);
  const count = await conn.read(buffer);
  conn.close();
  listener.close();
  await dialled;
  return buffer.subarray(0, count ?? 0);
}

tlsTest("TlsFront: a connection to the inner side that is not ours is closed", {}, async (site) => {
  const foreign = await Deno.connect({
    hostname: "127.0.0.1",
    port: site.front.innerPorts[0] ?? 0,
  });
  assertEquals((await readAll(foreign)).includes("220"), false);
  foreign.close();
  assertEquals(site.protocol.toys.length, 0);
  assertStringIncludes(site.trace.lines.join("\n"), "a local program connected to the inner side");
});

tlsTest("TlsFront: tls_max_handshakes is a limit", { maxHandshakes: 1 }, async (site) => {
  const silent = await connectClear(site);
  await until(() => site.front.handshakes === 1);
  const second = await connectClear(site);
  assertEquals((await readAll(second)).startsWith("220"), false);
  assertStringIncludes(site.trace.lines.join("\n"), "too many handshakes");
  silent.close();
  second.close();
  await until(() => site.front.handshakes === 0);
  const third = await connect(site);
  assertEquals(await readUntil(third, "\n"), "220 toy\r\n");
  third.close();
});

tlsTest(
  "TlsFront: 200 handshakes at one time are all served, beside a foreign connection",
  {},
  async (site) => {
    const port = site.front.innerPorts[0] ?? 0;
    const foreign = Array.from({ length: 10 }, () => Deno.connect({ hostname: "127.0.0.1", port }));
    const sessions = Array.from({ length: 200 }, async () => {
      const conn = await connect(site);
      await send(conn, "A\r\nQUIT\r\n");
      const answer = await readAll(conn);
      conn.close();
      return answer;
    });
    const answers = await Promise.all(sessions);
    assertEquals(answers.filter((a) => a === "220 toy\r\n250 A\r\n221 bye\r\n").length, 200);
    for (const conn of await Promise.all(foreign)) {
      assertEquals((await readAll(conn)).includes("220"), false);
      conn.close();
    }
    assertEquals(site.protocol.toys.length, 200);
  },
);

tlsTest(
  "TlsFront: a new certificate is used by new sessions under load, and none is lost",
  {},
  async (site) => {
    const held = await connect(site);
    await readUntil(held, "\n");
    let stop = false;
    let served = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const conn = await connect(site);
        await send(conn, "QUIT\r\n");
        assertStringIncludes(await readAll(conn), "221 bye");
        conn.close();
        served++;
      }
    });
    for (const name of ["second.example", "third.example"]) {
      const target = served + 5;
      makeCertificate(site.dir, "servercert.pem", ["localhost", name], `/CN=${name}`);
      await until(() => served >= target);
    }
    stop = true;
    await Promise.all(load);
    assertEquals(shown(await sClient(site.port, "QUIT\r\n")), "third.example");
    await send(held, "A\r\nQUIT\r\n");
    assertEquals(await readAll(held), "250 A\r\n221 bye\r\n");
    held.close();
  },
);

tlsTest(
  "TlsFront: a pair that does not fit keeps the old one, with one trace line",
  {},
  async (site) => {
    const other = makeCertificate(site.dir, "other.pem", ["other.example"]);
    const cert = Deno.readTextFileSync(other).split("-----BEGIN PRIVATE KEY")[0] ?? "";
    const key = Deno.readTextFileSync(`${site.dir}/ca.key`);
    Deno.writeTextFileSync(`${site.dir}/servercert.pem`, cert + key);
    for (let i = 0; i < 3; i++) {
      assertEquals(shown(await sClient(site.port, "QUIT\r\n")), "localhost");
    }
    const kept = site.trace.lines.filter((line) => line.includes("the old ones stay"));
    assertEquals(kept.length, 1);
    assertStringIncludes(kept[0] ?? "", "is not that of the first certificate");
  },
);

tlsTest("TlsFront: a peer that does not read its encrypted answers is ended", {
  change: { writeStallSeconds: 0.05 },
}, async (site) => {
  const conn = await connect(site);
  await send(conn, "BIG 100000000\r\n");
  await until(() => (site.protocol.toys[0]?.ended ?? null) !== null);
  assertEquals(site.protocol.toys[0]?.ended, "stalled");
  await until(() => site.limits.value("sessions_open") === 0);
  conn.close();
});

tlsTest("TlsFront: a client that vanishes without a goodbye ends its session", {}, async (site) => {
  const conn = await connect(site);
  await readUntil(conn, "\n");
  conn.close();
  await until(() => site.limits.value("sessions_open") === 0);
  assertEquals(site.protocol.toys[0]?.ended, "eof");
});
