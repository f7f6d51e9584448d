/**
 * What the system said of names, kept for a few milliseconds: in a service that is asked thousands of times a second, the
 * same few files would otherwise be looked at in every look-up.
 *
 * Only stat is kept. Nothing is kept longer than `keepMs`, so a changed file is seen at the first look-up after that time.
 * One-shot commands don't use this.
 */
import type { Errno, Stat, System } from "./system.ts";

/** Names that are remembered at one time. */
const NAMES = 10_000;

export interface BriefSystem extends System {
  /** A look-up begins: forgets what is too old. */
  begin(): void;
  /** Another number each time that something is forgotten, so that what was made of it can be kept as long; null: keep nothing. */
  readonly epoch: number | null;
}

/** `calls` with answers that may be `keepMs` milliseconds old; 0: never. */
export function keepBriefly(calls: System, keepMs: number): BriefSystem {
  if (keepMs <= 0) return { ...calls, begin() {}, epoch: null };
  const followed = new Map<string, Stat | Errno>();
  const unfollowed = new Map<string, Stat | Errno>();
  let until = 0;
  let epoch = 0;
  return {
    ...calls,
    get epoch() {
      return epoch;
    },
    begin() {
      const now = performance.now();
      if (now < until && followed.size + unfollowed.size < NAMES) return;
      followed.clear();
      unfollowed.clear();
      until = now + keepMs;
      epoch++;
    },
    stat(path, follow) {
      const kept = follow ? followed : unfollowed;
      const known = kept.get(path);
      if (known !== undefined) return known;
      const stat = calls.stat(path, follow);
      kept.set(path, stat);
      return stat;
    },
  };
}
