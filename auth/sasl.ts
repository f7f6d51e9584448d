/**
 * The server's side of SASL: PLAIN (RFC 4616), LOGIN (as clients speak it), CRAM-MD5 (RFC 2195),
 * SCRAM-SHA-256 (RFC 5802, 7677, without channel binding), EXTERNAL (RFC 4422 appendix A). POP3's
 * AUTH and SMTP's AUTH frame it.
 *
 * An exchange takes the client's decoded bytes and gives a challenge or the outcome. It does no
 * I/O: it asks the Authenticator or SecretSource it was given. An unknown login takes every step
 * that a known one takes.
 */
import { fromBase64 } from "./bytes.ts";
import { cramMd5 } from "./sasl_digest.ts";
import { scramSha256 } from "./sasl_scram.ts";
import {
  isRemote,
  malformed,
  refused,
  type SaslContext,
  type SaslExchange,
  type SaslStep,
  type SecretMechanism,
} from "./sasl_types.ts";
import type { AuthAnswer, SecretSource } from "./types.ts";

export { randomNonce, type SaslContext, type SaslExchange, type SaslStep } from "./sasl_types.ts";

export const MECHANISMS = ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL"] as const;
export type Mechanism = (typeof MECHANISMS)[number];

const challenge = (data: string): SaslStep => ({ kind: "challenge", data });

const NOT_EXPECTED = malformed("The exchange is over");

async function checkPassword(
  context: SaslContext,
  login: string,
  password: string,
): Promise<SaslStep> {
  const answer = await context.authenticator.checkPassword(login, password, context.env);
  return { kind: "done", login, answer };
}

function plain(context: SaslContext): SaslExchange {
  const receive = (data: string): SaslStep | Promise<SaslStep> => {
    const parts = data.split("\0");
    const [authorize = "", login = "", password = ""] = parts;
    if (parts.length !== 3 || login === "" || password === "") {
      return malformed(
        "A PLAIN response has an identity, a login and a password, with NULs between",
      );
    }
    // Nobody may act for somebody else.
    if (authorize !== "" && authorize !== login) return refused(login);
    return checkPassword(context, login, password);
  };
  return { start: (initial) => initial === null ? challenge("") : receive(initial), receive };
}

function login(context: SaslContext): SaslExchange {
  let name: string | null = null;
  const receive = (data: string): SaslStep | Promise<SaslStep> => {
    if (name !== null) return checkPassword(context, name, data);
    if (data === "") return malformed("The login is empty");
    name = data;
    return challenge("Password:");
  };
  return {
    start: (initial) => initial === null ? challenge("Username:") : receive(initial),
    receive,
  };
}

/** A certificate proves who somebody is; the users file, where there is one, says whether he still may. */
async function mayStill(login: string, secrets: SecretSource): Promise<AuthAnswer> {
  const found = await secrets.secretOf(login);
  if (found.kind === "undecided") return found;
  return found.kind === "unknown" ? { kind: "refused" } : { kind: "ok", account: found.account };
}

function external(context: SaslContext): SaslExchange {
  const { external: login, secrets } = context;
  const receive = (data: string): SaslStep | Promise<SaslStep> => {
    if (login === null || (data !== "" && data !== login)) return refused(data);
    if (secrets !== null && secrets.isThere?.() !== false) {
      return mayStill(login, secrets).then((answer) => ({ kind: "done", login, answer }));
    }
    const account = { login, user: null, uid: null, gid: null, home: null, maildir: null };
    return { kind: "done", login, answer: { kind: "ok", account } };
  };
  return { start: (initial) => initial === null ? challenge("") : receive(initial), receive };
}

/** Takes no further step once an exchange has ended. */
function once(inner: SaslExchange): SaslExchange {
  let over = false;
  const note = (step: SaslStep): SaslStep => {
    over = step.kind !== "challenge";
    return step;
  };
  const guard = (step: () => SaslStep | Promise<SaslStep>): SaslStep | Promise<SaslStep> => {
    if (over) return NOT_EXPECTED;
    const next = step();
    return next instanceof Promise ? next.then(note) : note(next);
  };
  return {
    start: (initial) => guard(() => inner.start(initial)),
    receive: (data) => guard(() => inner.receive(data)),
  };
}

function withSecrets(
  name: SecretMechanism,
  context: SaslContext,
  secrets: SecretSource,
): SaslExchange {
  if (isRemote(secrets)) return secrets.exchange(name, context.hostname);
  return name === "CRAM-MD5" ? cramMd5(context, secrets) : scramSha256(context, secrets);
}

/** An exchange of `mechanism` (any case); null when it is not one of {@linkcode offered}. */
export function beginSasl(mechanism: string, context: SaslContext): SaslExchange | null {
  const name = offered(context).find((m) => m === mechanism.toUpperCase());
  switch (name) {
    case "PLAIN":
      return once(plain(context));
    case "LOGIN":
      return once(login(context));
    case "EXTERNAL":
      return once(external(context));
    case "CRAM-MD5":
    case "SCRAM-SHA-256":
      return context.secrets === null ? null : once(withSecrets(name, context, context.secrets));
    case undefined:
      return null;
  }
}

/**
 * The mechanisms that somebody could log in with, the best first. TLS is for the caller to look at.
 */
export function offered(
  context: Pick<SaslContext, "secrets" | "external">,
): readonly Mechanism[] {
  const forms = context.secrets?.forms() ?? { clear: false, scram: false };
  return MECHANISMS.filter((name) => {
    if (name === "SCRAM-SHA-256") return forms.scram || forms.clear;
    if (name === "CRAM-MD5") return forms.clear;
    return name === "EXTERNAL" ? context.external !== null : true;
  });
}

/** What a client's line in an exchange says. */
export type SaslLine =
  | { readonly kind: "data"; readonly data: string }
  | { readonly kind: "cancel" }
  | { readonly kind: "malformed"; readonly reason: string };

/** Decodes a line: base64, or "*" to cancel (RFC 4954 section 4, RFC 5034 section 4). */
export function readSaslLine(line: string): SaslLine {
  if (line === "*") return { kind: "cancel" };
  const data = fromBase64(line);
  return data === null
    ? { kind: "malformed", reason: "The response is not base64" }
    : { kind: "data", data };
}

/** Decodes an initial response, in which "=" stands for an empty one. */
export function readInitialResponse(word: string): SaslLine {
  return word === "=" ? { kind: "data", data: "" } : readSaslLine(word);
}
