/**
 * Do we want this one? The checks in their one order, and how their verdicts become one.
 *
 * The cheapest and surest come first. What costs DNS stands at stage rcpt_valid: nobody is asked
 * about a client whose recipient does not exist. A verdict against ends the stage; what would be
 * asked later is not asked.
 */
import { NONE, soften } from "./replies.ts";
import {
  type AcceptVerdict,
  type AgainstVerdict,
  type AnyCheck,
  type Check,
  type CheckName,
  type ClientFacts,
  type FactsOf,
  type Known,
  type Mode,
  type Need,
  NOTHING_KNOWN,
  type Spared,
  type Stage,
  type Verdict,
} from "./types.ts";

export type * from "./types.ts";
export { NOTHING_KNOWN } from "./types.ts";
export { POLICY_REPLIES } from "./replies.ts";

/** The order within every stage. */
export const CHECK_ORDER: readonly CheckName[] = [
  // The administrator's own word, before everything.
  "mailrules",
  // Numbers that are at hand. Sessions at one time are refused where connections are taken.
  "counters",
  "ban",
  "rates",
  // Manners.
  "early_talker",
  "strict_pipelining",
  "check_fqdn",
  // Lists in memory.
  "decoy",
  "harvest",
  "helo",
  "badmailfrom",
  "own_sender",
  "badrcptto",
  "null_sender",
  "reject_if_any",
  "rblsmtpd",
  // What asks others.
  "reverse_dns",
  "dnsbl",
  "helo_dns",
  "sender_domain",
  "spf",
  "greylist",
  // The message itself: what reads it here first, then what computes, then what asks programs.
  "header_limits",
  "header_rules",
  "patterns",
  "dkim",
  "arc",
  "dmarc",
  "filter",
  "spamd",
];

/** The mode of each check. */
type Modes = Readonly<Partial<Record<CheckName, Mode>>>;

/** A check with its mode. */
interface Moded<S extends Stage> {
  readonly check: Check<S>;
  readonly mode: "shadow" | "on";
}

/** The checks that are not off, by stage, in order; a session keeps the one it began with. */
export interface Policy {
  readonly stages: { readonly [S in Stage]: readonly Moded<S>[] };
  /** Every 5xx becomes 4xx. */
  readonly softReject: boolean;
}

/** Puts `checks` in order; one without an entry in `modes` is off. */
export function makePolicy(
  checks: readonly AnyCheck[],
  modes: Modes,
  softReject = false,
): Policy {
  const sorted = checks
    .filter(({ name }) => (modes[name] ?? "off") !== "off")
    .toSorted((a, b) => CHECK_ORDER.indexOf(a.name) - CHECK_ORDER.indexOf(b.name));
  const at = <S extends Stage>(stage: S): readonly Moded<S>[] =>
    sorted.filter((check): check is Extract<AnyCheck, Check<S>> => check.stage === stage)
      .map((check) => ({ check, mode: modes[check.name] === "on" ? "on" : "shadow" }));
  return {
    softReject,
    stages: {
      connect: at("connect"),
      helo: at("helo"),
      mail: at("mail"),
      rcpt: at("rcpt"),
      rcpt_valid: at("rcpt_valid"),
      data: at("data"),
      data_header: at("data_header"),
      data_end: at("data_end"),
    },
  };
}

/** `policy` without some checks: for protocols where they have no meaning. */
export function withoutChecks(policy: Policy, names: readonly CheckName[]): Policy {
  const rest = <S extends Stage>(checks: readonly Moded<S>[]): readonly Moded<S>[] =>
    checks.filter(({ check }) => !names.includes(check.name));
  const { stages } = policy;
  return {
    softReject: policy.softReject,
    stages: {
      connect: rest(stages.connect),
      helo: rest(stages.helo),
      mail: rest(stages.mail),
      rcpt: rest(stages.rcpt),
      rcpt_valid: rest(stages.rcpt_valid),
      data: rest(stages.data),
      data_header: rest(stages.data_header),
      data_end: rest(stages.data_end),
    },
  };
}

/** A verdict that was not applied. */
export interface ShadowVerdict {
  readonly check: CheckName;
  readonly verdict: AcceptVerdict | AgainstVerdict;
}

/** What came of a stage. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Whose verdict it is; null for none. */
  readonly check: CheckName | null;
  /** soft_reject made a refusal into a deferral. */
  readonly softened: boolean;
  readonly shadows: readonly ShadowVerdict[];
  /** What checks saw, for the trace. */
  readonly findings: readonly { readonly check: CheckName; readonly text: string }[];
}

/** What became of a check that is not off. */
export type Seen =
  | { readonly kind: "spared"; readonly by: Spared }
  | { readonly kind: "none" }
  | { readonly kind: "verdict"; readonly verdict: AcceptVerdict | AgainstVerdict };

/** Hears of every check as it is asked, whatever it says. */
export type Witness = (
  stage: Stage,
  check: CheckName,
  mode: "shadow" | "on",
  seen: Seen,
) => void;

/** Finds things out; what was known before stays known. Never rejects. */
export type Gather = (needs: readonly Need[], known: Known) => Known | Promise<Known>;

const NO_OPINION: Judgement = {
  verdict: NONE,
  check: null,
  softened: false,
  shadows: [],
  findings: [],
};

/** Rounds of finding out that one check may ask for. */
const MAX_ROUNDS = 4;

/** Judgement in the making. */
interface Progress<S extends Stage> {
  readonly facts: FactsOf[S];
  readonly softReject: boolean;
  readonly gather: Gather;
  readonly witness: Witness | undefined;
  readonly shadows: ShadowVerdict[];
  readonly findings: { readonly check: CheckName; readonly text: string }[];
  known: Known;
  /** Accepted, though not for good. */
  accepted: { readonly check: CheckName; readonly verdict: AcceptVerdict } | null;
}

/**
 * Judges a stage. At once unless a check must ask: then a promise. `known` is what earlier stages
 * of this session found out; `witness` is for who wants to explain it all.
 */
export function judge<S extends Stage>(
  stage: S,
  facts: FactsOf[S],
  policy: Policy,
  gather: Gather,
  known: Known = NOTHING_KNOWN,
  witness?: Witness,
): Judgement | Promise<Judgement> {
  const checks: readonly Moded<S>[] = policy.stages[stage];
  if (checks.length === 0) return NO_OPINION;
  const { softReject } = policy;
  return walk(checks, 0, {
    facts,
    softReject,
    gather,
    witness,
    shadows: [],
    findings: [],
    known,
    accepted: null,
  });
}

function walk<S extends Stage>(
  checks: readonly Moded<S>[],
  from: number,
  progress: Progress<S>,
  round = 0,
): Judgement | Promise<Judgement> {
  for (let i = from; i < checks.length; i++) {
    const moded = checks[i];
    if (moded === undefined) continue;
    if (isSpared(moded.check.spares, progress.facts)) {
      if (progress.witness !== undefined) tellSpared(moded, progress.facts, progress.witness);
      continue;
    }
    let rounds = i === from ? round : 0;
    for (;;) {
      const needs = moded.check.needs?.(progress.facts, progress.known);
      if (needs === undefined || needs.length === 0 || rounds >= MAX_ROUNDS) break;
      rounds++;
      const found = progress.gather(needs, progress.known);
      if (found instanceof Promise) return resume(checks, i, progress, found, rounds);
      progress.known = found;
    }
    const decided = consider(moded, progress);
    if (decided !== null) return decided;
  }
  const { accepted } = progress;
  return conclude(progress, accepted?.check ?? null, accepted?.verdict ?? NONE);
}

async function resume<S extends Stage>(
  checks: readonly Moded<S>[],
  at: number,
  progress: Progress<S>,
  found: Promise<Known>,
  round: number,
): Promise<Judgement> {
  progress.known = await found;
  return walk(checks, at, progress, round);
}

/** What one check says; not null: that is the end of the stage. */
function consider<S extends Stage>(moded: Moded<S>, progress: Progress<S>): Judgement | null {
  const { check, mode } = moded;
  const { facts, known } = progress;
  const text = check.findings?.(facts, known) ?? "";
  if (text !== "") progress.findings.push({ check: check.name, text });
  const verdict = check.judge(facts, known);
  if (progress.witness !== undefined) {
    const seen: Seen = verdict.kind === "none" ? verdict : { kind: "verdict", verdict };
    progress.witness(check.stage, check.name, mode, seen);
  }
  if (verdict.kind === "none") return null;
  if (mode === "shadow") {
    progress.shadows.push({ check: check.name, verdict });
    return null;
  }
  switch (verdict.kind) {
    case "accept":
      if (verdict.final) return conclude(progress, check.name, verdict);
      progress.accepted ??= { check: check.name, verdict };
      return null;
    case "defer":
    case "refuse":
      return conclude(progress, check.name, verdict);
  }
}

function conclude<S extends Stage>(
  progress: Progress<S>,
  check: CheckName | null,
  verdict: Verdict,
): Judgement {
  const { shadows, findings } = progress;
  const softened = progress.softReject && verdict.kind === "refuse";
  return { verdict: softened ? soften(verdict) : verdict, check, softened, shadows, findings };
}

/** What sparing looks at; a stage that does not know it yet spares nobody for it. */
interface SparedFacts {
  readonly client: ClientFacts;
  readonly isAlwaysAccepted?: boolean;
  readonly isSenderFinal?: boolean;
}

function isSpared(spares: readonly Spared[], facts: SparedFacts): boolean {
  for (const one of spares) if (isSparedAs(one, facts)) return true;
  return false;
}

function tellSpared<S extends Stage>(
  { check, mode }: Moded<S>,
  facts: SparedFacts,
  witness: Witness,
): void {
  const by = check.spares.find((one) => isSparedAs(one, facts)) ?? "trusted";
  witness(check.stage, check.name, mode, { kind: "spared", by });
}

function isSparedAs(one: Spared, facts: SparedFacts): boolean {
  switch (one) {
    case "trusted":
      return facts.client.isRelayClient || facts.client.login !== null;
    case "loopback":
      return facts.client.isLoopback;
    case "forwarder":
      return facts.client.isForwarder;
    case "recipient":
      return facts.isAlwaysAccepted === true;
    case "sender":
      return facts.isSenderFinal === true;
  }
}
