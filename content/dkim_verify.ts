/**
 * Verifies the DKIM signatures of a message (RFC 6376 section 6). What a result leads to is not
 * decided here.
 *
 * Stricter than the RFC: a signature that leaves the end of the body unsigned (l=) is "policy", as
 * anybody may have added to it.
 */
import type { Resolver } from "../dns/types.ts";
import { type BodyHashes, hashBody } from "./dkim_body.ts";
import { signedHeader } from "./dkim_header.ts";
import { algorithmFault, fetchKey, isSignedBy } from "./dkim_key.ts";
import { parseSignature, type Signature, type SignatureFault } from "./dkim_signature.ts";
import type { HeaderField, Message } from "./types.ts";

/** The words of RFC 8601 section 2.7.1, but for "none", which is an empty list. */
export type DkimResult = "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";

/** What came of one signature. */
export interface DkimFinding {
  readonly result: DkimResult;
  /** d= and s=; "" when they can't be read. */
  readonly domain: string;
  readonly selector: string;
  /** i=, "" when it is not there. */
  readonly identity: string;
  readonly algorithm: string;
  /** The first characters of b=, which tell signatures apart. */
  readonly mark: string;
  /** One phrase on why it did not pass; "" for pass. */
  readonly reason: string;
}

/** What verification needs to know. */
export interface VerifyContext {
  readonly resolver: Resolver;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Number of the session, for the trace of the DNS. */
  readonly session: number;
}

/** Signatures that are looked at; the upper ones are the later ones. */
export const MAX_SIGNATURES = 10;

const MARK_CHARS = 8;

/** A field with what it says. */
export interface SignedField {
  readonly field: HeaderField;
  readonly signature: Signature;
}

type Verdict = Pick<DkimFinding, "result" | "reason">;

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/**
 * What the walk over the body says against a signature, null: nothing. Lines that are no fields, or
 * fields that nobody looked at, would be signed by nobody and seen by readers.
 */
export function bodyFault(
  message: Message,
  signature: Signature,
  body: BodyHashes,
  i: number,
): Verdict | null {
  const known = message.fields.reduce((sum, { raw }) => sum + raw.length, 0);
  if (known !== body.headerBytes || message.fields.some(({ name }) => name === "")) {
    return { result: "neutral", reason: "the header has lines that are no fields" };
  }
  const [hash, size] = [body.hashes[i], body.sizes[i] ?? 0];
  const { bodyBytes, bodyHash } = signature;
  if (bodyBytes !== null && bodyBytes > size) {
    return { result: "fail", reason: "the body is shorter than what was signed" };
  }
  if (hash === undefined || !isEqual(hash, bodyHash)) {
    return { result: "fail", reason: "the body was changed" };
  }
  if (bodyBytes !== null && bodyBytes < size) {
    return { result: "policy", reason: `${size - bodyBytes} bytes of the body are not signed` };
  }
  return null;
}

/** Why a key's flags do not let this signature pass, null: they do. */
function strictFault({ identity, domain }: Signature, isStrict: boolean): Verdict | null {
  const at = identity.lastIndexOf("@");
  return !isStrict || at < 0 || identity.slice(at + 1).toLowerCase() === domain
    ? null
    : { result: "permerror", reason: "the key is not for names below its domain" };
}

/** Header and key of a signature whose body is as it was signed. */
export async function verifyHeader(
  message: Message,
  { field, signature }: SignedField,
  { resolver, session }: VerifyContext,
): Promise<Verdict> {
  const key = await fetchKey({ ...signature, session }, resolver);
  if ("problem" in key) return { result: key.result, reason: key.problem };
  const text = signedHeader(message.fields, signature.signedFields, field, signature.header);
  if (!isSignedBy(key.key, text, signature.signature)) {
    const reason = "the signature does not fit the header";
    return key.isTest
      ? { result: "neutral", reason: `${reason} (testing)` }
      : { result: "fail", reason };
  }
  return strictFault(signature, key.isStrict) ?? { result: "pass", reason: "" };
}

function findingOf(signature: Signature, { result, reason }: Verdict): DkimFinding {
  const { domain, selector, identity, algorithm, signatureText } = signature;
  const mark = signatureText.slice(0, MARK_CHARS);
  return { result, domain, selector, identity, algorithm, mark, reason };
}

function faultFinding({ problem, domain, selector }: SignatureFault): DkimFinding {
  const nothing = { identity: "", algorithm: "", mark: "" };
  return { result: "neutral", domain, selector, ...nothing, reason: problem };
}

/** What is wrong without looking at body or key, null: nothing. */
export function earlyFault(signature: Signature, nowMs: number): Verdict | null {
  const fault = algorithmFault(signature.algorithm);
  if (fault !== null) return { result: fault.result, reason: fault.problem };
  const { expiresAt } = signature;
  return expiresAt !== null && expiresAt * 1000 < nowMs
    ? { result: "fail", reason: "the signature has expired" }
    : null;
}

/** All signatures of a message, in the order of their fields. Never rejects but when reading does. */
export async function verifyDkim(
  message: Message,
  context: VerifyContext,
): Promise<readonly DkimFinding[]> {
  const fields = message.fields.filter(({ name }) => name.toLowerCase() === "dkim-signature")
    .slice(0, MAX_SIGNATURES);
  const parsed = fields.map((field) => ({ field, said: parseSignature(field.value, "dkim") }));
  const sound: SignedField[] = [];
  const early = parsed.map(({ field, said }): DkimFinding | null => {
    if ("problem" in said) return faultFinding(said);
    const fault = earlyFault(said, context.nowMs);
    if (fault !== null) return findingOf(said, fault);
    sound.push({ field, signature: said });
    return null;
  });
  const rest = await verifySound(message, sound, context);
  return early.flatMap((finding) => finding ?? rest.shift() ?? []);
}

async function verifySound(
  message: Message,
  sound: readonly SignedField[],
  context: VerifyContext,
): Promise<DkimFinding[]> {
  if (sound.length === 0) return [];
  const wishes = sound.map(({ signature }) => ({
    way: signature.body,
    bytes: signature.bodyBytes,
  }));
  const body = await hashBody(message, wishes);
  return Promise.all(sound.map(async (signed, i) => {
    const fault = bodyFault(message, signed.signature, body, i);
    if (fault !== null && fault.result !== "policy") return findingOf(signed.signature, fault);
    const verdict = await verifyHeader(message, signed, context);
    return findingOf(signed.signature, verdict.result === "pass" ? fault ?? verdict : verdict);
  }));
}
