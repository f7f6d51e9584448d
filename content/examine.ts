/**
 * What the checks say of one complete message: asked in their order, until one that is on is
 * against it.
 *
 * Verdicts in shadow are told and change nothing. A check that fails in a way nobody foresaw puts
 * the message off: nothing is lost. For recipients that always get their mail no verdict against is
 * applied; what else a check does to the message is.
 */
import type { Judgement, ShadowVerdict } from "../policy/mod.ts";
import { against, CONTENT_REPLIES, NONE, soften } from "../policy/replies.ts";
import type { AgainstVerdict, CheckName, Verdict } from "../policy/types.ts";
import type { ContentCheck, Envelope, HeaderField, Message, Opinion } from "./types.ts";

/** A verdict that was not applied, and why not. */
export interface Overruled {
  readonly check: CheckName;
  readonly verdict: AgainstVerdict;
}

/** What came of it. */
export interface Examined {
  readonly judgement: Judgement;
  readonly overruled: readonly Overruled[];
  /** Fields to be put on top, in the order of the checks. */
  readonly addFields: readonly string[];
  readonly strikes: readonly ((field: HeaderField) => boolean)[];
  readonly rewrites: readonly ((field: HeaderField) => string | null)[];
  /** Why copies are wanted. */
  readonly quarantine: readonly string[];
  /** What did something to the message. */
  readonly rules: readonly string[];
  /** Checks that failed, each with a sentence. */
  readonly troubles: readonly { readonly check: CheckName; readonly reason: string }[];
}

/** An examination under way. */
interface Progress {
  readonly earlier: Map<CheckName, Opinion>;
  /** Opinions of checks that are on. */
  readonly applied: Opinion[];
  readonly shadows: ShadowVerdict[];
  readonly findings: { check: CheckName; text: string }[];
  readonly overruled: Overruled[];
  readonly troubles: { check: CheckName; reason: string }[];
  /** No verdict against is applied any more. */
  isSpared: boolean;
  verdict: Verdict;
  decidedBy: CheckName | null;
}

/** Examines. Never rejects. */
export async function examine(
  checks: readonly ContentCheck[],
  message: Message,
  envelope: Envelope,
  softReject: boolean,
): Promise<Examined> {
  const progress: Progress = {
    earlier: new Map(),
    applied: [],
    shadows: [],
    findings: [],
    overruled: [],
    troubles: [],
    isSpared: envelope.isAlwaysAccepted,
    verdict: NONE,
    decidedBy: null,
  };
  for (const check of checks) {
    const opinion = await opinionOf(check, message, envelope, progress);
    if (consider(check, opinion, progress)) break;
  }
  return conclude(progress, softReject);
}

async function opinionOf(
  check: ContentCheck,
  message: Message,
  envelope: Envelope,
  { earlier, troubles }: Progress,
): Promise<Opinion> {
  try {
    return await check.examine(message, envelope, earlier);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    troubles.push({ check: check.name, reason });
    return { verdict: against(CONTENT_REPLIES.content_undecided, check.name, reason) };
  }
}

/** Takes an opinion; true: that is the end. */
function consider({ name, mode }: ContentCheck, opinion: Opinion, progress: Progress): boolean {
  const { verdict, finding = "" } = opinion;
  progress.earlier.set(name, opinion);
  if (finding !== "") progress.findings.push({ check: name, text: finding });
  if (mode === "shadow") {
    if (verdict.kind !== "none") progress.shadows.push({ check: name, verdict });
    return false;
  }
  progress.applied.push(opinion);
  switch (verdict.kind) {
    case "none":
      return false;
    case "accept":
      progress.isSpared ||= verdict.final;
      if (progress.verdict.kind === "none") decide(progress, name, verdict);
      return false;
    case "defer":
    case "refuse":
      if (!progress.isSpared) return decide(progress, name, verdict);
      progress.overruled.push({ check: name, verdict });
      return false;
  }
}

function decide(progress: Progress, name: CheckName, verdict: Verdict): true {
  progress.verdict = verdict;
  progress.decidedBy = name;
  return true;
}

function conclude(progress: Progress, softReject: boolean): Examined {
  const { applied, shadows, findings, overruled, troubles, verdict, decidedBy } = progress;
  const isSoftened = softReject && verdict.kind === "refuse";
  return {
    judgement: {
      verdict: isSoftened ? soften(verdict) : verdict,
      check: decidedBy,
      softened: isSoftened,
      shadows,
      findings,
    },
    overruled,
    addFields: applied.flatMap((opinion) => opinion.addFields ?? []),
    strikes: applied.flatMap((opinion) => opinion.strikes ?? []),
    rewrites: applied.flatMap((opinion) => opinion.rewrites ?? []),
    quarantine: applied.flatMap((opinion) => opinion.quarantine ?? []),
    rules: applied.flatMap((opinion) => opinion.rule ?? []),
    troubles,
  };
}
