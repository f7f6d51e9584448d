/**
 * What DMARC leads to: nothing, a copy in the quarantine, or a refusal - as the author's domain
 * asks, and no further than dmarc_action allows.
 *
 * Never refused: mail of known forwarders, and mail of which SPF was not asked; of mailing lists that are named and shown by SPF or DKIM
 * to be themselves; and what passed DMARC with somebody whose ARC seals are believed. While a
 * result can't be had for lack of DNS, nothing is refused for good.
 */
import { canonicalName } from "../dns/names.ts";
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import type { DnsTrouble, Verdict } from "../policy/types.ts";
import type { ArcFinding, ArcInstance } from "./arc.ts";
import { isWithin } from "./dkim_signature.ts";
import type { DmarcFinding, Evidence } from "./dmarc_evaluate.ts";

/** How far enforcement goes. */
export interface DmarcTerms {
  readonly action: "annotate" | "quarantine" | "reject";
  /** Domains of mailing lists; those below them are meant too. */
  readonly lists: readonly string[];
  /** Domains whose seals are believed. */
  readonly trusted: readonly string[];
  readonly trouble: DnsTrouble;
  /** From 0 up to 1, for policies that are for a share of mail only. */
  readonly random: () => number;
}

/** What was decided. */
export interface DmarcDecision {
  readonly verdict: Verdict;
  /** Why a copy is to be kept; "" for none. */
  readonly quarantine: string;
  /** For Authentication-Results: what was done, or why nothing; "" for nothing to do. */
  readonly done: string;
}

const NOTHING: DmarcDecision = { verdict: NONE, quarantine: "", done: "" };

const RANK = { none: 0, annotate: 0, quarantine: 1, reject: 2 } as const;

/** What the domain asks for, for mail outside its share one step less (section 6.6.4). */
function askedFor({ policy, percent }: DmarcFinding, random: () => number): number {
  const rank = RANK[policy];
  return percent >= 100 || rank === 0 || random() * 100 < percent ? rank : rank - 1;
}

const isNamed = (domain: string, names: readonly string[]): boolean =>
  names.some((name) => isWithin(canonicalName(domain), canonicalName(name)));

/** Whether SPF or DKIM shows the mail to be a list's. */
function isFromList({ dkim, spf }: Evidence, lists: readonly string[]): boolean {
  return dkim.some(({ result, domain }) => result === "pass" && isNamed(domain, lists)) ||
    (spf?.result === "pass" && isNamed(spf.domain, lists));
}

/** Whether the results of one who handed it on say that it passed DMARC for this domain. */
function hasPassed({ results }: ArcInstance, domain: string): boolean {
  return results.replace(/\([^()]*\)/g, " ").split(";").some((part) => {
    const from = /\bheader\.from[ \t]*=[ \t]*"?([^\s";]+)/i.exec(part)?.[1];
    return /^[ \t]*dmarc[ \t]*=[ \t]*pass\b/i.test(part) && from !== undefined &&
      canonicalName(from) === domain;
  });
}

/** Who, from the last one back as long as each is believed, saw the message pass; null: nobody. */
export function trustedWitness(
  arc: ArcFinding,
  domain: string,
  trusted: readonly string[],
): string | null {
  for (const instance of arc.instances.toReversed()) {
    if (!isNamed(instance.sealer, trusted)) return null;
    if (hasPassed(instance, domain)) return instance.sealer;
  }
  return null;
}

/** Facts beside the finding. */
export interface DmarcCase {
  readonly finding: DmarcFinding;
  readonly evidence: Evidence;
  readonly arc: ArcFinding;
  readonly isForwarder: boolean;
}

/** Why a message that failed is let pass, "" for no reason. */
function exception({ finding, evidence, arc, isForwarder }: DmarcCase, terms: DmarcTerms): string {
  if (isForwarder) return "known forwarder";
  if (isFromList(evidence, terms.lists)) return "mailing list";
  const witness = trustedWitness(arc, finding.domain, terms.trusted);
  if (witness !== null) return `arc ${witness}`;
  // This machine's own clients, and whom a mail rule accepts before anybody is asked: SPF might have vouched.
  return evidence.spf === null ? "SPF was not asked" : "";
}

/** Decides. */
export function decideDmarc(facts: DmarcCase, terms: DmarcTerms): DmarcDecision {
  const { finding } = facts;
  const { result, domain, reason } = finding;
  if (terms.action === "annotate") return NOTHING;
  const said = `DMARC of "${domain}" is ${result}, it asks for ${finding.policy}: ${reason}`;
  if (result === "temperror") {
    const verdict = terms.trouble === "pass"
      ? NONE
      : against(CONTENT_REPLIES.dmarc_undecided, "dmarc: temperror", said);
    return { ...NOTHING, verdict };
  }
  if (result !== "fail") return NOTHING;
  const rank = Math.min(askedFor(finding, terms.random), RANK[terms.action]);
  if (rank === 0) return NOTHING;
  const spared = exception(facts, terms);
  if (spared !== "") return { ...NOTHING, done: `let pass: ${spared}` };
  if (rank === 1) return { ...NOTHING, quarantine: said, done: "quarantine" };
  return { ...NOTHING, verdict: against(CONTENT_REPLIES.dmarc_refused, "dmarc: reject", said) };
}
