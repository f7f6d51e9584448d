/**
 * Checks a password against a stored one, and makes new ones. crypt(3) formats are computed by the
 * system's library where it is there; $1$, $5$, $6$ and $apr1$ by our own code where it is not;
 * {scrypt}, {SCRAM-SHA-256}, {SHA} and {PLAIN} by node:crypto.
 *
 * As many hashes at one time as there are cores: each yescrypt takes 16 MiB while it runs.
 */
import { createHash, scrypt } from "node:crypto";
import { equalSecrets, fromBytes, toBase64, toBytes } from "./bytes.ts";
import { digestCrypt, isDigestFormat, randomSalt } from "./crypt_digest.ts";
import { makeGate } from "./gate.ts";
import { clearPart, readHash, scramParts, scryptParts, shaPart } from "./hash_format.ts";
import { type CryptLibrary, systemLibcrypt } from "./libcrypt.ts";
import { deriveScram } from "./scram_keys.ts";

/** A hash that can't be computed here. The message is a sentence and quotes no hash. */
export class CryptError extends Error {
  override name = "CryptError";
}

/** Ways to store a new password; "plain" is for APOP and CRAM-MD5 only. */
export const NEW_SCHEMES = [
  "yescrypt",
  "sha512crypt",
  "bcrypt",
  "scrypt",
  "scram",
  "plain",
] as const;
export type NewScheme = (typeof NEW_SCHEMES)[number];

/** The longest password taken, in bytes (CRYPT_MAX_PASSPHRASE_SIZE). */
export const MAX_PASSWORD_BYTES = 512;

/** Checks and makes stored passwords. Passwords are binary strings without NUL. */
export interface Hasher {
  /**
   * Does `password` fit what is stored? Rejects with CryptError or GateFullError when that can't be
   * told.
   */
  check(password: string, stored: string): Promise<boolean>;
  /**
   * The same at once, where the hash is so cheap that neither a thread nor a memory of right logins would save anything;
   * null: it is not.
   */
  checkNow?(password: string, stored: string): boolean | null;
  /** What to store for a new password. */
  make(password: string, scheme: NewScheme): Promise<{ stored: string; scheme: NewScheme }>;
  /** Why a stored password of a known form can't be computed here; null when it can. */
  missing(stored: string): string | null;
}

const SHA512_ROUNDS = 50_000;
const BCRYPT_COST = 11;
const SCRYPT = { n: 32768, r: 8, p: 1 };
const SCRAM_ITERATIONS = 32768;
/** Checks that may wait for a free core before the next is put off. */
const MAX_WAITING = 5000;

function deriveScrypt(
  password: string,
  salt: string,
  length: number,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<string> {
  const options = { N: n, r, p, maxmem: 128 * n * r + 128 * r * (p + 2) + 1024 * 1024 };
  return new Promise((resolve, reject) =>
    scrypt(toBytes(password), toBytes(salt), length, options, (error, key) => {
      if (error === null) resolve(fromBytes(key));
      else reject(new CryptError("A {scrypt} entry can't be computed here", { cause: error }));
    })
  );
}

/** Checks the forms that crypt(3) has nothing to do with; null for others. */
async function checkOwn(password: string, stored: string): Promise<boolean | null> {
  const scryptEntry = scryptParts(stored);
  if (scryptEntry !== null) {
    const { salt, key } = scryptEntry;
    return equalSecrets(await deriveScrypt(password, salt, key.length, scryptEntry), key);
  }
  const scram = scramParts(stored);
  if (scram !== null) {
    const keys = await deriveScram(password, scram.salt, scram.iterations);
    return equalSecrets(keys.storedKey, scram.storedKey);
  }
  const sha = shaPart(stored);
  if (sha !== null) {
    return equalSecrets(fromBytes(createHash("sha1").update(toBytes(password)).digest()), sha);
  }
  const clear = clearPart(stored);
  return clear === null ? null : equalSecrets(password, clear);
}

async function checkCrypt(library: CryptLibrary | string, password: string, stored: string) {
  const computed = typeof library === "string" || stored.startsWith("$apr1$")
    ? await digestCrypt(password, stored)
    : await library.crypt(password, stored);
  if (computed !== null) return equalSecrets(computed, stored);
  throw new CryptError(missingHere(library, stored) ?? "The crypt library failed on a stored hash");
}

/** DES crypt (3 us), where another thread costs 12 and its core as much again. */
const DES = /^[./0-9A-Za-z]{13}$/;

function checkNow(library: () => CryptLibrary | string, password: string, stored: string) {
  if (!DES.test(stored)) return null;
  const opened = library();
  const computed = typeof opened === "string" ? null : opened.cryptNow?.(password, stored) ?? null;
  return computed === null ? null : equalSecrets(computed, stored);
}

function missingHere(library: CryptLibrary | string, stored: string): string | null {
  const reading = readHash(stored);
  if ("fault" in reading) return reading.fault;
  const { scheme, by } = reading.format;
  if (by === "own") return null;
  if (typeof library === "string") {
    return isDigestFormat(stored) ? null : `${library}, and nothing else here can check ${scheme}`;
  }
  return library.knows(stored) === false ? `${library.name} can't check ${scheme}` : null;
}

function randomText(bytes: number): string {
  return fromBytes(crypto.getRandomValues(new Uint8Array(bytes)));
}

async function makeCrypt(
  library: CryptLibrary | string,
  password: string,
  scheme: "yescrypt" | "sha512crypt" | "bcrypt",
): Promise<{ stored: string; scheme: NewScheme }> {
  const wanted = { yescrypt: ["$y$", 0], bcrypt: ["$2b$", BCRYPT_COST], sha512crypt: null }[scheme];
  if (wanted !== null && typeof library !== "string") {
    const [prefix, cost] = wanted as [string, number];
    const random = crypto.getRandomValues(new Uint8Array(32));
    const setting = library.makeSetting(prefix, cost, random);
    const stored = setting === null ? null : await library.crypt(password, setting);
    if (stored !== null) return { stored, scheme };
  }
  if (scheme === "bcrypt") {
    throw new CryptError(
      typeof library === "string" ? library : `${library.name} can't make bcrypt hashes`,
    );
  }
  const setting = `$6$rounds=${SHA512_ROUNDS}$${randomSalt(16)}$`;
  const stored = typeof library === "string"
    ? await digestCrypt(password, setting)
    : await library.crypt(password, setting);
  if (stored === null) throw new CryptError("The crypt library can't make sha512crypt hashes");
  return { stored, scheme: "sha512crypt" };
}

async function makeStored(
  library: CryptLibrary | string,
  password: string,
  scheme: NewScheme,
): Promise<{ stored: string; scheme: NewScheme }> {
  switch (scheme) {
    case "scrypt": {
      const salt = randomText(16);
      const key = await deriveScrypt(password, salt, 32, SCRYPT);
      const { n, r, p } = SCRYPT;
      return { stored: `{scrypt}${n},${r},${p},${toBase64(salt)},${toBase64(key)}`, scheme };
    }
    case "scram": {
      const keys = await deriveScram(password, randomText(16), SCRAM_ITERATIONS);
      const words = [keys.salt, keys.storedKey, keys.serverKey].map(toBase64);
      return { stored: `{SCRAM-SHA-256}${keys.iterations},${words.join(",")}`, scheme };
    }
    case "plain":
      return /[^\x21-\x7e]|:/.test(password)
        ? { stored: `{PLAIN.B64}${toBase64(password)}`, scheme }
        : { stored: `{PLAIN}${password}`, scheme };
    default:
      return await makeCrypt(library, password, scheme);
  }
}

/**
 * A hasher over `open`'s library (opened at the first use), computing `atOnce` hashes at one time;
 * 0: one a core.
 */
export function makeHasher(
  atOnce = 0,
  open: () => CryptLibrary | string = systemLibcrypt,
): Hasher {
  const limit = atOnce > 0 ? atOnce : Math.max(1, navigator.hardwareConcurrency);
  const gate = makeGate(limit, MAX_WAITING, "password checks");
  let opened: CryptLibrary | string | null = null;
  const library = () => opened ??= open();
  return {
    check: (password, stored) =>
      gate(async () =>
        await checkOwn(password, stored) ?? await checkCrypt(library(), password, stored)
      ),
    checkNow: (password, stored) => checkNow(library, password, stored),
    make: (password, scheme) => gate(() => makeStored(library(), password, scheme)),
    missing: (stored) => missingHere(library(), stored),
  };
}
