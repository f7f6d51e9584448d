import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseListenAddress } from "../../../net/address.ts";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { Listener } from "../../../net/listener.ts";
import { openssl } from "../../../net/openssl_calls.ts";
import { TimerWheel } from "../../../net/timers.ts";
import { openTls, type Tls, type TlsSettings } from "../../../net/tls.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import {
  countSockets,
  HAS_OPENSSL,
  makeAuthority,
  makeCertificate,
  sClient,
  until,
} from "./tls_kit.ts";
import { Notebook, readAll, readUntil, send, toyProtocol } from "./toy.ts";

/** False where the system's library is missing; its tests are then skipped, aloud. */
const HAS_LIBRARY = (() => {
  try {
    openssl(); // Opened once for all tests, or the first would be said to leak it.
    return true;
  } catch (error) {
    console.error(`skipped: ${(error as Error).message}`);
    return false;
  }
})();

interface Site {
  readonly dir: string;
  readonly port: number;
  readonly trace: Notebook;
  readonly protocol: ReturnType<typeof toyProtocol>;
  readonly limits: SessionLimits;
}

function certTest(
  name: string,
  settings: Partial<TlsSettings>,
  body: (site: Site) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !HAS_OPENSSL || !HAS_LIBRARY,
    async fn() {
      const before = countSockets();
      const dir = Deno.makeTempDirSync({ prefix: "qfront-mtls-" });
      makeAuthority(dir);
      makeCertificate(dir, "servercert.pem", ["localhost", "a.example"]);
      const trace = new Notebook();
      const wheel = new TimerWheel(5);
      const all = { ...defaultSettings(), tls_cert: "servercert.pem", client_ca: "ca.pem" };
      const tls = openTls({ ...all, ...settings }, (path) => `${dir}/${path}`, wheel, trace);
      const site = listen(tls, wheel, trace, dir);
      await body(site);
      await site.listener.stop(0.2);
      tls?.close();
      await until(() => countSockets() <= before);
      wheel.close();
      Deno.removeSync(dir, { recursive: true });
    },
  });
}

function listen(tls: Tls | null, wheel: TimerWheel, trace: Notebook, dir: string) {
  const protocol = toyProtocol();
  const limits = new SessionLimits(makeSharedLimits(1000, 1), 0, 1000, 1000);
  const listener = new Listener({
    sockets: "runtime",
    protocol,
    wheel,
    trace,
    limits,
    writeStallSeconds: 60,
    address: parseListenAddress("127.0.0.1:0"),
    upgrade: (conn, peer) => tls?.upgrade(conn, peer) ?? Promise.reject(new Error("no TLS")),
    implicitTls: true,
  });
  listener.start();
  return { dir, port: listener.address.port, trace, protocol, limits, listener };
}

function clientCert(site: Site): string[] {
  const path = makeCertificate(site.dir, "client.pem", ["client"], "/O=Example/CN=alice");
  return ["-cert", path, "-key", path];
}

for (const version of ["TLSv1.2", "TLSv1.3"]) {
  const option = version === "TLSv1.2" ? "-tls1_2" : "-tls1_3";
  certTest(`OpensslFront: ask with a certificate tells its subject (${version})`, {
    client_cert: "ask",
  }, async (site) => {
    const output = await sClient(site.port, "A\r\nQUIT\r\n", option, ...clientCert(site));
    assertStringIncludes(output, "250 A\r\n221 bye");
    const info = site.protocol.toys[0]?.secure;
    assertEquals([info?.version, info?.clientSubject], [version, "CN=alice,O=Example"]);
    assertStringIncludes(output, `Cipher is ${info?.cipher}`);
  });
}

certTest("OpensslFront: the addresses of subject and subjectAltName come along, each once", {
  client_cert: "ask",
}, async (site) => {
  const names = ["client", "a@example.org", "b@example.org"];
  const subject = "/CN=alice/emailAddress=a@example.org";
  const path = makeCertificate(site.dir, "client.pem", names, subject);
  await sClient(site.port, "QUIT\r\n", "-cert", path, "-key", path);
  const emails = site.protocol.toys[0]?.secure?.clientEmails;
  assertEquals([...emails ?? []].sort(), ["a@example.org", "b@example.org"]);
});

certTest("OpensslFront: ask without a certificate is served without a subject", {
  client_cert: "ask",
}, async (site) => {
  assertStringIncludes(await sClient(site.port, "QUIT\r\n"), "221 bye");
  assertEquals(site.protocol.toys[0]?.secure?.clientSubject, null);
});

certTest("OpensslFront: require without a certificate is no session", {
  client_cert: "require",
}, async (site) => {
  const output = await sClient(site.port, "QUIT\r\n");
  assertEquals(output.includes("220 toy"), false);
  assertEquals(site.protocol.toys.length, 0);
  assertStringIncludes(site.trace.lines.join("\n"), "peer did not return a certificate");
});

certTest("OpensslFront: a certificate of another authority is no session", {
  client_cert: "ask",
}, async (site) => {
  Deno.mkdirSync(`${site.dir}/other`);
  makeAuthority(`${site.dir}/other`);
  const path = makeCertificate(`${site.dir}/other`, "c.pem", ["client"], "/CN=mallory");
  const output = await sClient(site.port, "QUIT\r\n", "-cert", path, "-key", path);
  assertEquals(output.includes("220 toy"), false);
  assertStringIncludes(site.trace.lines.join("\n"), "certificate verify failed");
});

certTest("OpensslFront: large answers and pipelined drops arrive whole", {
  client_cert: "ask",
}, async (site) => {
  const caCerts = [Deno.readTextFileSync(`${site.dir}/ca.pem`)];
  const conn = await Deno.connectTls({ hostname: "localhost", port: site.port, caCerts });
  await readUntil(conn, "\n");
  await send(conn, "BIG 3000000\r\n");
  assertEquals((await readUntil(conn, "250 big\r\n")).length, 3_000_000 + "\r\n250 big\r\n".length);
  await send(conn, "RCPT x\r\n".repeat(10_000));
  assertEquals(await readAll(conn), "550 5.1.1 no such user\r\n421 4.7.0 closing\r\n");
  conn.close();
});

certTest("OpensslFront: silent clients are freed after the time limit", {
  client_cert: "ask",
  tls_handshake_seconds: 0.05,
}, async (site) => {
  const clients = await Promise.all(
    Array.from({ length: 30 }, () => Deno.connect({ hostname: "127.0.0.1", port: site.port })),
  );
  for (const client of clients.slice(0, 10)) await client.write(Uint8Array.of(22, 3, 1, 1));
  await Promise.all(clients.map(readAll));
  for (const client of clients) client.close();
  assertEquals(site.protocol.toys.length, 0);
});

certTest("openTls: without client certificates no library of the system is used", {
  client_cert: "none",
}, async (site) => {
  assertStringIncludes(await sClient(site.port, "QUIT\r\n", ...clientCert(site)), "221 bye");
  assertEquals(site.protocol.toys[0]?.secure?.clientSubject, null);
});

Deno.test("openTls: no certificate and none set means no TLS; one that is set must be there", () => {
  const wheel = new TimerWheel();
  const nowhere = (path: string) => `/nonexistent/${path}`;
  const settings = defaultSettings();
  assertEquals(openTls(settings, nowhere, wheel, new Notebook()), null);
  assertThrows(
    () => openTls({ ...settings, tls_cert: "mine.pem" }, nowhere, wheel, new Notebook()),
    Error,
    '"/nonexistent/mine.pem" does not exist',
  );
  wheel.close();
});

Deno.test({
  name: "openTls: client certificates without authorities are a sentence at the start",
  ignore: !HAS_OPENSSL || !HAS_LIBRARY,
  fn() {
    const dir = Deno.makeTempDirSync();
    makeAuthority(dir);
    makeCertificate(dir, "servercert.pem", ["localhost"]);
    const wheel = new TimerWheel();
    const settings = { ...defaultSettings(), tls_cert: "servercert.pem" };
    const open = (change: Partial<TlsSettings>) => () =>
      openTls({ ...settings, ...change }, (path) => `${dir}/${path}`, wheel, new Notebook());
    assertThrows(open({ client_cert: "ask" }), Error, "client_cert=ask needs client_ca");
    const wrong = { client_cert: "ask", client_ca: "no.pem" } as const;
    assertThrows(open(wrong), Error, `The authorities in "${dir}/no.pem" cannot be used`);
    wheel.close();
    Deno.removeSync(dir, { recursive: true });
  },
});
