/**
 * The keys of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677) and the preparation of passwords for
 * them.
 *
 * DIFFERS: from RFC 4013 (SASLprep) in that prohibited and unassigned characters are let through: a
 * password that was stored can be used, and both ends of one login prepare it alike.
 */
import { createHash, createHmac, pbkdf2 } from "node:crypto";
import { fromBytes, fromUtf8, toBytes } from "./bytes.ts";
import type { ScramKeys } from "./types.ts";

const BLANKS = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;

/**
 * SASLprep of a password: blanks become spaces, invisible characters go, NFKC. Not UTF-8: left as
 * it is.
 */
export function prepare(password: string): string {
  // deno-lint-ignore no-control-regex -- ASCII needs no preparation
  if (/^[\x00-\x7f]*$/.test(password)) return password;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      toBytes(password),
    );
    return fromUtf8(text.replace(BLANKS, " ").replace(NOTHING, "").normalize("NFKC"));
  } catch {
    return password;
  }
}

/** HMAC-SHA-256; all binary strings. */
export function hmac(key: string, text: string): string {
  return fromBytes(createHmac("sha256", toBytes(key)).update(toBytes(text)).digest());
}

/** SHA-256; binary strings. */
export function sha256(text: string): string {
  return fromBytes(createHash("sha256").update(toBytes(text)).digest());
}

/** Derives the keys of `password`, off the event loop. */
export async function deriveScram(
  password: string,
  salt: string,
  iterations: number,
): Promise<ScramKeys> {
  const salted = await new Promise<string>((resolve, reject) =>
    pbkdf2(toBytes(prepare(password)), toBytes(salt), iterations, 32, "sha256", (error, key) => {
      if (error === null) resolve(fromBytes(key));
      else reject(error);
    })
  );
  const storedKey = sha256(hmac(salted, "Client Key"));
  return { iterations, salt, storedKey, serverKey: hmac(salted, "Server Key") };
}
