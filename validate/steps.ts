/**
 * The walk as a list of steps: what `lookup` shows people and trace level 3 writes.
 *
 * Steps are gathered only when asked for; without a sink the walk spends nothing on them.
 */
import { VALIDATE_EVENTS } from "../trace/events_validate.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { LookupResult, LookupStep } from "./types.ts";

export interface StepSink {
  readonly steps: readonly LookupStep[];
  add(step: string, file: string, key: string, found: string): void;
}

export function gatherSteps(): StepSink {
  const steps: LookupStep[] = [];
  return {
    steps,
    add: (step, file, key, found) => {
      steps.push({ step, file, key, found });
    },
  };
}

/** Does this tracer want steps? Then look up with `explain`. */
export const wantsSteps = (tracer: Tracer): boolean => tracer.level >= VALIDATE_EVENTS.step.level;

/** Writes a result's steps and its verdict to the trace. */
export function traceLookup(tracer: Tracer, session: number, result: LookupResult): void {
  if (!wantsSteps(tracer)) return;
  for (const { step, file, key, found } of result.steps ?? []) {
    tracer.emit(session, VALIDATE_EVENTS.step, { step, file, key, found });
  }
  const { address, verdict, route, reason } = result;
  tracer.emit(session, VALIDATE_EVENTS.answer, { address, verdict, route, reason });
}
