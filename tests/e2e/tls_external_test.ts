/** End to end: client certificates and AUTH EXTERNAL, and TLS on a socket that is standard input. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openssl } from "../../net/openssl_calls.ts";
import { makeAuthority, makeCertificate } from "../unit/net/tls_kit.ts";
import { makeSite, removeSite, startFront } from "./front.ts";
import {
  Client,
  hasProgram,
  onSocket,
  putCertificate,
  setSettings,
  until,
  withTls,
} from "./tls_kit.ts";

const HAS_OPENSSL = hasProgram("openssl", "version");
const HAS_LIBRARY = (() => {
  try {
    openssl(); // Opened once for all tests, or the first would be said to leak it.
    return true;
  } catch (error) {
    console.log(`tls e2e: skipped: ${(error as Error).message}`);
    return false;
  }
})();
const ignore = !HAS_OPENSSL || !HAS_LIBRARY;

const MAP = (root: string) => `${root}/var/qmail/control/clientcerts`;

/** An authority for clients in control/ca.pem, and alice's certificate. */
function makeClient(
  root: string,
  names = ["alice.example"],
): { cert: string; key: string } {
  const dir = `${root}/clients`;
  Deno.mkdirSync(dir);
  makeAuthority(dir);
  Deno.copyFileSync(`${dir}/ca.pem`, `${root}/var/qmail/control/ca.pem`);
  const path = makeCertificate(dir, "alice.pem", names, "/O=Example/CN=alice");
  const pem = Deno.readTextFileSync(path);
  const key = pem.indexOf("-----BEGIN PRIVATE KEY");
  return { cert: pem.slice(0, key), key: pem.slice(key) };
}

async function authOffer(client: Client): Promise<string> {
  await client.smtp(null);
  return (await client.smtp("EHLO c")).find((line) => line.includes("AUTH")) ?? "";
}

Deno.test({
  name: "serve: AUTH EXTERNAL by control/clientcerts, offered to whom it maps and to nobody else",
  ignore,
  async fn() {
    let alice = { cert: "", key: "" };
    await withTls(
      { client_cert: "ask", client_ca: "control/ca.pem" },
      async ({ root, ca, front }) => {
        const port = front.port("smtps");
        const dial = async () => {
          const options = { hostname: "localhost", port, caCerts: [ca], ...alice };
          return new Client(await Deno.connectTls(options));
        };
        const nobody = await Client.dialTls(port, ca);
        assertMatch(await authOffer(nobody), /PLAIN/);
        assertMatch((await nobody.smtp("AUTH EXTERNAL ="))[0]!, /^504 /);
        nobody.close();
        const client = await dial();
        assertMatch(await authOffer(client), /EXTERNAL/);
        assertMatch((await client.smtp("AUTH EXTERNAL ="))[0]!, /^235 /);
        await client.smtp("MAIL FROM:<joe@example.org>");
        assertMatch((await client.smtp("RCPT TO:<joe@example.org>"))[0]!, /^250 /);
        await client.smtp("DATA");
        assertMatch((await client.smtp("Subject: x\r\n\r\nx\r\n."))[0]!, /^250 /);
        client.close();
        const [message] = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
        const text = Deno.readTextFileSync(`${root}/home/joe/Maildir/new/${message?.name}`);
        assertMatch(text, / with ESMTPSA \(TLSv1\.[23] /);
        await until(() => front.trace().includes("login[joe@example.org]"));
        assertStringIncludes(front.trace(), " client CN=alice,O=Example");
        // Read again when it changes.
        Deno.writeTextFileSync(MAP(root), "bob:joe@example.org\n");
        for (;;) {
          const again = await dial();
          const offer = await authOffer(again);
          again.close();
          if (!offer.includes("EXTERNAL")) break;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
      (root) => {
        alice = makeClient(root);
        Deno.writeTextFileSync(MAP(root), "CN=alice,O=Example:joe@example.org\n");
      },
    );
  },
});

Deno.test({
  name:
    "serve: one listener demands certificates by an authority of its own, the others ask for none",
  ignore,
  async fn() {
    const root = await makeSite();
    const ca = await putCertificate(root);
    const alice = makeClient(root);
    setSettings(root, { auth_delay_seconds: "0" });
    Deno.writeTextFileSync(MAP(root), "alice:joe@example.org\n");
    const front = await startFront(root, [
      ...["--smtps", "127.0.0.1:0+client_cert=require+client_ca=control/ca.pem"],
      ...["--submission", "127.0.0.1:0", "--pop3s", "127.0.0.1:0"],
    ]);
    const dial = async (service: string) => {
      const options = { hostname: "localhost", port: front.port(service), caCerts: [ca], ...alice };
      return new Client(await Deno.connectTls(options));
    };
    try {
      const nobody = await Client.dialTls(front.port("smtps"), ca).catch(() => null);
      // In TLS 1.3 a client learns of the refusal only when it reads.
      assertEquals(await nobody?.line() ?? null, null);
      nobody?.close();
      const client = await dial("smtps");
      assertMatch(await authOffer(client), /EXTERNAL/);
      assertMatch((await client.smtp("AUTH EXTERNAL ="))[0]!, /^235 /);
      client.close();
      const other = await dial("pop3s");
      assertMatch(await other.line() ?? "", /^\+OK /);
      await other.ask("CAPA");
      const offer = (await other.list()).find((line) => line.startsWith("SASL ")) ?? "";
      assertMatch(offer, /PLAIN/);
      assertEquals(offer.includes("EXTERNAL"), false);
      other.close();
      const plain = await Client.dial(front.port("submission"));
      await plain.smtp(null);
      assertStringIncludes((await plain.smtp("EHLO c")).join(), "STARTTLS");
      await plain.smtp("STARTTLS");
      await plain.startTls(ca);
      assertMatch((await plain.smtp("EHLO c"))[0]!, /^250-/);
      plain.close();
    } finally {
      const ended = await front.stop();
      await removeSite(root);
      assertEquals(ended, { code: 0, stderr: "" });
    }
  },
});

Deno.test({
  name: "serve: a certificate whose login left the users file sends no mail",
  ignore,
  async fn() {
    let alice = { cert: "", key: "" };
    await withTls(
      { client_cert: "ask", client_ca: "control/ca.pem" },
      async ({ ca, front }) => {
        const options = {
          hostname: "localhost",
          port: front.port("smtps"),
          caCerts: [ca],
          ...alice,
        };
        const client = new Client(await Deno.connectTls(options));
        assertMatch(await authOffer(client), /EXTERNAL/);
        assertMatch((await client.smtp("AUTH EXTERNAL ="))[0]!, /^535 /);
        client.close();
      },
      (root) => {
        alice = makeClient(root);
        Deno.writeTextFileSync(MAP(root), "alice:gone@example.org\n");
      },
    );
  },
});

Deno.test({
  name: "serve: the e-mail address in a certificate's subjectAltName logs in",
  ignore,
  async fn() {
    let alice = { cert: "", key: "" };
    await withTls(
      { client_cert: "require", client_ca: "control/ca.pem", client_cert_login: "email" },
      async ({ ca, front }) => {
        const where = { hostname: "localhost", port: front.port("smtps"), caCerts: [ca] };
        const client = new Client(await Deno.connectTls({ ...where, ...alice }));
        await authOffer(client);
        assertMatch((await client.smtp("AUTH EXTERNAL ="))[0]!, /^235 /);
        client.close();
      },
      (root) => {
        alice = makeClient(root, ["alice.example", "joe@example.org"]);
      },
    );
  },
});

Deno.test("stdin: STARTTLS where standard input is a socket; the last reply reaches the client", async () => {
  const root = await makeSite();
  const ca = await putCertificate(root);
  const { conn, ended } = await onSocket("smtp", root);
  const client = new Client(conn);
  await client.smtp(null);
  assertStringIncludes((await client.smtp("EHLO c")).join(), "STARTTLS");
  assertMatch((await client.smtp("STARTTLS"))[0]!, /^220 /);
  await client.startTls(ca);
  assertMatch((await client.smtp("EHLO c"))[0]!, /^250-/);
  await client.send("QUIT\r\n");
  assertMatch((await client.rest()).join(), /^221 /);
  client.close();
  assertEquals(await ended(), { code: 0, stderr: "" });
  await removeSite(root);
});

Deno.test("stdin: a certificate that can't be used is said, and the session goes on without TLS", async () => {
  const root = await makeSite();
  Deno.writeTextFileSync(`${root}/var/qmail/control/servercert.pem`, "nothing\n");
  const { conn, ended } = await onSocket("pop3", root);
  const client = new Client(conn);
  await client.line();
  await client.ask("CAPA");
  assertEquals((await client.list()).includes("STLS"), false);
  await client.ask("QUIT");
  client.close();
  const { code, stderr } = await ended();
  assertEquals(code, 0);
  assertMatch(stderr, /^qfront: TLS: "[^"]+" holds no certificate; it is not offered\n$/);
  await removeSite(root);
});

Deno.test({
  name: "stdin: a client certificate logs in to POP3 by its common name",
  ignore,
  async fn() {
    const root = await makeSite();
    const ca = await putCertificate(root);
    makeClient(root);
    const joe = makeCertificate(`${root}/clients`, "joe.pem", ["j.example"], "/CN=joe@example.org");
    setSettings(root, {
      client_cert: "require",
      client_ca: "control/ca.pem",
      client_cert_login: "cn",
    });
    Deno.writeTextFileSync(`${root}/ca.pem`, ca);
    const { conn, ended } = await onSocket("pop3", root);
    // openssl dials a port of ours; both connections are joined.
    const door = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const child = new Deno.Command("openssl", {
      args: [
        ...["s_client", "-connect", `127.0.0.1:${(door.addr as Deno.NetAddr).port}`, "-quiet"],
        ...["-starttls", "pop3", "-cert", joe, "-key", joe, "-CAfile", `${root}/ca.pem`],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const outer = await door.accept();
    door.close();
    const joined = Promise.allSettled([
      outer.readable.pipeTo(conn.writable),
      conn.readable.pipeTo(outer.writable),
    ]);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("AUTH EXTERNAL =\r\nSTAT\r\nQUIT\r\n"));
    const said = await new Response(child.stdout).text();
    await writer.close().catch(() => {}); // It has ended.
    await child.status;
    await joined;
    assertMatch(said, /^\+OK [^\r]*\r?\n\+OK 0 0\r?\n\+OK /m);
    assertEquals(await ended(), { code: 0, stderr: "" });
    await removeSite(root);
  },
});
