import { assert, assertEquals } from "@std/assert";
import {
  beginSasl,
  offered,
  randomNonce,
  readInitialResponse,
  readSaslLine,
  type SaslContext,
  type SaslStep,
} from "../../../auth/sasl.ts";
import type { Account, AuthAnswer, SecretSource } from "../../../auth/types.ts";

const place = { user: null, uid: null, gid: null, home: null, maildir: null };
const account = (login: string): Account => ({ login, ...place });

const NO_SECRETS: SecretSource = {
  secretOf: () => ({ kind: "unknown" }),
  forms: () => ({ clear: false, scram: false }),
  fakeScram: () => ({ salt: "salt", iterations: 4096 }),
};

/** A context in which joe's password is "secret"; `asked` notes what was checked. */
function makeContext(more: Partial<SaslContext> = {}) {
  const asked: string[] = [];
  const context: SaslContext = {
    authenticator: {
      checkPassword(login, password): Promise<AuthAnswer> {
        asked.push(`${login}/${password}`);
        return Promise.resolve(
          login === "joe" && password === "secret"
            ? { kind: "ok", account: account("joe") }
            : { kind: "refused" },
        );
      },
    },
    secrets: null,
    external: null,
    hostname: "mail.example.org",
    nonce: () => "nonce",
    now: () => 1000,
    ...more,
  };
  return { context, asked };
}

function begin(name: string, context: SaslContext) {
  const exchange = beginSasl(name, context);
  assert(exchange !== null, name);
  return exchange;
}

const kindOf = (step: SaslStep): string => step.kind === "done" ? step.answer.kind : step.kind;

Deno.test("beginSasl PLAIN: with and without initial response", async () => {
  const { context, asked } = makeContext();
  assertEquals(kindOf(await begin("plain", context).start("\0joe\0secret")), "ok");
  const second = begin("PLAIN", context);
  assertEquals(await second.start(null), { kind: "challenge", data: "" });
  assertEquals(kindOf(await second.receive("\0joe\0wrong")), "refused");
  assertEquals(asked, ["joe/secret", "joe/wrong"]);
});

Deno.test("beginSasl PLAIN: an authorization identity must be the login itself", async () => {
  const { context, asked } = makeContext();
  assertEquals(kindOf(await begin("PLAIN", context).start("joe\0joe\0secret")), "ok");
  assertEquals(kindOf(await begin("PLAIN", context).start("ann\0joe\0secret")), "refused");
  assertEquals(asked, ["joe/secret"]);
});

Deno.test("beginSasl PLAIN: what is no PLAIN response is malformed and asks nobody", async () => {
  const { context, asked } = makeContext();
  for (const data of ["", "joe", "joe\0secret", "\0joe\0secret\0more", "\0\0secret", "\0joe\0"]) {
    assertEquals(kindOf(await begin("PLAIN", context).start(data)), "malformed", data);
  }
  assertEquals(asked, []);
});

Deno.test("beginSasl LOGIN: asks for login and password in turn", async () => {
  const { context } = makeContext();
  const exchange = begin("LOGIN", context);
  assertEquals(await exchange.start(null), { kind: "challenge", data: "Username:" });
  assertEquals(await exchange.receive("joe"), { kind: "challenge", data: "Password:" });
  const last = await exchange.receive("secret");
  assert(last.kind === "done" && last.login === "joe" && last.answer.kind === "ok");
  assertEquals(kindOf(await exchange.receive("secret")), "malformed");
});

Deno.test("beginSasl LOGIN: an initial response is the login", async () => {
  const { context } = makeContext();
  const exchange = begin("LOGIN", context);
  assertEquals(await exchange.start("joe"), { kind: "challenge", data: "Password:" });
  assertEquals(kindOf(await exchange.receive("nope")), "refused");
});

Deno.test("beginSasl EXTERNAL: the certificate's login, and no other", async () => {
  const { context } = makeContext({ external: "joe@example.org" });
  assertEquals(kindOf(await begin("EXTERNAL", context).start("")), "ok");
  assertEquals(kindOf(await begin("EXTERNAL", context).start("joe@example.org")), "ok");
  assertEquals(kindOf(await begin("EXTERNAL", context).start("ann")), "refused");
  assertEquals(beginSasl("EXTERNAL", makeContext().context), null);
});

Deno.test("beginSasl EXTERNAL: where there is a users file it has the last word", async () => {
  const stored: SecretSource = {
    ...NO_SECRETS,
    secretOf: (login) =>
      login === "trouble"
        ? { kind: "undecided", reason: "The file can't be read" }
        : login === "joe"
        ? { kind: "secret", account: { ...account("joe"), uid: 7 }, clear: "x", scram: null }
        : { kind: "unknown" },
  };
  for (const [external, kind] of [["joe", "ok"], ["gone", "refused"], ["trouble", "undecided"]]) {
    const { context } = makeContext({ external: external!, secrets: stored });
    assertEquals(kindOf(await begin("EXTERNAL", context).start("")), kind, external);
  }
  const { context } = makeContext({ external: "joe", secrets: stored });
  const step = await begin("EXTERNAL", context).start("");
  const account7 = { ...account("joe"), uid: 7 };
  assertEquals(step, { kind: "done", login: "joe", answer: { kind: "ok", account: account7 } });
  const none = makeContext({ external: "gone", secrets: { ...stored, isThere: () => false } });
  assertEquals(kindOf(await begin("EXTERNAL", none.context).start("")), "ok");
});

Deno.test("beginSasl: the session's environment reaches the authenticator", async () => {
  let seen: unknown = null;
  const { context } = makeContext({
    env: { TCPREMOTEIP: "192.0.2.1" },
    authenticator: {
      checkPassword(_login, _password, env) {
        seen = env;
        return Promise.resolve({ kind: "refused" });
      },
    },
  });
  await begin("PLAIN", context).start("\0joe\0x");
  assertEquals(seen, { TCPREMOTEIP: "192.0.2.1" });
});

Deno.test("offered: only what somebody could log in with", () => {
  const secrets = (clear: boolean, scram: boolean): SecretSource => ({
    ...NO_SECRETS,
    forms: () => ({ clear, scram }),
  });
  assertEquals(offered({ secrets: null, external: null }), ["PLAIN", "LOGIN"]);
  assertEquals(offered({ secrets: secrets(false, true), external: null }), [
    "SCRAM-SHA-256",
    "PLAIN",
    "LOGIN",
  ]);
  assertEquals(offered({ secrets: secrets(true, false), external: "joe" }), [
    "SCRAM-SHA-256",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "EXTERNAL",
  ]);
  assertEquals(beginSasl("CRAM-MD5", makeContext({ secrets: NO_SECRETS }).context), null);
  assertEquals(beginSasl("GSSAPI", makeContext().context), null);
});

Deno.test("readSaslLine: base64, cancel, and what is neither", () => {
  assertEquals(readSaslLine("AGpvZQBzZWNyZXQ="), { kind: "data", data: "\0joe\0secret" });
  assertEquals(readSaslLine(""), { kind: "data", data: "" });
  assertEquals(readSaslLine("*"), { kind: "cancel" });
  for (const line of ["=", "AGpvZQBzZWNyZXQ", "AG pv", "A===", "\xe4BCD"]) {
    assertEquals(readSaslLine(line).kind, "malformed", line);
  }
  assertEquals(readInitialResponse("="), { kind: "data", data: "" });
});

Deno.test("randomNonce: printable without blank and comma, never the same", () => {
  const [one, two] = [randomNonce(), randomNonce()];
  assert(/^[A-Za-z0-9+/]{24}$/.test(one), one);
  assert(one !== two);
});
