/**
 * Counts over time, in bounded memory: the step grows with the span, from a minute to a week, as soon as there are too many.
 * Steps are aligned to local time where a day has 24 hours.
 */

const MINUTE_MS = 60_000;
const STEPS_MS = [1, 5, 15, 60, 180, 360, 1440, 10_080].map((minutes) => minutes * MINUTE_MS);
const MOST_STEPS = 1000;

export type Outcome = "accepted" | "refused" | "deferred";

export interface TimeStep {
  readonly startMs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly deferred: number;
}

type Counts = Record<Outcome, number>;

export class Timeline {
  #stepMs = STEPS_MS[0] ?? MINUTE_MS;
  #counts = new Map<number, Counts>();
  #offsetMs: number | null = null;

  add(whenMs: number, outcome: Outcome): void {
    this.#offsetMs ??= new Date(whenMs).getTimezoneOffset() * MINUTE_MS;
    this.#at(Math.floor((whenMs - this.#offsetMs) / this.#stepMs))[outcome]++;
    while (this.#counts.size > MOST_STEPS && this.#coarsen());
  }

  /** The steps from first to last without a gap, `most` at the most. */
  steps(most: number): { readonly stepMs: number; readonly steps: TimeStep[] } {
    while (this.#span() > most && this.#coarsen());
    if (this.#counts.size === 0) return { stepMs: this.#stepMs, steps: [] };
    const first = Math.min(...this.#counts.keys());
    const steps = Array.from({ length: Math.min(this.#span(), most) }, (_, i) => ({
      startMs: (first + i) * this.#stepMs + (this.#offsetMs ?? 0),
      ...(this.#counts.get(first + i) ?? { accepted: 0, refused: 0, deferred: 0 }),
    }));
    return { stepMs: this.#stepMs, steps };
  }

  #span(): number {
    if (this.#counts.size === 0) return 0;
    const keys = [...this.#counts.keys()];
    return Math.max(...keys) - Math.min(...keys) + 1;
  }

  #at(step: number): Counts {
    const known = this.#counts.get(step);
    if (known !== undefined) return known;
    const made = { accepted: 0, refused: 0, deferred: 0 };
    this.#counts.set(step, made);
    return made;
  }

  /** The next larger step; beyond weeks it is doubled. Always true: it can go on. */
  #coarsen(): boolean {
    const old = this.#counts;
    const oldMs = this.#stepMs;
    this.#stepMs = STEPS_MS.find((ms) => ms > oldMs) ?? oldMs * 2;
    this.#counts = new Map();
    for (const [step, counts] of old) {
      const into = this.#at(Math.floor(step * oldMs / this.#stepMs));
      into.accepted += counts.accepted;
      into.refused += counts.refused;
      into.deferred += counts.deferred;
    }
    return true;
  }
}
