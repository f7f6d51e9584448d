/**
 * DMARC (RFC 7489 section 6.6.2): does SPF or DKIM vouch for the domain that the reader sees as the
 * author's? And what does that domain ask for when neither does?
 *
 * Mail with several authors is judged by the worst of them.
 */
import type { Resolver } from "../dns/types.ts";
import type { DkimFinding } from "./dkim_verify.ts";
import { isAligned, type OrgDomainOf } from "./dmarc_domains.ts";
import { MAX_AUTHOR_DOMAINS } from "./dmarc_from.ts";
import { discoverPolicy, type DmarcPolicy, type DmarcRecord } from "./dmarc_record.ts";
import type { SpfFinding } from "./types.ts";

/** What came of it. */
export interface DmarcFinding {
  /** none: the domain has no record. */
  readonly result: "none" | "pass" | "fail" | "temperror" | "permerror";
  /** The author's domain; "" when there is none. */
  readonly domain: string;
  /** What the domain asks for when mail fails; "none" as well when it has no record. */
  readonly policy: DmarcPolicy;
  /** Share of failing mail that it asks it for. */
  readonly percent: number;
  /** One phrase on why it did not pass. */
  readonly reason: string;
}

/** What was found out before. */
export interface Evidence {
  readonly dkim: readonly DkimFinding[];
  /** null: not asked. */
  readonly spf: SpfFinding | null;
}

/** What evaluation needs. */
export interface DmarcContext {
  readonly resolver: Resolver;
  readonly orgDomainOf: OrgDomainOf;
  /** Number of the session, for the trace of the DNS. */
  readonly session: number;
}

/** Results whose domain is the author's, as the record wants it. */
function alignedResults(
  domain: string,
  record: DmarcRecord,
  { dkim, spf }: Evidence,
  orgDomainOf: OrgDomainOf,
): readonly string[] {
  const isOwn = (other: string, way: "relaxed" | "strict") =>
    other !== "" && isAligned(other.toLowerCase(), domain, way, orgDomainOf);
  const signed = dkim.filter((one) => isOwn(one.domain, record.dkim)).map((one) => one.result);
  return spf !== null && isOwn(spf.domain, record.spf) ? [...signed, spf.result] : signed;
}

async function evaluateOne(
  domain: string,
  evidence: Evidence,
  { resolver, orgDomainOf, session }: DmarcContext,
): Promise<DmarcFinding> {
  const found = await discoverPolicy(domain, orgDomainOf, resolver, session);
  if (found.kind !== "record") {
    const { kind, problem } = found;
    return { result: kind, domain, policy: "none", percent: 100, reason: problem };
  }
  const { record, policy } = found;
  const results = alignedResults(domain, record, evidence, orgDomainOf);
  const head = { domain, policy, percent: record.percent };
  if (results.includes("pass")) return { result: "pass", ...head, reason: "" };
  if (results.includes("temperror")) {
    return { result: "temperror", ...head, reason: "a result could not be had now" };
  }
  const reason = results.length === 0
    ? "neither SPF nor DKIM is about this domain"
    : `of this domain: ${results.join(", ")}`;
  return { result: "fail", ...head, reason };
}

/** How bad a finding is: failures by what the domain asks for, then what is not known. */
function badness({ result, policy }: DmarcFinding): number {
  switch (result) {
    case "fail":
      return policy === "reject" ? 6 : policy === "quarantine" ? 5 : 2;
    case "temperror":
      return 4;
    case "permerror":
      return 3;
    case "none":
      return 1;
    case "pass":
      return 0;
  }
}

/** Evaluates DMARC for the author's domains. Never rejects. */
export async function evaluateDmarc(
  authors: readonly string[],
  evidence: Evidence,
  context: DmarcContext,
): Promise<DmarcFinding> {
  const nobody = { domain: "", policy: "none", percent: 100 } as const;
  if (authors.length === 0) {
    return { result: "permerror", ...nobody, reason: "From names no domain" };
  }
  if (authors.length > MAX_AUTHOR_DOMAINS) {
    // Else one more author would be a way around every policy.
    const reason = "From names too many domains";
    return { result: "fail", domain: authors[0] ?? "", policy: "reject", percent: 100, reason };
  }
  const findings = await Promise.all(authors.map((one) => evaluateOne(one, evidence, context)));
  return findings.reduce((worst, one) => badness(one) > badness(worst) ? one : worst);
}
