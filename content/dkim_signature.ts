/**
 * What a DKIM-Signature or ARC-Message-Signature field says (RFC 6376 section 3.5, RFC 8617
 * section 4.1.2), and what is wrong with it before any key is asked for.
 */
import { canonicalName, isPossibleName } from "../dns/names.ts";
import { base64Bytes, parseTags, type Tags, withoutSpace } from "./dkim_tags.ts";

export type Canonicalization = "simple" | "relaxed";

export interface Signature {
  /** "rsa-sha256", "ed25519-sha256", or what else it says. */
  readonly algorithm: string;
  readonly domain: string;
  readonly selector: string;
  /** i=, "" when it is not there; of ARC the instance. */
  readonly identity: string;
  /** Names of h=, in lower case, in their order, repeated as written. */
  readonly signedFields: readonly string[];
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  /** l=: bytes of the canonical body that are signed; null: all of it. */
  readonly bodyBytes: number | null;
  readonly bodyHash: Uint8Array;
  readonly signature: Uint8Array;
  /** The same as written, for telling signatures apart. */
  readonly signatureText: string;
  /** Seconds since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** One sentence on why a field is no signature. */
export interface SignatureFault {
  readonly problem: string;
  readonly domain: string;
  readonly selector: string;
}

const CANONICALIZATIONS = /^(simple|relaxed)(?:\/(simple|relaxed))?$/i;

const isCanonicalization = (word: string): word is Canonicalization =>
  word === "simple" || word === "relaxed";

function canonicalizations(text: string): readonly [Canonicalization, Canonicalization] | null {
  const match = CANONICALIZATIONS.exec(text);
  const header = match?.[1]?.toLowerCase() ?? "";
  const body = match?.[2]?.toLowerCase() ?? "simple";
  return isCanonicalization(header) && isCanonicalization(body) ? [header, body] : null;
}

/** A number of at most 15 digits; null: not there; undefined: no number. */
function numberTag(tags: Tags, name: string): number | null | undefined {
  const text = tags.get(name);
  if (text === undefined) return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Whether `domain` is `parent` or below it; both in lower case. */
export const isWithin = (domain: string, parent: string): boolean =>
  domain === parent || domain.endsWith(`.${parent}`);

/** What is wrong with the tags of DKIM alone; "": nothing. */
function dkimFault(tags: Tags, domain: string): string {
  if (tags.get("v") !== "1") return "its version is not 1";
  const query = withoutSpace(tags.get("q") ?? "dns/txt").split(":");
  if (!query.includes("dns/txt")) return "its key is not in the DNS";
  const identity = tags.get("i") ?? "";
  const at = identity.lastIndexOf("@");
  if (identity !== "" && (at < 0 || !isWithin(canonicalName(identity.slice(at + 1)), domain))) {
    return "its identity (i=) is not of its domain (d=)";
  }
  return "";
}

/** What is wrong with tags that all kinds have; "": nothing. */
function commonFault(tags: Tags, domain: string, selector: string, kind: "dkim" | "arc"): string {
  const missing = ["a", "b", "bh", "d", "h", "s"].filter((name) => (tags.get(name) ?? "") === "");
  if (missing.length > 0) return `it has no ${missing.join("=, ")}=`;
  if (domain === "" || !isPossibleName(`${selector}._domainkey.${domain}`)) {
    return "its domain and selector are no domain name";
  }
  const signed = withoutSpace(tags.get("h") ?? "").toLowerCase().split(":");
  if (!signed.includes("from")) return "From is not signed";
  const [from, until] = [numberTag(tags, "t"), numberTag(tags, "x")];
  if (from === undefined || until === undefined || numberTag(tags, "l") === undefined) {
    return "t=, x= or l= is no number";
  }
  if (from !== null && until !== null && until <= from) return "it ends before it begins";
  return kind === "dkim" ? dkimFault(tags, domain) : "";
}

/** Reads the value of a signature field. */
export function parseSignature(value: string, kind: "dkim" | "arc"): Signature | SignatureFault {
  const tags = parseTags(value);
  if (tags === null) return { problem: "it is no list of tags", domain: "", selector: "" };
  const domain = canonicalName(tags.get("d") ?? "");
  const selector = tags.get("s") ?? "";
  const problem = commonFault(tags, domain, selector, kind);
  if (problem !== "") return { problem, domain, selector };
  const ways = canonicalizations(tags.get("c") ?? "simple");
  const bodyHash = base64Bytes(tags.get("bh") ?? "");
  const signature = base64Bytes(tags.get("b") ?? "");
  if (ways === null || bodyHash === null || signature === null) {
    return { problem: "c=, bh= or b= can't be read", domain, selector };
  }
  const [header, body] = ways;
  return {
    algorithm: (tags.get("a") ?? "").toLowerCase(),
    domain,
    selector,
    identity: tags.get("i") ?? "",
    signedFields: withoutSpace(tags.get("h") ?? "").toLowerCase().split(":"),
    header,
    body,
    bodyBytes: numberTag(tags, "l") ?? null,
    bodyHash,
    signature,
    signatureText: withoutSpace(tags.get("b") ?? ""),
    expiresAt: numberTag(tags, "x") ?? null,
  };
}
