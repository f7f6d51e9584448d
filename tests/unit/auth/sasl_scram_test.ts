import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromBase64, toBase64, toBytes } from "../../../auth/bytes.ts";
import { beginSasl, type SaslContext, type SaslStep } from "../../../auth/sasl.ts";
import { deriveScram, hmac, prepare, sha256 } from "../../../auth/scram_keys.ts";
import type { SecretAnswer, SecretSource } from "../../../auth/types.ts";

const place = { user: null, uid: null, gid: null, home: null, maildir: null };
const SALT = fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==") ?? "";
const KEYS = await deriveScram("pencil", SALT, 4096);

function makeSecrets(more: Partial<SecretSource> = {}): SecretSource {
  return {
    secretOf(login): SecretAnswer {
      const account = { login, ...place };
      if (login === "user") return { kind: "secret", account, clear: null, scram: KEYS };
      if (login === "plain") return { kind: "secret", account, clear: "pencil", scram: null };
      if (login === "hash") return { kind: "secret", account, clear: null, scram: null };
      if (login === "bob") return { kind: "undecided", reason: "The file is gone" };
      return { kind: "unknown" };
    },
    forms: () => ({ clear: false, scram: true }),
    fakeScram: (login) => ({ salt: sha256(login).slice(0, 16), iterations: 4096 }),
    ...more,
  };
}

function scram(secrets: SecretSource, nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0") {
  const context: SaslContext = {
    authenticator: { checkPassword: () => Promise.resolve({ kind: "refused" }) },
    secrets,
    external: null,
    hostname: "example.org",
    nonce: () => nonce,
    now: () => 0,
  };
  const exchange = beginSasl("SCRAM-SHA-256", context);
  assert(exchange !== null);
  return exchange;
}

const kindOf = (step: SaslStep): string => step.kind === "done" ? step.answer.kind : step.kind;

/** A client of its own: the last message for a password, from what the server sent. */
async function clientFinal(password: string, bare: string, serverFirst: string): Promise<string> {
  const m = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(serverFirst);
  assert(m !== null, serverFirst);
  const salt = toBytes(fromBase64(m[2] ?? "") ?? "");
  const raw = await crypto.subtle.importKey("raw", toBytes(password), "PBKDF2", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: Number(m[3]) },
    raw,
    256,
  );
  const clientKey = hmac(String.fromCharCode(...new Uint8Array(bits)), "Client Key");
  const without = `c=biws,r=${m[1]}`;
  const signature = toBytes(hmac(sha256(clientKey), `${bare},${serverFirst},${without}`));
  const proof = toBytes(clientKey).map((byte, i) => byte ^ (signature[i] ?? 0));
  return `${without},p=${toBase64(String.fromCharCode(...proof))}`;
}

async function login(secrets: SecretSource, name: string, password: string): Promise<SaslStep> {
  const exchange = scram(secrets);
  const bare = `n=${name},r=abc`;
  const first = await exchange.start(`n,,${bare}`);
  assert(first.kind === "challenge");
  const second = await exchange.receive(await clientFinal(password, bare, first.data));
  return second.kind === "challenge" ? await exchange.receive("") : second;
}

Deno.test("beginSasl SCRAM-SHA-256: the example of RFC 7677", async () => {
  const exchange = scram(makeSecrets());
  assertEquals(await exchange.start(null), { kind: "challenge", data: "" });
  assertEquals(await exchange.receive("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), {
    kind: "challenge",
    data: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  });
  const proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  assertEquals(await exchange.receive(proof), {
    kind: "challenge",
    data: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  });
  assertEquals(kindOf(await exchange.receive("")), "ok");
});

Deno.test("beginSasl SCRAM-SHA-256: stored keys, right and wrong password", async () => {
  assertEquals(kindOf(await login(makeSecrets(), "user", "pencil")), "ok");
  assertEquals(kindOf(await login(makeSecrets(), "user", "pencils")), "refused");
});

Deno.test("beginSasl SCRAM-SHA-256: a clear secret serves too", async () => {
  const secrets = makeSecrets({ forms: () => ({ clear: true, scram: true }) });
  assertEquals(kindOf(await login(secrets, "plain", "pencil")), "ok");
  assertEquals(kindOf(await login(secrets, "plain", "pen")), "refused");
  assertEquals(kindOf(await login(secrets, "user", "pencil")), "ok");
});

Deno.test("beginSasl SCRAM-SHA-256: an unknown login gets a salt that stays, and is refused at the proof", async () => {
  for (const forms of [{ clear: false, scram: true }, { clear: true, scram: true }]) {
    const secrets = makeSecrets({ forms: () => forms });
    const salts: string[] = [];
    for (let i = 0; i < 2; i++) {
      const step = await scram(secrets).start("n,,n=nobody,r=abc");
      assert(step.kind === "challenge");
      salts.push(/s=([^,]*)/.exec(step.data)?.[1] ?? "");
    }
    assertEquals(salts[0], salts[1]);
    for (const name of ["nobody", "hash"]) {
      const step = await login(secrets, name, "no such login");
      assertEquals(step, { kind: "done", login: name, answer: { kind: "refused" } });
    }
  }
});

Deno.test("beginSasl SCRAM-SHA-256: trouble is undecided, and only at the proof", async () => {
  assertEquals(kindOf(await login(makeSecrets(), "bob", "x")), "undecided");
});

Deno.test("beginSasl SCRAM-SHA-256: encoded names, and an identity that is another's", async () => {
  const step = await login(makeSecrets(), "a=2Cb=3Dc", "x");
  assert(step.kind === "done");
  assertEquals(step.login, "a,b=c");
  assertEquals(kindOf(await scram(makeSecrets()).start("n,a=user,n=user,r=abc")), "challenge");
  assertEquals(kindOf(await scram(makeSecrets()).start("n,a=other,n=user,r=abc")), "refused");
  assertEquals(kindOf(await scram(makeSecrets()).start("y,,n=user,r=abc")), "challenge");
});

Deno.test("beginSasl SCRAM-SHA-256: what is no first message is malformed", async () => {
  const messages = [
    "",
    "n=user,r=abc",
    "n,,n=,r=abc",
    "n,,n=user,r=",
    "n,,n=us=er,r=abc",
    "n,,m=x,n=user,r=abc",
    "p=tls-unique,,n=user,r=abc",
    "n,,r=abc,n=user",
  ];
  for (const message of messages) {
    assertEquals(kindOf(await scram(makeSecrets()).start(message)), "malformed", message);
  }
});

Deno.test("beginSasl SCRAM-SHA-256: a last message that does not continue the first is malformed", async () => {
  const proof = `p=${toBase64("x".repeat(32))}`;
  for (
    const message of [
      `c=biws,r=abc,${proof}`,
      `c=eSws,r=abcNONCE,${proof}`,
      `c=biws,r=abcNONCE`,
      `c=biws,r=abcNONCE,p=AAAA`,
    ]
  ) {
    const exchange = scram(makeSecrets(), "NONCE");
    await exchange.start("n,,n=user,r=abc");
    assertEquals(kindOf(await exchange.receive(message)), "malformed", message);
  }
});

Deno.test("prepare: blanks, invisible characters and compatibility forms of UTF-8; other bytes stay", () => {
  const utf8 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  assertEquals(prepare("plain ascii"), "plain ascii");
  assertEquals(prepare(utf8("I\u00adX")), "IX");
  assertEquals(prepare(utf8("a\u00a0b")), "a b");
  assertEquals(prepare(utf8("\u2168")), "IX");
  assertEquals(prepare(utf8("\u00aa")), "a");
  assertEquals(prepare("\xff\xfe"), "\xff\xfe");
});

Deno.test("deriveScram: salt and iterations are kept beside the keys", async () => {
  const keys = await deriveScram("pencil", "NaCl", 4096);
  assertEquals([keys.salt, keys.iterations, keys.storedKey.length], ["NaCl", 4096, 32]);
  assertMatch(toBase64(KEYS.serverKey), /^[A-Za-z0-9+/]{43}=$/);
});
