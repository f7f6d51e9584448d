import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { deriveScram, hmac, sha256 } from "../../../auth/scram_keys.ts";
import type { SecureInfo } from "../../../net/types.ts";
import { SASL_LINE_BYTES } from "../../../pop3/sasl.ts";
import { authDouble, buildMaildir, connect, JOE, memoryTrace, messages, say } from "./kit.ts";
import { secretsDouble, type SetUp, talk, withFolder } from "./kit.ts";

const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64");
const RIGHT = base64("\0joe\0secret");
const WRONG = base64("\0joe\0wrong");
const FAILED = "-ERR [AUTH] authorization failed\r\n";
const OPEN = "+OK maildrop is open\r\n";
const TLS: SecureInfo = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  sni: null,
  clientSubject: "CN=joe",
};

/** A session that was greeted, on a Maildir of one message. */
function withSession(
  setUp: Omit<SetUp, "path">,
  use: (dialogue: ReturnType<typeof connect>) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    buildMaildir(`${folder}/m`, messages({ "new/1.a": "Subject: one\n\nbody\n" }));
    const dialogue = connect({ path: `${folder}/m`, loggedIn: false, ...setUp });
    await dialogue.engine.start();
    dialogue.client.take();
    await use(dialogue);
  });
}

Deno.test("auth: PLAIN with an initial response, and in two steps", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN ${WRONG}\r\n`);
    assertEquals(client.take(), FAILED);
    await say(engine, "auth plain\r\n");
    assertEquals(client.take(), "+ \r\n");
    await say(engine, `${RIGHT}\r\nSTAT\r\n`);
    assertEquals(client.take(), `${OPEN}+OK 1 22\r\n`);
  }));

Deno.test("auth: LOGIN asks for both, or has the login as initial response", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, "AUTH LOGIN\r\n", `${base64("joe")}\r\n`, `${base64("no")}\r\n`);
    assertEquals(
      client.take(),
      `+ ${base64("Username:")}\r\n+ ${base64("Password:")}\r\n${FAILED}`,
    );
    await say(engine, `AUTH LOGIN ${base64("joe")}\r\n`, `${base64("secret")}\r\n`);
    assertEquals(client.take(), `+ ${base64("Password:")}\r\n${OPEN}`);
  }));

/** CRAM-MD5's answer to the challenge line `said`. */
function cramAnswer(said: string, login: string, secret: string): string {
  const challenge = Buffer.from(said.slice(2).trim(), "base64");
  return base64(`${login} ${createHmac("md5", secret).update(challenge).digest("hex")}`);
}

Deno.test("auth: CRAM-MD5 with a clear secret; a stored hash fails as an unknown login does", () =>
  withSession({ deps: { secrets: secretsDouble() } }, async ({ engine, client }) => {
    for (
      const [login, secret, reply] of [["jane", "x", FAILED], ["joe", "secret", OPEN]] as const
    ) {
      await say(engine, "AUTH CRAM-MD5\r\n");
      const said = client.take();
      assertMatch(Buffer.from(said.slice(2).trim(), "base64").toString(), /^<.+@pop\.example>$/);
      await say(engine, `${cramAnswer(said, login, secret)}\r\n`);
      assertEquals(client.take(), reply, login);
    }
  }));

/** Plays SCRAM-SHA-256 as a client; returns the reply to the last line. */
async function scram(
  { engine, client }: ReturnType<typeof connect>,
  login: string,
  password: string,
): Promise<string> {
  const first = `n=${login},r=clientnonce`;
  await say(engine, `AUTH SCRAM-SHA-256 ${base64(`n,,${first}`)}\r\n`);
  const serverFirst = Buffer.from(client.take().slice(2).trim(), "base64").toString();
  const [, nonce = "", salt = "", rounds = ""] = /^r=(.*),s=(.*),i=(\d+)$/.exec(serverFirst) ?? [];
  const saltBytes = Buffer.from(salt, "base64").toString("latin1");
  const { storedKey } = await deriveScram(password, saltBytes, Number(rounds));
  const clientKey = await clientKeyOf(password, saltBytes, Number(rounds));
  assertEquals(sha256(clientKey), storedKey);
  const final = `c=biws,r=${nonce}`;
  const signature = hmac(storedKey, `${first},${serverFirst},${final}`);
  const proof = Array.from(
    clientKey,
    (char, i) => String.fromCharCode(char.charCodeAt(0) ^ signature.charCodeAt(i)),
  ).join("");
  await say(engine, `${base64(`${final},p=${base64(proof)}`)}\r\n`);
  const said = client.take();
  if (!said.startsWith("+ ")) return said;
  assertMatch(Buffer.from(said.slice(2).trim(), "base64").toString(), /^v=/);
  await say(engine, "\r\n");
  return client.take();
}

async function clientKeyOf(password: string, salt: string, rounds: number): Promise<string> {
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(password),
    "PBKDF2",
    false,
    ["deriveBits"],
  );
  const bits = await crypto.subtle.deriveBits(
    {
      name: "PBKDF2",
      hash: "SHA-256",
      salt: Uint8Array.from(salt, (c) => c.charCodeAt(0)),
      iterations: rounds,
    },
    key,
    256,
  );
  return hmac(String.fromCharCode(...new Uint8Array(bits)), "Client Key");
}

Deno.test("auth: SCRAM-SHA-256 proves both sides; wrong and unknown fail alike", () =>
  withSession({ deps: { secrets: secretsDouble({ scram: true }) } }, async (dialogue) => {
    assertEquals(await scram(dialogue, "joe", "wrong"), FAILED);
    assertEquals(await scram(dialogue, "nobody", "secret"), FAILED);
    assertEquals(await scram(dialogue, "joe", "secret"), OPEN);
  }));

const byCertificate = { externalLogin: (subject: string) => subject === "CN=joe" ? "joe" : null };

Deno.test("auth: EXTERNAL takes the login that the certificate stands for, and no other", async () => {
  await withSession({ deps: byCertificate }, async ({ engine, client }) => {
    await say(engine, "AUTH EXTERNAL\r\n");
    assertEquals(client.take(), "-ERR mechanism not offered\r\n", "no TLS, no certificate");
    engine.secured?.({ ...TLS, clientSubject: "CN=jane" });
    await say(engine, "AUTH EXTERNAL =\r\n");
    assertEquals(client.take(), "-ERR mechanism not offered\r\n", "stands for nobody");
    engine.secured?.(TLS);
    await say(engine, `AUTH EXTERNAL ${base64("jane")}\r\n`);
    assertEquals(client.take(), FAILED);
    await say(engine, "AUTH EXTERNAL\r\n", "\r\n");
    assertEquals(client.take(), `+ \r\n${OPEN}`);
  });
});

Deno.test("auth: EXTERNAL needs a login that the users file knows, where there is one", async () => {
  for (const [login, reply] of [["joe", OPEN], ["gone", FAILED]] as const) {
    const deps = { externalLogin: () => login, secrets: secretsDouble() };
    await withSession({ deps }, async ({ engine, client }) => {
      engine.secured?.(TLS);
      await say(engine, "AUTH EXTERNAL =\r\n");
      assertEquals(client.take(), reply, login);
    });
  }
  const deps = { externalLogin: () => "undecided", secrets: secretsDouble() };
  await withSession({ deps }, async ({ engine, client }) => {
    engine.secured?.(TLS);
    await say(engine, "AUTH EXTERNAL =\r\n");
    assertMatch(client.take(), /^-ERR \[SYS\/TEMP\] /);
  });
});

Deno.test("auth: alone it lists what CAPA lists", () =>
  withSession(
    { deps: { secrets: secretsDouble({ scram: true }), ...byCertificate } },
    async ({ engine, client }) => {
      engine.secured?.(TLS);
      await say(engine, "AUTH\r\n");
      const listed = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL"];
      assertEquals(client.take(), `+OK\r\n${listed.join("\r\n")}\r\n.\r\n`);
      await say(engine, "CAPA\r\n");
      assertStringIncludes(client.take(), `\r\nSASL ${listed.join(" ")}\r\n`);
    },
  ));

Deno.test("auth: a star cancels, what is not base64 is an error; neither is a failed login", () => {
  const auth = authDouble();
  return withSession({ auth }, async ({ engine, client }) => {
    for (let i = 0; i < 4; i++) {
      await say(engine, "AUTH PLAIN\r\n", "*\r\n", "AUTH LOGIN\r\n", "no=base64\r\n");
    }
    await say(engine, "AUTH PLAIN ?\r\n", `AUTH PLAIN ${base64("joe")}\r\n`);
    const said = client.take();
    assertEquals(said.match(/-ERR login given up\r\n/g)?.length, 4);
    assertEquals(said.match(/-ERR response not understood/g)?.length, 6);
    assertEquals(auth.asked, []);
    await say(engine, `AUTH PLAIN ${RIGHT}\r\n`);
    assertEquals(client.take(), OPEN);
  });
});

Deno.test("auth: broken exchanges end the session at the limit of errors", () =>
  withSession({ config: { maxErrors: 3 } }, async ({ engine, client }) => {
    await say(engine, "AUTH PLAIN\r\n*\r\n".repeat(3));
    assert(client.take().endsWith("-ERR too many errors, closing\r\n"));
    assertEquals(engine.wants, "close");
  }));

Deno.test("auth: failed logins of all kinds count together", () =>
  withSession({ deps: { secrets: secretsDouble() } }, async ({ engine, client }) => {
    await say(engine, "USER joe\r\nPASS x\r\n", `AUTH PLAIN ${WRONG}\r\n`, "AUTH CRAM-MD5\r\n");
    client.take();
    await say(engine, `${base64(`joe ${"0".repeat(32)}`)}\r\n`);
    assertEquals(client.take(), FAILED);
    assertEquals(engine.wants, "close");
  }));

Deno.test("auth: a login that can't be judged is temporary", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN ${base64("\0undecided\0x")}\r\n`);
    assertMatch(client.take(), /^-ERR \[SYS\/TEMP\] /);
  }));

Deno.test("auth: nobody logs in for somebody else", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN ${base64("jane\0joe\0secret")}\r\n`);
    assertEquals(client.take(), FAILED);
  }));

Deno.test("auth: an answer of 12288 octets is the longest, whatever the cuts", async () => {
  assertEquals(SASL_LINE_BYTES, 12288);
  const MALFORMED = "-ERR response not understood, login given up\r\n";
  const TOO_LONG = "-ERR command line too long\r\n";
  for (
    const [octets, reply] of [[12287, MALFORMED], [12288, MALFORMED], [12289, TOO_LONG]] as const
  ) {
    for (const cut of [0, 1, 254, 255, 256, 5000, 12286, 12287]) {
      await withSession({}, async ({ engine, client }) => {
        const text = "?".repeat(octets - 2) + "\r\n";
        await say(engine, "AUTH PLAIN\r\n", text.slice(0, cut), text.slice(cut) + "NOOP\r\n");
        assertEquals(client.take(), `+ \r\n${reply}+OK\r\n`, `${octets} octets, cut at ${cut}`);
      });
    }
  }
});

Deno.test("auth: a password of 9000 octets arrives whole", async () => {
  const auth = authDouble();
  const text = `${base64(`\0joe\0${"x".repeat(9000)}`)}\r\n`;
  await withSession({ auth }, async (dialogue) => {
    await say(dialogue.engine, "AUTH PLAIN\r\n", text.slice(0, 300), text.slice(300));
  });
  assertEquals(auth.asked, [["joe", "x".repeat(9000)]]);
});

Deno.test("auth: the command itself is a command line, 255 octets at most", () =>
  withSession({}, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN ${"A".repeat(255 - 13)}\r\n`);
    assertStringIncludes(client.take(), "-ERR response not understood");
    await say(engine, `AUTH PLAIN ${"A".repeat(256 - 13)}\r\n`);
    assertEquals(client.take(), "-ERR command line too long\r\n");
  }));

Deno.test("auth: no cut of the input changes what is said", async () => {
  const text =
    `AUTH PLAIN\r\n${WRONG}\r\nAUTH LOGIN\r\n${base64("joe")}\r\n${base64("secret")}\r\n` +
    "STAT\r\nQUIT\r\n";
  await withFolder(async (folder) => {
    const path = `${folder}/m`;
    buildMaildir(path, messages({ "cur/1.a:2,": "Subject: one\n\nbody\n" }));
    const whole = await talk({ path, loggedIn: false }, text);
    assert(whole.endsWith(`${OPEN}+OK 1 22\r\n+OK bye\r\n`), whole);
    assertEquals(await talk({ path, loggedIn: false }, ...text), whole);
  });
});

Deno.test("trace: AUTH shows the verb alone, its lines not at all, the mechanism with the login", async () => {
  const tracer = memoryTrace(4);
  await withSession({ tracer }, async ({ engine }) => {
    await say(engine, `AUTH PLAIN ${WRONG}\r\n`, `AUTH LOGIN\r\n${base64("joe")}\r\n`);
    await say(engine, `${base64("secret")}\r\n`, "QUIT\r\n");
  });
  const text = tracer.lines.join("\n");
  for (const secret of [WRONG, base64("joe"), base64("secret"), "secret", base64("Username:")]) {
    assertEquals(text.indexOf(secret), -1, secret);
  }
  assertStringIncludes(text, "<- AUTH ...\n");
  assertStringIncludes(
    text,
    "login failed: ip[192.0.2.7] reason[wrong login or password] login[joe] auth[PLAIN]",
  );
  assertStringIncludes(text, "login ok: ip[192.0.2.7] login[joe] auth[LOGIN]");
});

Deno.test("trace: an answer that comes although AUTH was refused is not shown", async () => {
  const tracer = memoryTrace(4);
  await withSession({ tracer, config: { cleartext: "never" } }, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN\r\n${RIGHT}\r\n`);
    assertEquals(client.take().split("\r\n").length, 3);
  });
  assertEquals(tracer.lines.join("\n").indexOf(RIGHT), -1);
  assertStringIncludes(tracer.lines.join("\n"), "command[AUTH PLAIN]");
});

Deno.test("auth: external programs learn who is there", () =>
  withSession({
    peer: { env: { X: "1" } },
    deps: {
      auth: {
        checkPassword(_login, _password, env) {
          assertEquals(env, {
            X: "1",
            PROTO: "TCP",
            TCPREMOTEIP: "192.0.2.7",
            TCPREMOTEPORT: "4711",
            TCPLOCALIP: "192.0.2.1",
            TCPLOCALPORT: "110",
          });
          return Promise.resolve({ kind: "ok", account: JOE });
        },
      },
    },
  }, async ({ engine, client }) => {
    await say(engine, `AUTH PLAIN ${RIGHT}\r\n`);
    assertEquals(client.take(), OPEN);
  }));
