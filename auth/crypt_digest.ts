/**
 * The crypt(3) formats that are built on MD5 and SHA-2, computed without the system's library: $1$
 * (Kamp), $apr1$ (Apache's variant of it), $5$ and $6$ (Drepper, "Unix crypt using SHA-256 and
 * SHA-512").
 *
 * Used for $apr1$, which no crypt(3) knows, and where the library is missing. Lets the event loop
 * turn in between: slower than the library, never in anyone's way.
 */
import { createHash } from "node:crypto";
import { fromBytes, toBytes } from "./bytes.ts";

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Rounds computed before the event loop may turn: about a millisecond. */
const ROUNDS_AT_ONCE = 500;

/** `count` characters of six bits each, lowest bits first. */
function sixBits(value: number, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += ALPHABET[(value >> (6 * i)) & 63];
  return text;
}

/** Three bytes of a digest, the first highest, as four characters. */
const triple = (d: Uint8Array, a: number, b: number, c: number): string =>
  sixBits(((d[a] ?? 0) << 16) | ((d[b] ?? 0) << 8) | (d[c] ?? 0), 4);

type Digest = "md5" | "sha256" | "sha512";

function digest(kind: Digest, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(kind);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The first `length` bytes of `bytes` repeated. */
function repeated(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = bytes[i % bytes.length] ?? 0;
  return out;
}

/** The mixing that all four have in common. */
async function stretch(
  kind: Digest,
  first: Uint8Array,
  password: Uint8Array,
  salt: Uint8Array,
  rounds: number,
): Promise<Uint8Array> {
  let last = first;
  for (let i = 0; i < rounds; i++) {
    const odd = i % 2 === 1;
    const parts = [odd ? password : last];
    if (i % 3 !== 0) parts.push(salt);
    if (i % 7 !== 0) parts.push(password);
    parts.push(odd ? last : password);
    last = digest(kind, ...parts);
    if (i % ROUNDS_AT_ONCE === ROUNDS_AT_ONCE - 1) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  return last;
}

async function md5Crypt(password: string, magic: string, saltText: string): Promise<string> {
  const key = toBytes(password);
  const salt = toBytes(saltText);
  const inner = digest("md5", key, salt, key);
  const parts = [key, toBytes(magic), salt, repeated(inner, key.length)];
  for (let i = key.length; i > 0; i >>= 1) {
    parts.push(i % 2 === 1 ? Uint8Array.of(0) : key.subarray(0, 1));
  }
  const d = await stretch("md5", digest("md5", ...parts), key, salt, 1000);
  const text = triple(d, 0, 6, 12) + triple(d, 1, 7, 13) + triple(d, 2, 8, 14) +
    triple(d, 3, 9, 15) + triple(d, 4, 10, 5) + sixBits(d[11] ?? 0, 2);
  return `${magic}${saltText}$${text}`;
}

function sha512Text(d: Uint8Array): string {
  let [a, b, c, text] = [0, 21, 42, ""];
  for (let i = 0; i < 21; i++) {
    text += triple(d, a, b, c);
    [a, b, c] = [b + 1, c + 1, a + 1];
  }
  return text + sixBits(d[63] ?? 0, 2);
}

function sha256Text(d: Uint8Array): string {
  let [a, b, c, text] = [0, 10, 20, ""];
  for (let i = 0; i < 10; i++) {
    text += triple(d, a, b, c);
    [a, b, c] = [c + 1, a + 1, b + 1];
  }
  return text + sixBits(((d[31] ?? 0) << 8) | (d[30] ?? 0), 3);
}

async function sha2Crypt(
  kind: "sha256" | "sha512",
  password: string,
  saltText: string,
  rounds: number,
): Promise<string> {
  const key = toBytes(password);
  const salt = toBytes(saltText);
  const inner = digest(kind, key, salt, key);
  const parts = [key, salt, repeated(inner, key.length)];
  for (let i = key.length; i > 0; i >>= 1) parts.push(i % 2 === 1 ? inner : key);
  const first = digest(kind, ...parts);
  const keyDigest = digest(kind, ...Array.from({ length: key.length }, () => key));
  const saltDigest = digest(kind, ...Array.from({ length: 16 + (first[0] ?? 0) }, () => salt));
  const d = await stretch(
    kind,
    first,
    repeated(keyDigest, key.length),
    repeated(saltDigest, salt.length),
    rounds,
  );
  return kind === "sha512" ? sha512Text(d) : sha256Text(d);
}

const DEFAULT_ROUNDS = 5000;
const SETTING = /^\$([156]|apr1)\$(?:rounds=(\d{1,10})\$)?([^$]{0,16})/;

/** Can {@linkcode digestCrypt} compute this one? */
export function isDigestFormat(setting: string): boolean {
  return SETTING.test(setting);
}

/**
 * The hash of `password` with `setting` (a hash will do); null when the format is another. Binary
 * strings.
 */
export async function digestCrypt(password: string, setting: string): Promise<string | null> {
  const m = SETTING.exec(setting);
  if (m === null) return null;
  const id = m[1] ?? "";
  const salt = m[3] ?? "";
  if (id === "1" || id === "apr1") return await md5Crypt(password, `$${id}$`, salt.slice(0, 8));
  const asked = m[2] === undefined ? DEFAULT_ROUNDS : Number(m[2]);
  const rounds = Math.min(Math.max(asked, 1000), 999_999_999);
  const text = await sha2Crypt(id === "6" ? "sha512" : "sha256", password, salt, rounds);
  return `$${id}$${m[2] === undefined ? "" : `rounds=${rounds}$`}${salt}$${text}`;
}

/** `length` random characters of crypt(3)'s alphabet. */
export function randomSalt(length: number): string {
  const random = crypto.getRandomValues(new Uint8Array(length));
  return fromBytes(random.map((byte) => ALPHABET.charCodeAt(byte & 63)));
}
