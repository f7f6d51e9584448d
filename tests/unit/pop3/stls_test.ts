import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SecureInfo } from "../../../net/types.ts";
import { authDouble, buildMaildir, connect, memoryTrace, messages, say } from "./kit.ts";
import { type SetUp, withFolder } from "./kit.ts";

const SECURE: SecureInfo = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  sni: "pop.example",
  clientSubject: null,
};
const READY = "+OK begin TLS\r\n";

/** A session that was greeted, STLS being possible. */
function withSession(
  setUp: Omit<SetUp, "path">,
  use: (dialogue: ReturnType<typeof connect>) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    buildMaildir(`${folder}/m`, messages({ "new/1.a": "Subject: one\n\nbody\n" }));
    const deps = { tls: true, ...setUp.deps };
    const dialogue = connect({ path: `${folder}/m`, loggedIn: false, ...setUp, deps });
    await dialogue.engine.start();
    dialogue.client.take();
    await use(dialogue);
  });
}

Deno.test("stls: the driver is asked for TLS, then the dialogue begins anew", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, "USER joe\r\n", "STLS\r\n");
    assertEquals(client.take(), `+OK send PASS\r\n${READY}`);
    assertEquals(engine.wants, "tls");
    engine.secured?.(SECURE);
    assertEquals([engine.wants, client.take()], ["input", ""], "no second greeting");
    await say(engine, "PASS secret\r\n");
    assertEquals(client.take(), "-ERR send USER first\r\n", "USER in clear is forgotten");
    await say(engine, "USER joe\r\nPASS secret\r\n");
    assertEquals(client.take(), "+OK send PASS\r\n+OK maildrop is open\r\n");
  }));

Deno.test("stls: CVE-2011-0411, what stands behind it in clear is never run and ends the session", async () => {
  const behind = [
    "USER joe\r\nPASS secret\r\n",
    "NOOP\r\n",
    "U",
    "\0",
    "\x16\x03\x01",
  ];
  for (const text of behind) {
    const auth = authDouble();
    const tracer = memoryTrace(2);
    await withSession({ auth, tracer }, async ({ engine, client }) => {
      await say(engine, `STLS\r\n${text}`);
      assertEquals(client.take(), "-ERR nothing may follow STLS in clear, closing\r\n");
      assertEquals(engine.wants, "close");
    });
    assertEquals(auth.asked, []);
    assertStringIncludes(
      tracer.lines.join("\n"),
      "commands in clear behind STLS, refused: ip[192.0.2.7]",
    );
  }
});

Deno.test("stls: half a line that was there before is no danger to it", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, "ST", "LS\r", "\n");
    assertEquals([client.take(), engine.wants], [READY, "tls"]);
    engine.secured?.(SECURE);
    await say(engine, "NO", "OP\r\n");
    assertEquals(client.take(), "+OK\r\n");
  }));

Deno.test("stls: once, without argument, before the login, and only where TLS is possible", async () => {
  await withSession({}, async ({ engine, client }) => {
    await say(engine, "STLS now\r\n");
    assertEquals(client.take(), "-ERR syntax error\r\n");
    await say(engine, "STLS\r\n");
    client.take();
    engine.secured?.(SECURE);
    await say(engine, "STLS\r\n");
    assertEquals([client.take(), engine.wants], ["-ERR encrypted already\r\n", "input"]);
  });
  await withSession({ loggedIn: true }, async ({ engine, client }) => {
    await say(engine, "STLS\r\n");
    assertEquals([client.take(), engine.wants], ["-ERR already logged in\r\n", "input"]);
  });
  await withSession({ deps: { tls: false } }, async ({ engine, client }) => {
    await say(engine, "STLS\r\n");
    assertEquals([client.take(), engine.wants], ["-ERR command not known\r\n", "input"]);
  });
});

Deno.test("stls: failed logins and errors of the time in clear still count", () =>
  withSession({ config: { maxAuthFailures: 2 } }, async ({ engine, client }) => {
    await say(engine, "USER joe\r\nPASS x\r\n", "STLS\r\n");
    engine.secured?.(SECURE);
    await say(engine, "USER joe\r\nPASS x\r\n");
    assert(client.take().endsWith("-ERR [AUTH] authorization failed\r\n"));
    assertEquals(engine.wants, "close");
  }));

Deno.test("stls: a session that ends in its handshake is summed up once, without a word", async () => {
  const tracer = memoryTrace(1);
  await withSession({ tracer }, async ({ engine, client }) => {
    await say(engine, "STLS\r\n");
    client.take();
    await engine.end("shutdown");
    await engine.end("io_error");
    assertEquals([client.take(), engine.wants], ["", "close"]);
  });
  assertEquals(tracer.lines.length, 1);
});

Deno.test("trace: login and summary name version and cipher, and only under TLS", async () => {
  for (const isSecure of [true, false]) {
    const tracer = memoryTrace(3);
    await withSession({ tracer }, async ({ engine }) => {
      if (isSecure) engine.secured?.({ ...SECURE, clientSubject: "CN=joe" });
      await say(engine, "USER joe\r\nPASS secret\r\nQUIT\r\n");
    });
    const tls = isSecure ? " tls[TLSv1.3 TLS_AES_128_GCM_SHA256]" : "";
    const text = tracer.lines.join("\n");
    assertStringIncludes(text, `login ok: ip[192.0.2.7] login[joe] auth[USER]${tls}\n`);
    assert(text.endsWith(`end=quit${tls}`), text);
    assertEquals(text.includes("certificate[CN=joe]"), isSecure);
  }
});
