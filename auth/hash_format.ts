/**
 * Which form a stored password has, told from its text alone: the crypt(3) formats of libxcrypt and
 * glibc, Apache's $apr1$ and {SHA}, and our {scrypt}, {SCRAM-SHA-256}, {PLAIN} (docs/passwords.md
 * lists them all).
 *
 * Nothing is computed here, and no message quotes a stored password: it might be one in clear.
 */
import { fromBase64 } from "./bytes.ts";

/** A stored password of a known form. */
export interface HashFormat {
  /** Name for people: "yescrypt", "sha512crypt" ... */
  readonly scheme: string;
  /**
   * Two hashes of the same cost class take the same time to check: the scheme and its parameters.
   */
  readonly costClass: string;
  /** Who computes it: crypt(3), or this program alone. */
  readonly by: "crypt" | "own";
  /** Why the form is a poor choice, as a sentence; null where it is a good one. */
  readonly warning: string | null;
}

/** Known form, or one sentence why no password can ever fit. */
export type HashReading = { readonly format: HashFormat } | { readonly fault: string };

interface CryptForm {
  readonly scheme: string;
  /** What every hash of the form begins with. */
  readonly prefix: RegExp;
  /** A complete hash; the first group is what its cost depends on. */
  readonly whole: RegExp;
  readonly warning?: string;
}

const WEAK = "can be guessed quickly by whoever gets the file; set a new password";

const CRYPT_FORMS: readonly CryptForm[] = [
  { scheme: "yescrypt", prefix: /^\$y\$/, whole: /^(\$y\$[./\w]+)\$[./\w]{0,86}\$[./\w]{43}$/ },
  {
    scheme: "gost-yescrypt",
    prefix: /^\$gy\$/,
    whole: /^(\$gy\$[./\w]+)\$[./\w]{0,86}\$[./\w]{43}$/,
  },
  {
    scheme: "scrypt ($7$)",
    prefix: /^\$7\$/,
    whole: /^(\$7\$[./\w]{11})[./\w]{0,86}\$[./\w]{43}$/,
  },
  { scheme: "bcrypt", prefix: /^\$2[abxy]\$/, whole: /^(\$2[abxy]\$\d\d)\$[./\w]{53}$/ },
  {
    scheme: "sha512crypt",
    prefix: /^\$6\$/,
    whole: /^(\$6\$(?:rounds=[1-9]\d{0,8}\$)?)[^$:\s]{1,16}\$[./\w]{86}$/,
  },
  {
    scheme: "sha256crypt",
    prefix: /^\$5\$/,
    whole: /^(\$5\$(?:rounds=[1-9]\d{0,8}\$)?)[^$:\s]{1,16}\$[./\w]{43}$/,
  },
  {
    scheme: "md5crypt",
    prefix: /^\$1\$/,
    whole: /^(\$1\$)[^$:\s]{0,8}\$[./\w]{22}$/,
    warning: `md5crypt ${WEAK}`,
  },
  {
    scheme: "apr1",
    prefix: /^\$apr1\$/,
    whole: /^(\$apr1\$)[^$:\s]{0,8}\$[./\w]{22}$/,
    warning: `apr1 ${WEAK}`,
  },
  {
    scheme: "sunmd5",
    prefix: /^\$md5/,
    whole: /^(\$md5(?:,rounds=\d{1,10})?)\$[./\w]{1,8}\${1,2}[./\w]{22}$/,
    warning: `sunmd5 ${WEAK}`,
  },
  {
    scheme: "sha1crypt",
    prefix: /^\$sha1\$/,
    whole: /^(\$sha1\$\d{1,10})\$[./\w]{1,64}\$[./\w]{28}$/,
    warning: `sha1crypt ${WEAK}`,
  },
  {
    scheme: "nt",
    prefix: /^\$3\$/,
    whole: /^(\$3\$)\$[0-9a-f]{32}$/,
    warning: `An NT hash has no salt and ${WEAK}`,
  },
  {
    scheme: "bsdicrypt",
    prefix: /^_/,
    whole: /^(_[./0-9A-Za-z]{4})[./0-9A-Za-z]{15}$/,
    warning: `bsdicrypt ${WEAK}`,
  },
];

const DES = /^[./0-9A-Za-z]{13}$/;
const DES_WARNING = `A DES hash looks at the first 8 characters only and ${WEAK}`;
const CLEAR_WARNING =
  "The password stands in clear in the file: keep it from other eyes; APOP and CRAM-MD5 need it so";

/** Largest memory that a {scrypt} entry may ask for, in bytes. */
const SCRYPT_MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * N, r, p, salt and key of a {scrypt} entry; null when it is none. Salt and key are binary strings.
 */
export function scryptParts(
  stored: string,
): { n: number; r: number; p: number; salt: string; key: string } | null {
  const m = /^\{scrypt\}(\d{1,8}),(\d{1,3}),(\d{1,3}),([^,]*),([^,]+)$/i.exec(stored);
  if (m === null) return null;
  const [n, r, p] = [Number(m[1]), Number(m[2]), Number(m[3])];
  const salt = fromBase64(m[4] ?? "");
  const key = fromBase64(m[5] ?? "");
  const sane = n >= 2 && (n & (n - 1)) === 0 && r >= 1 && p >= 1 && p <= 64 &&
    128 * n * r <= SCRYPT_MEMORY_BYTES;
  if (!sane || salt === null || key === null || key.length < 16 || key.length > 128) return null;
  return { n, r, p, salt, key };
}

/** The keys of a {SCRAM-SHA-256} entry; null when it is none. */
export function scramParts(
  stored: string,
): { iterations: number; salt: string; storedKey: string; serverKey: string } | null {
  const m = /^\{SCRAM-SHA-256\}(\d{1,8}),([^,]+),([^,]+),([^,]+)$/i.exec(stored);
  if (m === null) return null;
  const iterations = Number(m[1]);
  const salt = fromBase64(m[2] ?? "");
  const storedKey = fromBase64(m[3] ?? "");
  const serverKey = fromBase64(m[4] ?? "");
  if (iterations < 1 || salt === null || salt === "") return null;
  if (storedKey?.length !== 32 || serverKey?.length !== 32) return null;
  return { iterations, salt, storedKey, serverKey };
}

/** The digest of a {SHA} entry (htpasswd -s); null when it is none. */
export function shaPart(stored: string): string | null {
  const m = /^\{SHA\}(.+)$/i.exec(stored);
  const digest = m === null ? null : fromBase64(m[1] ?? "");
  return digest?.length === 20 ? digest : null;
}

/** The clear secret of a {PLAIN} or {PLAIN.B64} entry; null when it is none. */
export function clearPart(stored: string): string | null {
  const m = /^\{(PLAIN|CLEAR|CLEARTEXT|PLAIN\.B64)\}(.+)$/i.exec(stored);
  if (m === null) return null;
  return /B64/i.test(m[1] ?? "") ? fromBase64(m[2] ?? "") : m[2] ?? null;
}

function own(scheme: string, costClass: string, warning: string | null = null): HashReading {
  return { format: { scheme, costClass, by: "own", warning } };
}

function readBraced(stored: string): HashReading {
  const name = stored.slice(0, stored.indexOf("}") + 1);
  const scrypt = scryptParts(stored);
  if (scrypt !== null) return own("scrypt", `{scrypt}${scrypt.n},${scrypt.r},${scrypt.p}`);
  const scram = scramParts(stored);
  if (scram !== null) return own("scram", `{SCRAM-SHA-256}${scram.iterations}`);
  if (shaPart(stored) !== null) return own("sha", "{SHA}", `{SHA} has no salt and ${WEAK}`);
  if (clearPart(stored) !== null) return own("plain", "{PLAIN}", CLEAR_WARNING);
  if (/^\{(scrypt|SCRAM-SHA-256|SHA|PLAIN|CLEAR|CLEARTEXT|PLAIN\.B64)\}$/i.test(name)) {
    return { fault: `What follows "${name}" is not of that form` };
  }
  return /^\{[\w.-]{1,24}\}$/.test(name)
    ? { fault: `The form "${name}" is not known` }
    : { fault: "The password field is of no known form" };
}

/** Tells the form of a stored password. */
export function readHash(stored: string): HashReading {
  if (stored === "") return { fault: "The password field is empty" };
  if (stored.startsWith("!") || stored.startsWith("*")) {
    return { fault: `The password field begins with "${stored[0]}": the login is locked` };
  }
  if (stored === "x") return { fault: 'The password field is "x": the hash is in another file' };
  if (stored.startsWith("{")) return readBraced(stored);
  for (const form of CRYPT_FORMS) {
    if (!form.prefix.test(stored)) continue;
    const costClass = form.whole.exec(stored)?.[1];
    if (costClass === undefined) {
      return { fault: `The ${form.scheme} hash is incomplete or damaged` };
    }
    const by = form.scheme === "apr1" ? "own" : "crypt";
    return { format: { scheme: form.scheme, costClass, by, warning: form.warning ?? null } };
  }
  if (DES.test(stored)) {
    return { format: { scheme: "des", costClass: "des", by: "crypt", warning: DES_WARNING } };
  }
  const id = /^\$[\w-]{1,16}\$/.exec(stored)?.[0];
  return id === undefined
    ? { fault: "The password field is of no known form" }
    : { fault: `The hash format "${id}" is not known to crypt(3)` };
}
