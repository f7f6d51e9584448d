/**
 * CRAM-MD5 (RFC 2195) and APOP (RFC 1939 section 7): the client shows that it knows a secret which
 * is stored in clear. An unknown login, and one whose secret is not in clear, takes the same
 * computation.
 */
import { createHash, createHmac } from "node:crypto";
import { equalSecrets, lowerAscii, toBytes } from "./bytes.ts";
import {
  isRemote,
  malformed,
  type SaslContext,
  type SaslExchange,
  type SaslStep,
} from "./sasl_types.ts";
import type { AuthAnswer, SecretSource } from "./types.ts";

/** Compared against where there is no secret; what it is makes no difference. */
const NO_SECRET = "no such login";

async function checkDigest(
  secrets: SecretSource,
  login: string,
  given: string,
  compute: (secret: string) => string,
): Promise<AuthAnswer> {
  const found = await secrets.secretOf(login);
  if (found.kind === "undecided") return found;
  const clear = found.kind === "secret" ? found.clear : null;
  const fits = equalSecrets(compute(clear ?? NO_SECRET), given);
  return fits && clear !== null && found.kind === "secret"
    ? { kind: "ok", account: found.account }
    : { kind: "refused" };
}

/** The hexadecimal digest that CRAM-MD5 wants. */
export function cramDigest(secret: string, challenge: string): string {
  return createHmac("md5", toBytes(secret)).update(toBytes(challenge)).digest("hex");
}

/** The hexadecimal digest that APOP wants. */
export function apopDigest(secret: string, stamp: string): string {
  return createHash("md5").update(toBytes(stamp + secret)).digest("hex");
}

/**
 * Checks APOP's digest of `stamp`, the greeting's `<...>` with its angle brackets. Never rejects.
 */
export function checkApop(
  secrets: SecretSource,
  login: string,
  digest: string,
  stamp: string,
): Promise<AuthAnswer> {
  if (isRemote(secrets)) return secrets.apop(login, digest, stamp);
  return checkDigest(secrets, login, lowerAscii(digest), (secret) => apopDigest(secret, stamp));
}

/** An exchange of CRAM-MD5. */
export function cramMd5(context: SaslContext, secrets: SecretSource): SaslExchange {
  const stamp = `<${context.nonce()}.${context.now()}@${context.hostname}>`;
  return {
    start: (initial) =>
      initial === null
        ? { kind: "challenge", data: stamp }
        : malformed("CRAM-MD5 has no initial response"),
    async receive(data): Promise<SaslStep> {
      const m = /^([\s\S]+) ([0-9a-fA-F]{32})$/.exec(data);
      if (m === null) return malformed("A CRAM-MD5 response is a login, a blank and 32 digits");
      const login = m[1] ?? "";
      const answer = await checkDigest(
        secrets,
        login,
        lowerAscii(m[2] ?? ""),
        (secret) => cramDigest(secret, stamp),
      );
      return { kind: "done", login, answer };
    },
  };
}
