/**
 * Verifies the ARC chain of a message (RFC 8617 section 5.2): what those found who handed it on,
 * and whether nobody changed what they wrote.
 *
 * The message signature of the last one is verified, and the seals of all. Seals nothing itself.
 */
import { canonicalName, isPossibleName } from "../dns/names.ts";
import { hashBody } from "./dkim_body.ts";
import { canonicalField, unsignedField } from "./dkim_header.ts";
import { algorithmFault, fetchKey, isSignedBy } from "./dkim_key.ts";
import { parseSignature } from "./dkim_signature.ts";
import { base64Bytes, parseTags, type Tags } from "./dkim_tags.ts";
import { bodyFault, earlyFault, type VerifyContext, verifyHeader } from "./dkim_verify.ts";
import type { HeaderField, Message } from "./types.ts";

/** What one who handed the message on says. */
export interface ArcInstance {
  /** d= of the seal. */
  readonly sealer: string;
  /** The results it found, behind the instance number. */
  readonly results: string;
}

/** What came of the chain. */
export interface ArcFinding {
  /** temperror: a key could not be had now; RFC 8617 has no word for it. */
  readonly result: "none" | "pass" | "fail" | "temperror";
  /** From the first to the last; of a chain that passed, else empty. */
  readonly instances: readonly ArcInstance[];
  /** One phrase on why it did not pass. */
  readonly reason: string;
}

interface ArcSet {
  readonly results: HeaderField;
  readonly message: HeaderField;
  readonly seal: HeaderField;
  readonly sealTags: Tags;
}

/** Longest chain (section 4.2.1). */
const MAX_INSTANCES = 50;

const KINDS = ["arc-authentication-results", "arc-message-signature", "arc-seal"] as const;
type Kind = (typeof KINDS)[number];

const RESULTS = /^[ \t]*i[ \t]*=[ \t]*(\d{1,3})[ \t]*;([^]*)$/;

const failed = (reason: string): ArcFinding => ({ result: "fail", instances: [], reason });

function instanceOf(field: HeaderField, kind: Kind): number {
  const text = kind === "arc-authentication-results"
    ? RESULTS.exec(field.value)?.[1]
    : parseTags(field.value)?.get("i");
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : 0;
}

/** The sets in their order, or one phrase on what is wrong with them. */
function collect(fields: readonly HeaderField[]): readonly ArcSet[] | string {
  const found = KINDS.map(() => new Map<number, HeaderField>());
  for (const field of fields) {
    const kind = KINDS.findIndex((name) => name === field.name.toLowerCase());
    const instances = found[kind];
    if (instances === undefined) continue;
    const instance = instanceOf(field, KINDS[kind] ?? "arc-seal");
    if (instance < 1 || instance > MAX_INSTANCES) return "an instance has no number";
    if (instances.has(instance)) return `instance ${instance} is there twice`;
    instances.set(instance, field);
  }
  const count = Math.max(...found.map(({ size }) => size));
  const sets: ArcSet[] = [];
  for (let i = 1; i <= count; i++) {
    const [results, message, seal] = found.map((instances) => instances.get(i));
    const sealTags = parseTags(seal?.value ?? "") ?? new Map<string, string>();
    if (results === undefined || message === undefined || seal === undefined) {
      return `instance ${i} is not complete`;
    }
    if (sealTags.get("cv")?.toLowerCase() !== (i === 1 ? "none" : "pass")) {
      return `instance ${i} says cv=${(sealTags.get("cv") ?? "").slice(0, 10)}`;
    }
    sets.push({ results, message, seal, sealTags });
  }
  return sets;
}

type Trouble = Pick<ArcFinding, "result" | "reason"> | null;

/** The message signature of the last set; null: it passes. */
async function messageTrouble(
  message: Message,
  { message: field }: ArcSet,
  context: VerifyContext,
): Promise<Trouble> {
  const signature = parseSignature(field.value, "arc");
  if ("problem" in signature) return failed(`message signature: ${signature.problem}`);
  const early = earlyFault(signature, context.nowMs);
  if (early !== null) return failed(`message signature: ${early.reason}`);
  const body = await hashBody(message, [{ way: signature.body, bytes: signature.bodyBytes }]);
  const fault = bodyFault(message, signature, body, 0) ??
    await verifyHeader(message, { field, signature }, context);
  if (fault.result === "pass") return null;
  const result = fault.result === "temperror" ? "temperror" : "fail";
  return { result, reason: `message signature: ${fault.reason}` };
}

/** What the seal of the last of `sets` signs: all fields of all sets, its own without b=. */
function sealedText(sets: readonly ArcSet[]): string {
  return sets.map(({ results, message, seal }, i) => {
    const first = canonicalField(results.raw, "relaxed") + canonicalField(message.raw, "relaxed");
    const isOwn = i === sets.length - 1;
    return first + (isOwn ? unsignedField : canonicalField)(seal.raw, "relaxed");
  }).join("");
}

/** The seal of the last of `sets`; null: it passes. */
async function sealTrouble(
  sets: readonly ArcSet[],
  { resolver, session }: VerifyContext,
): Promise<Trouble> {
  const tags = sets.at(-1)?.sealTags ?? new Map<string, string>();
  const name = `seal ${sets.length}`;
  const [domain, selector] = [canonicalName(tags.get("d") ?? ""), tags.get("s") ?? ""];
  const signature = base64Bytes(tags.get("b") ?? "");
  const algorithm = (tags.get("a") ?? "").toLowerCase();
  const isNamed = domain !== "" && selector !== "" &&
    isPossibleName(`${selector}._domainkey.${domain}`);
  // A seal says nothing of other fields (section 4.1.3).
  if (!isNamed || signature === null || tags.has("h")) return failed(`${name} can't be read`);
  const fault = algorithmFault(algorithm);
  if (fault !== null) return failed(`${name}: ${fault.problem}`);
  const key = await fetchKey({ domain, selector, algorithm, session }, resolver);
  if ("problem" in key) {
    const result = key.result === "temperror" ? "temperror" : "fail";
    return { result, reason: `${name}: ${key.problem}` };
  }
  return isSignedBy(key.key, sealedText(sets), signature) ? null : failed(`${name} does not fit`);
}

/** Of all seals, at one time: the keys may be far away. The last one's trouble first. */
async function sealsTrouble(sets: readonly ArcSet[], context: VerifyContext): Promise<Trouble> {
  const seals = sets.map((_, i) => sealTrouble(sets.slice(0, i + 1), context));
  return (await Promise.all(seals)).findLast((trouble) => trouble !== null) ?? null;
}

/** The chain. Never rejects but when reading the message does. */
export async function verifyArc(message: Message, context: VerifyContext): Promise<ArcFinding> {
  const sets = collect(message.fields);
  if (typeof sets === "string") return failed(sets);
  const last = sets.at(-1);
  if (last === undefined) return { result: "none", instances: [], reason: "" };
  const trouble = await messageTrouble(message, last, context) ??
    await sealsTrouble(sets, context);
  if (trouble !== null) return { ...trouble, instances: [] };
  const instances = sets.map(({ results, sealTags }) => ({
    sealer: canonicalName(sealTags.get("d") ?? ""),
    results: RESULTS.exec(results.value)?.[2] ?? "",
  }));
  return { result: "pass", instances, reason: "" };
}
