/**
 * What a site under trial tells: every event and every check of a session goes to whoever judges that session's attempt.
 *
 * A tracer of the highest level, and nothing is written anywhere. Sessions are told apart by their numbers, so attempts may
 * overlap; only the clock is one for all.
 */
import type { DeskWitness } from "../policy/visit.ts";
import type { Witness } from "../policy/mod.ts";
import type { Fields, TraceEvent, Tracer } from "../trace/tracer.ts";

/** Hears of one session. */
export interface SessionWatch {
  readonly event: <F extends Fields>(event: TraceEvent<F>, fields: F) => void;
  readonly check: Witness;
  /** Who logged in before the first word; null: nobody. */
  readonly login: string | null;
}

/** The way from a site to those who watch its sessions. */
export interface TrialDesk {
  readonly tracer: Tracer;
  readonly witness: DeskWitness;
  /** Who logged in, for a session that is to begin logged in; null: nobody. */
  readonly loginOf: (session: number) => string | null;
  /** Milliseconds since 1970: the time of the attempt in hand, or now. */
  readonly clock: () => number;
  /** null: the clock goes as ever. */
  readonly setTime: (nowMs: number | null) => void;
  /** Begins to watch; the number is the new session's. */
  readonly watch: (watch: SessionWatch) => number;
  readonly leave: (session: number) => void;
}

/** Level of the tracer: all there is, because the dialogue's events name the replies. */
const LEVEL = 4;

/** A desk without sessions. */
export function createTrialDesk(): TrialDesk {
  const watches = new Map<number, SessionWatch>();
  let last = 0;
  let timeMs: number | null = null;
  return {
    tracer: {
      level: LEVEL,
      emit: (session, event, fields) => watches.get(session)?.event(event, fields),
    },
    witness: (session, ...seen) => watches.get(session)?.check(...seen),
    loginOf: (session) => watches.get(session)?.login ?? null,
    clock: () => timeMs ?? Date.now(),
    setTime(nowMs) {
      timeMs = nowMs;
    },
    watch(watch) {
      watches.set(++last, watch);
      return last;
    },
    leave: (session) => void watches.delete(session),
  };
}
