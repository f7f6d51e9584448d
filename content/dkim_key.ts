/**
 * Public keys in the DNS (RFC 6376 section 3.6), and signatures tried with them: RSA with SHA-256
 * and keys of 1024 bits or more (RFC 8301), Ed25519 (RFC 8463).
 */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { recordsOf, type Resolver } from "../dns/types.ts";
import { base64Bytes, parseTags, type Tags, withoutSpace } from "./dkim_tags.ts";

/** Shorter keys are anybody's. */
const MIN_RSA_BITS = 1024;
/** Longer ones cost more than a message is worth. */
const MAX_RSA_BITS = 8192;

export interface PublicKey {
  readonly key: KeyObject;
  /** t=y: the domain is only trying. */
  readonly isTest: boolean;
  /** t=s: i= must be of the domain itself, not below it. */
  readonly isStrict: boolean;
}

/** Why there is no key; result: what becomes of the signature. */
export interface KeyFault {
  readonly result: "permerror" | "temperror" | "policy";
  readonly problem: string;
}

/** Who wants a key, and what for. */
export interface KeyQuestion {
  readonly domain: string;
  readonly selector: string;
  /** a= of the signature. */
  readonly algorithm: string;
  /** Number of the session, for the trace of the DNS. */
  readonly session: number;
}

const KEY_TYPES: Readonly<Record<string, "rsa" | "ed25519">> = {
  "rsa-sha256": "rsa",
  "ed25519-sha256": "ed25519",
};

/** Head of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410). */
const ED25519_HEAD = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/** What is wrong with an algorithm before any key is asked for; null: nothing. */
export function algorithmFault(algorithm: string): KeyFault | null {
  if (KEY_TYPES[algorithm] !== undefined) return null;
  const shown = algorithm.replace(/[^ -~]/g, "?").slice(0, 40);
  return { result: "policy", problem: `the algorithm ${shown} is not accepted` };
}

function readKey(bytes: Uint8Array, type: "spki" | "pkcs1"): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(bytes), format: "der", type });
  } catch {
    return null;
  }
}

/** The key of p=; RSA keys stand in SubjectPublicKeyInfo or bare (RFC 6376, erratum 3017). */
function keyOf(bytes: Uint8Array, type: "rsa" | "ed25519"): KeyObject | KeyFault {
  if (type === "ed25519") {
    const key = bytes.length === 32
      ? readKey(Uint8Array.from([...ED25519_HEAD, ...bytes]), "spki")
      : null;
    return key ?? { result: "permerror", problem: "the key is no Ed25519 key" };
  }
  const key = readKey(bytes, "spki") ?? readKey(bytes, "pkcs1");
  if (key?.asymmetricKeyType !== "rsa") {
    return { result: "permerror", problem: "the key is no RSA key" };
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS
    ? key
    : { result: "policy", problem: `a key of ${bits} bits is not accepted` };
}

const permanent = (problem: string): KeyFault => ({ result: "permerror", problem });

/** Reads a key record for signatures of `algorithm`. */
export function parseKeyRecord(tags: Tags, algorithm: string): PublicKey | KeyFault {
  const type = KEY_TYPES[algorithm] ?? "rsa";
  const words = (name: string) => withoutSpace(tags.get(name) ?? "").toLowerCase().split(":");
  if ((tags.get("v") ?? "DKIM1") !== "DKIM1") return permanent("the key is of another version");
  if ((tags.get("k") ?? "rsa").toLowerCase() !== type) {
    return permanent("the key is of another kind than the signature");
  }
  if (tags.has("h") && !words("h").includes("sha256")) {
    return permanent("the key is not for SHA-256");
  }
  if (tags.has("s") && !words("s").some((word) => word === "*" || word === "email")) {
    return permanent("the key is not for mail");
  }
  const text = withoutSpace(tags.get("p") ?? "");
  if (text === "") return permanent(tags.has("p") ? "the key is revoked" : "there is no key");
  const bytes = base64Bytes(text);
  const key = bytes === null ? permanent("the key is no base64") : keyOf(bytes, type);
  if ("problem" in key) return key;
  const flags = words("t");
  return { key, isTest: flags.includes("y"), isStrict: flags.includes("s") };
}

/** Asks the DNS for a key. Never rejects. */
export async function fetchKey(
  { domain, selector, algorithm, session }: KeyQuestion,
  resolver: Resolver,
): Promise<PublicKey | KeyFault> {
  const name = `${selector}._domainkey.${domain}`;
  const answer = await resolver.query(name, "TXT", { session });
  if (answer.status === "temporary") return { result: "temperror", problem: answer.problem };
  const records = recordsOf(answer, "TXT").map(({ texts }) => parseTags(texts.join("")));
  const record = records.find((tags) => tags?.has("p") === true) ?? records[0];
  if (record === undefined) return permanent("there is no key in the DNS");
  return record === null ? permanent("the key's record can't be read") : parseKeyRecord(
    record,
    algorithm,
  );
}

/** Whether `signature` is the key's for `text` (binary string). */
export function isSignedBy(key: KeyObject, text: string, signature: Uint8Array): boolean {
  const data = Buffer.from(text, "latin1");
  try {
    return key.asymmetricKeyType === "ed25519"
      ? verify(null, createHash("sha256").update(data).digest(), key, signature)
      : verify("sha256", data, key, signature);
  } catch {
    // A signature of another length than the key's is no signature of it.
    return false;
  }
}
