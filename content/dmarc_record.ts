/** DMARC records: their grammar and where they are found (RFC 7489 sections 6.3 and 6.6.3). */
import { isPossibleName } from "../dns/names.ts";
import { recordsOf, type Resolver } from "../dns/types.ts";
import { parseTags } from "./dkim_tags.ts";
import type { OrgDomainOf } from "./dmarc_domains.ts";

export type DmarcPolicy = "none" | "quarantine" | "reject";
type Alignment = "relaxed" | "strict";

export interface DmarcRecord {
  readonly policy: DmarcPolicy;
  /** For names below the domain. */
  readonly subPolicy: DmarcPolicy;
  readonly dkim: Alignment;
  readonly spf: Alignment;
  /** Share of failing mail that the policy is for. */
  readonly percent: number;
}

/** What was found for an author's domain. */
export type Discovery =
  | {
    readonly kind: "record";
    readonly record: DmarcRecord;
    /** The policy for this very domain. */
    readonly policy: DmarcPolicy;
  }
  | { readonly kind: "none" | "permerror" | "temperror"; readonly problem: string };

const POLICIES: readonly DmarcPolicy[] = ["none", "quarantine", "reject"];

const policyOf = (text: string | undefined): DmarcPolicy | null =>
  POLICIES.find((policy) => policy === text?.toLowerCase()) ?? null;

const alignmentOf = (text: string | undefined): Alignment =>
  text?.toLowerCase() === "s" ? "strict" : "relaxed";

/** A text that says that it is a DMARC record. */
const IS_DMARC = /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;

/** Reads a record; null when nothing can be made of it. Tags that can't be read have no effect. */
export function parseDmarcRecord(text: string): DmarcRecord | null {
  const tags = parseTags(text);
  if (tags === null || !IS_DMARC.test(text)) return null;
  // A record without a policy that wants reports at least asks to be looked at.
  const policy = policyOf(tags.get("p")) ?? (tags.has("rua") ? "none" : null);
  if (policy === null) return null;
  const percent = tags.get("pct") ?? "";
  return {
    policy,
    subPolicy: policyOf(tags.get("sp")) ?? policy,
    dkim: alignmentOf(tags.get("adkim")),
    spf: alignmentOf(tags.get("aspf")),
    percent: /^\d{1,3}$/.test(percent) ? Math.min(Number(percent), 100) : 100,
  };
}

/** Asks one name; null: there is no record. */
async function ask(
  domain: string,
  isAuthor: boolean,
  resolver: Resolver,
  session: number,
): Promise<Discovery | null> {
  const name = `_dmarc.${domain}`;
  if (!isPossibleName(name)) return null;
  const answer = await resolver.query(name, "TXT", { session });
  if (answer.status === "temporary") return { kind: "temperror", problem: answer.problem };
  const texts = recordsOf(answer, "TXT").map((record) => record.texts.join(""))
    .filter((text) => IS_DMARC.test(text));
  if (texts.length === 0) return null;
  if (texts.length > 1) return { kind: "none", problem: `"${name}" has several records` };
  const record = parseDmarcRecord(texts[0] ?? "");
  if (record === null) {
    return { kind: "permerror", problem: `The record of "${name}" can't be read` };
  }
  return { kind: "record", record, policy: isAuthor ? record.policy : record.subPolicy };
}

/** The record that holds for an author's domain: its own, else its organization's. Never rejects. */
export async function discoverPolicy(
  domain: string,
  orgDomainOf: OrgDomainOf,
  resolver: Resolver,
  session: number,
): Promise<Discovery> {
  const own = await ask(domain, true, resolver, session);
  if (own !== null) return own;
  const org = orgDomainOf(domain);
  const found = org === domain ? null : await ask(org, false, resolver, session);
  return found ?? { kind: "none", problem: "" };
}
