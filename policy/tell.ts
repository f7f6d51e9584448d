/**
 * What was judged, told to the trace: the verdict and its one rule, verdicts in shadow, what checks
 * saw.
 */
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Judgement } from "./mod.ts";
import type { AcceptVerdict, AgainstVerdict, Stage } from "./types.ts";

/** Code and id of the answer, or that it is an acceptance. */
function shownReply(verdict: AcceptVerdict | AgainstVerdict): string {
  switch (verdict.kind) {
    case "accept":
      return verdict.final ? "accepted for good" : "accepted";
    case "defer":
    case "refuse":
      return `${verdict.reply.code} ${verdict.reply.id}`;
  }
}

/** Rules in shadow that are remembered of one message, and of one session. */
const MAX_SHADOWS = 20;

/** `known` and the rules of a judgement that were in shadow, each once: as "rule:code", "rule:accepted". */
export function withShadows(known: readonly string[], { shadows }: Judgement): readonly string[] {
  const fresh = shadows.map(({ verdict }) =>
    `${verdict.rule}:${verdict.kind === "accept" ? "accepted" : verdict.reply.code}`
  );
  return [...new Set([...known, ...fresh])].slice(0, MAX_SHADOWS);
}

/** Writes what a stage came to. */
export function tellJudgement(
  tracer: Tracer,
  session: number,
  stage: Stage,
  ip: string,
  judgement: Judgement,
): void {
  if (tracer.level >= POLICY_EVENTS.finding.level) {
    for (const { check, text } of judgement.findings) {
      tracer.emit(session, POLICY_EVENTS.finding, { check, ip, text });
    }
  }
  if (tracer.level < POLICY_EVENTS.applied.level) return;
  for (const { verdict } of judgement.shadows) {
    const { rule, reason } = verdict;
    const fields = { stage, ip, rule, reply: shownReply(verdict), reason };
    tracer.emit(session, POLICY_EVENTS.shadow, fields);
  }
  const { verdict, softened } = judgement;
  if (verdict.kind === "none") return;
  const { rule, reason } = verdict;
  const reply = shownReply(verdict);
  if (softened) tracer.emit(session, POLICY_EVENTS.softened, { stage, ip, rule, reply });
  tracer.emit(session, POLICY_EVENTS.applied, { stage, ip, rule, reply, reason });
}
