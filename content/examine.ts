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

const opinionOf = async (
  check: ContentCheck,
  message: Message,
  envelope: Envelope,
  earlier: ReadonlyMap<CheckName, Opinion>,
  troubles: { check: CheckName; reason: string }[],
): Promise<Opinion> => {
  try {
    return await check.examine(message, envelope, earlier);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    troubles.push({ check: check.name, reason });
    return { verdict: against(CONTENT_REPLIES.content_undecided, check.name, reason) };
  }
};

/** Examines. Never rejects. */
export async function examine(
  checks: readonly ContentCheck[],
  message: Message,
  envelope: Envelope,
  softReject: boolean,
): Promise<Examined> {
  const earlier = new Map<CheckName, Opinion>();
  const shadows: ShadowVerdict[] = [];
  const findings: { check: CheckName; text: string }[] = [];
  const overruled: Overruled[] = [];
  const troubles: { check: CheckName; reason: string }[] = [];
  const applied: Opinion[] = [];
  let isSpared = envelope.isAlwaysAccepted;
  let verdict: Verdict = NONE;
  let decidedBy: CheckName | null = null;
  for (const check of checks) {
    const { name, mode } = check;
    const opinion = await opinionOf(check, message, envelope, earlier, troubles);
    earlier.set(name, opinion);
    if ((opinion.finding ?? "") !== "") findings.push({ check: name, text: opinion.finding ?? "" });
    const said = opinion.verdict;
    if (mode === "shadow") {
      if (said.kind !== "none") shadows.push({ check: name, verdict: said });
      continue;
    }
    applied.push(opinion);
    if (said.kind === "none") continue;
    if (said.kind === "accept") {
      isSpared ||= said.final;
      if (verdict.kind === "none") [verdict, decidedBy] = [said, name];
    } else if (isSpared) overruled.push({ check: name, verdict: said });
    else {
      [verdict, decidedBy] = [said, name];
      break;
    }
  }
  const softened = softReject && verdict.kind === "refuse";
  if (softened && verdict.kind === "refuse") verdict = soften(verdict);
  return {
    judgement: { verdict, check: decidedBy, softened, shadows, findings },
    overruled,
    addFields: applied.flatMap((opinion) => opinion.addFields ?? []),
    strikes: applied.flatMap((opinion) => opinion.strikes ?? []),
    rewrites: applied.flatMap((opinion) => opinion.rewrites ?? []),
    quarantine: applied.flatMap((opinion) => opinion.quarantine ?? []),
    rules: applied.flatMap((opinion) => opinion.rule ?? []),
    troubles,
  };
}
