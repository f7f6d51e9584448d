/**
 * How often each check decided: applied, only in shadow, or made into a deferral by soft_reject.
 *
 * Whoever shows numbers takes a snapshot; judging only adds. One for a process: workers have their
 * own, and whoever reads adds them up.
 */
import type { CheckName } from "./types.ts";

/** What became of a verdict. softened counts beside applied: it is one of those. */
export type CountKind = "accepted" | "applied" | "softened" | "shadow";

/** Takes one verdict more. */
export interface CountSink {
  count(check: CheckName, kind: CountKind): void;
}

/** The numbers of one check. */
export type CheckCounts = Readonly<Record<CountKind, number>>;

/** A sink that can be read. */
export interface PolicyCounts extends CountSink {
  /** What was counted so far; checks that never decided are absent. */
  snapshot(): ReadonlyMap<CheckName, CheckCounts>;
}

/** Counts nothing. */
export const NO_COUNTS: CountSink = { count: () => {} };

/** A sink that starts at nothing. */
export function createPolicyCounts(): PolicyCounts {
  const counts = new Map<CheckName, Record<CountKind, number>>();
  return {
    count(check, kind) {
      let of = counts.get(check);
      if (of === undefined) {
        of = { accepted: 0, applied: 0, softened: 0, shadow: 0 };
        counts.set(check, of);
      }
      of[kind]++;
    },
    snapshot: () => new Map([...counts].map(([check, of]) => [check, { ...of }])),
  };
}
