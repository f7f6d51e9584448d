import { assert, assertEquals } from "@std/assert";
import { checkApop } from "../../../auth/sasl_digest.ts";
import { beginSasl, type SaslContext, type SaslStep } from "../../../auth/sasl.ts";
import type { SecretAnswer, SecretSource } from "../../../auth/types.ts";

const place = { user: null, uid: null, gid: null, home: null, maildir: null };

/** tim has a clear secret, ann only a hash, bob can't be told. */
function makeSecrets(): SecretSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    secretOf(login): SecretAnswer {
      asked.push(login);
      const account = { login, ...place };
      if (login === "tim") {
        return { kind: "secret", account, clear: "tanstaaftanstaaf", scram: null };
      }
      if (login === "ann") return { kind: "secret", account, clear: null, scram: null };
      if (login === "bob") return { kind: "undecided", reason: "The file is gone" };
      return { kind: "unknown" };
    },
    forms: () => ({ clear: true, scram: false }),
    fakeScram: () => ({ salt: "salt", iterations: 4096 }),
  };
}

function cram(secrets: SecretSource) {
  const context: SaslContext = {
    authenticator: { checkPassword: () => Promise.resolve({ kind: "refused" }) },
    secrets,
    external: null,
    hostname: "postoffice.reston.mci.net",
    nonce: () => "1896",
    now: () => 697170952,
  };
  const exchange = beginSasl("CRAM-MD5", context);
  assert(exchange !== null);
  return exchange;
}

const kindOf = (step: SaslStep): string => step.kind === "done" ? step.answer.kind : step.kind;
const DIGEST = "b913a602c7eda7a495b4e6e7334d3890";

Deno.test("beginSasl CRAM-MD5: the example of RFC 2195", async () => {
  const exchange = cram(makeSecrets());
  assertEquals(await exchange.start(null), {
    kind: "challenge",
    data: "<1896.697170952@postoffice.reston.mci.net>",
  });
  const step = await exchange.receive(`tim ${DIGEST}`);
  assert(step.kind === "done" && step.answer.kind === "ok");
  assertEquals([step.login, step.answer.account.login], ["tim", "tim"]);
});

Deno.test("beginSasl CRAM-MD5: wrong digest, unknown login and hash without secret look alike", async () => {
  for (const who of ["tim", "nobody", "ann"]) {
    const exchange = cram(makeSecrets());
    await exchange.start(null);
    const step = await exchange.receive(`${who} ${"0".repeat(32)}`);
    assertEquals(step, { kind: "done", login: who, answer: { kind: "refused" } });
  }
});

Deno.test("beginSasl CRAM-MD5: the placeholder secret lets nobody in", async () => {
  const { cramDigest } = await import("../../../auth/sasl_digest.ts");
  const exchange = cram(makeSecrets());
  const first = await exchange.start(null);
  assert(first.kind === "challenge");
  const step = await exchange.receive(`nobody ${cramDigest("no such login", first.data)}`);
  assertEquals(kindOf(step), "refused");
});

Deno.test("beginSasl CRAM-MD5: trouble is undecided, broken syntax malformed", async () => {
  const exchange = cram(makeSecrets());
  await exchange.start(null);
  assertEquals(kindOf(await exchange.receive(`bob ${DIGEST}`)), "undecided");
  for (const data of ["tim", DIGEST, `tim ${DIGEST}0`, `tim ${DIGEST.slice(1)}z`]) {
    const other = cram(makeSecrets());
    await other.start(null);
    assertEquals(kindOf(await other.receive(data)), "malformed", data);
  }
  assertEquals(kindOf(await cram(makeSecrets()).start("tim")), "malformed");
});

Deno.test("checkApop: the example of RFC 1939", async () => {
  const secrets: SecretSource = {
    ...makeSecrets(),
    secretOf: (login) => ({
      kind: "secret",
      account: { login, ...place },
      clear: "tanstaaf",
      scram: null,
    }),
  };
  const stamp = "<1896.697170952@dbc.mtview.ca.us>";
  const digest = "c4c9334bac560ecc979e58001b3e22fb";
  assertEquals((await checkApop(secrets, "mrose", digest, stamp)).kind, "ok");
  assertEquals((await checkApop(secrets, "mrose", digest.toUpperCase(), stamp)).kind, "ok");
  assertEquals((await checkApop(secrets, "mrose", digest, `${stamp} `)).kind, "refused");
  assertEquals((await checkApop(secrets, "mrose", "", stamp)).kind, "refused");
});

Deno.test("checkApop: a login is looked up once whether it exists or not", async () => {
  const secrets = makeSecrets();
  for (const login of ["tim", "nobody"]) await checkApop(secrets, login, DIGEST, "<s>");
  assertEquals(secrets.asked, ["tim", "nobody"]);
});
