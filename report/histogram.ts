/** Durations in bounded memory: percentiles that are right to about 5 percent, however many there were. */

const BASE = Math.log(1.1);
const LEAST_MS = 1;

export class Histogram {
  readonly #counts = new Map<number, number>();
  #total = 0;
  #mostMs = 0;

  add(ms: number): void {
    const step = ms < LEAST_MS ? -1 : Math.floor(Math.log(ms / LEAST_MS) / BASE);
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1);
    this.#total++;
    this.#mostMs = Math.max(this.#mostMs, ms);
  }

  get total(): number {
    return this.#total;
  }

  get mostMs(): number {
    return this.#mostMs;
  }

  /** At this share (0 to 1) of all durations. */
  at(share: number): number {
    let left = share * this.#total;
    for (const step of [...this.#counts.keys()].sort((a, b) => a - b)) {
      left -= this.#counts.get(step) ?? 0;
      // The middle of the step.
      if (left <= 0) return step < 0 ? 0 : Math.min(this.#mostMs, Math.exp((step + 0.5) * BASE));
    }
    return this.#mostMs;
  }
}
