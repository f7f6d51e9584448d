/**
 * Where the dialogue asks policy, and what a verdict against means for it.
 *
 * A stage without checks costs a comparison. Limits are compared by whoever knows the number
 * (policy/limits.ts) and answered here, like verdicts of checks. soft_reject holds for every answer
 * of 5xx about senders, recipients and messages, those of the look-up included.
 */
import type { Judgement } from "../policy/mod.ts";
import { limitsOf } from "../policy/limits.ts";
import type { RuleEffects } from "../policy/mailrules.ts";
import type { AgainstVerdict, CheckName, FactsOf, Stage } from "../policy/types.ts";
import { withShadows } from "../policy/tell.ts";
import { asks } from "../policy/visit.ts";
import { type Reply, replyOf, softOf } from "./replies.ts";
import { clientOf, endByLimit, say, type Session, visitOf } from "./state.ts";
import type { Transaction } from "./transaction.ts";

/** Does any check ask at this stage? */
export function isAsked(session: Session, stage: Stage): boolean {
  return asks(session.policy, stage);
}

/** Judges a stage that `isAsked`. */
export function judgeStage<S extends Stage>(
  session: Session,
  stage: S,
  facts: FactsOf[S],
): Judgement | Promise<Judgement> {
  const judged = visitOf(session).judge(stage, facts);
  if (judged instanceof Promise) return judged.then((late) => keepShadows(session, stage, late));
  return keepShadows(session, stage, judged);
}

/** What was in shadow is remembered for the record of the message, or of all messages of the session. */
function keepShadows(session: Session, stage: Stage, judgement: Judgement): Judgement {
  if (judgement.shadows.length === 0) return judgement;
  const holder = stage === "connect" || stage === "helo" ? session : session.transaction;
  if (holder !== null) holder.shadows = withShadows(holder.shadows, judgement);
  return judgement;
}

/** Answers with a verdict against; ends the session where the verdict does. */
export function sayAgainst(session: Session, verdict: AgainstVerdict): void {
  const reply = replyOf(verdict.reply);
  if (verdict.ends || reply.code === 421) return endByLimit(session, reply);
  say(session, reply);
}

/** A limit was passed: told, counted and softened like the verdict of a check. */
export function takeLimit(
  session: Session,
  stage: Stage,
  verdict: AgainstVerdict,
  check: CheckName = "counters",
): AgainstVerdict {
  if (session.deps.policy === undefined) return verdict;
  return visitOf(session).limit(check, stage, clientOf(session).ip, verdict);
}

/** The reply that is given instead of `reply` where soft_reject is on. */
export function softened(session: Session, reply: Reply): Reply {
  return session.policy.policy.softReject ? softOf(reply) : reply;
}

/** What matching mail rules set holds for the rest of the transaction. */
export function applyEffects(
  session: Session,
  transaction: Transaction,
  effects: RuleEffects,
): void {
  const { env, dataBytes } = effects;
  let isChanged = false;
  if (Object.keys(env).length > 0) {
    transaction.env = { ...transaction.env, ...env };
    isChanged = true;
  }
  if (dataBytes > 0 && (transaction.ruleBytes === 0 || dataBytes < transaction.ruleBytes)) {
    transaction.ruleBytes = dataBytes;
    isChanged = true;
  }
  if (!isChanged) return;
  transaction.limits = limitsOf(session.config.limits, transaction.env, transaction.ruleBytes);
}
