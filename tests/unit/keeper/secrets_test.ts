/** Challenge-response mechanisms whose secrets stay with the keeper. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { beginSasl, checkApop, offered } from "../../../auth/mod.ts";
import { apopDigest, cramDigest } from "../../../auth/sasl_digest.ts";
import type { SecretSource } from "../../../auth/types.ts";
import { openKeeperResponses, openKeeperSecrets, Proofs } from "../../../keeper/client.ts";
import { connect, JOE, makeServices, tokenOf } from "./kit.ts";

const STORED: SecretSource = {
  secretOf: (login) =>
    login === JOE.login
      ? { kind: "secret", account: JOE, clear: "sesame", scram: null }
      : { kind: "unknown" },
  forms: () => ({ clear: true, scram: false }),
  fakeScram: () => ({ salt: "0123456789abcdef", iterations: 4096 }),
};

async function openSecrets(stored: SecretSource | null = STORED) {
  const services = makeServices();
  const { connection, running } = await connect({
    ...services,
    auth: {
      ...services.auth,
      secrets: stored,
      checkResponse: (_login, response) =>
        Promise.resolve(
          response === "right" ? { kind: "ok", account: JOE } : { kind: "refused" },
        ),
    },
  });
  const tokens = new Proofs(connection);
  const secrets = openKeeperSecrets(connection, tokens);
  // The answer to an earlier question is there before that to a later one of the same kind.
  await connection.ask("login", "login.forms");
  const context = {
    authenticator: services.auth,
    secrets,
    external: null,
    hostname: "mail.example.org",
    nonce: () => "not used here",
    now: () => 0,
  };
  return { connection, running, tokens, secrets, context };
}

Deno.test("openKeeperSecrets: offers what the keeper has, and shows no secret", async () => {
  const { context, secrets, running } = await openSecrets();
  assertEquals(offered(context), ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"]);
  const known = await secrets.secretOf(JOE.login);
  assert(known.kind === "secret");
  assertEquals([known.clear, known.scram, known.account.home], [null, null, null]);
  await running.end();
  const none = await openSecrets(null);
  assertEquals(offered(none.context), ["PLAIN", "LOGIN"]);
  await none.running.end();
});

Deno.test("openKeeperSecrets: CRAM-MD5 is judged there, a right one gives a token", async () => {
  const { context, tokens, running } = await openSecrets();
  for (const [secret, kind] of [["sesame", "ok"], ["wrong", "refused"]] as const) {
    const exchange = beginSasl("CRAM-MD5", context);
    const challenge = await exchange?.start(null);
    assert(challenge?.kind === "challenge");
    assertMatch(challenge.data, /^<.+@mail\.example\.org>$/);
    const step = await exchange?.receive(`${JOE.login} ${cramDigest(secret, challenge.data)}`);
    assert(step?.kind === "done");
    assertEquals([step.login, step.answer.kind], [JOE.login, kind]);
    if (step.answer.kind === "ok") assertEquals(tokenOf(tokens, step.answer.account).length, 64);
    // An exchange that is over is over there too.
    assertEquals((await exchange?.receive("again"))?.kind, "malformed");
  }
  await running.end();
});

Deno.test("openKeeperSecrets: SCRAM-SHA-256 takes the same steps for known and unknown", async () => {
  const { context, running } = await openSecrets();
  for (const login of [JOE.login, "nobody@example.org"]) {
    const exchange = beginSasl("SCRAM-SHA-256", context);
    const first = await exchange?.start(`n,,n=${login},r=0123456789abcdef`);
    assert(first?.kind === "challenge", JSON.stringify(first));
    assertMatch(first.data, /^r=0123456789abcdef.+,s=.+,i=\d+$/);
    const nonce = /^r=([^,]+)/.exec(first.data)?.[1];
    const last = await exchange?.receive(`c=biws,r=${nonce},p=${btoa("x".repeat(32))}`);
    assert(last?.kind === "done");
    assertEquals(last.answer.kind, "refused");
  }
  await running.end();
});

Deno.test("openKeeperSecrets: broken syntax is the client's, whoever reads it", async () => {
  const { context, running } = await openSecrets();
  const exchange = beginSasl("CRAM-MD5", context);
  await exchange?.start(null);
  assertEquals((await exchange?.receive("nonsense"))?.kind, "malformed");
  await running.end();
});

Deno.test("openKeeperSecrets: APOP is judged there", async () => {
  const { secrets, running } = await openSecrets();
  const stamp = "<1.2@mail.example.org>";
  const right = await checkApop(secrets, JOE.login, apopDigest("sesame", stamp), stamp);
  assertEquals(right, { kind: "ok", account: JOE });
  const wrong = await checkApop(secrets, JOE.login, apopDigest("wrong", stamp), stamp);
  assertEquals(wrong, { kind: "refused" });
  const long = await checkApop(secrets, "x".repeat(5000), "y", stamp);
  assertEquals(long, { kind: "refused" });
  await running.end();
});

Deno.test("openKeeperSecrets: a certificate's login is looked up there, and gives no token", async () => {
  const { context, tokens, running } = await openSecrets();
  for (const [external, kind] of [[JOE.login, "ok"], ["gone", "refused"]] as const) {
    const step = await beginSasl("EXTERNAL", { ...context, external })?.start("");
    assert(step?.kind === "done");
    assertEquals(step.answer.kind, kind);
    if (step.answer.kind === "ok") assertEquals(tokens.get(step.answer.account), undefined);
  }
  await running.end();
  await running.ended;
  const gone = await beginSasl("EXTERNAL", { ...context, external: JOE.login })?.start("");
  assert(gone?.kind === "done");
  assertEquals(gone.answer.kind, "undecided");
});

Deno.test("openKeeperResponses: a program's word comes back", async () => {
  const { connection, tokens, running } = await openSecrets();
  const check = openKeeperResponses(connection, tokens);
  assertEquals(await check(JOE.login, "right", "<stamp>"), { kind: "ok", account: JOE });
  assertEquals(await check(JOE.login, "wrong", "<stamp>"), { kind: "refused" });
  await running.end();
});

Deno.test("openKeeperSecrets: an exchange that the keeper does not know is undecided", async () => {
  const { secrets, running } = await openSecrets();
  const step = await secrets.exchange("CRAM-MD5", "x").receive(
    "joe 0123456789abcdef0123456789abcdef",
  );
  assert(step.kind === "done");
  assertEquals(step.answer.kind, "undecided");
  await running.end();
  await running.ended;
  const gone = await secrets.exchange("CRAM-MD5", "x").start(null);
  assert(gone.kind === "done");
  assertEquals(gone.answer.kind, "undecided");
});
