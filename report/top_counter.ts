/**
 * Who comes most often, in bounded memory: counters as Misra and Gries have them, thinned out by the median as in "A High-
 * Performance Algorithm for Identifying Frequent Items in Data Streams" (Anderson and others, 2017).
 *
 * A count is never too high, and too low by `mayMiss` at the most: 0 while there were fewer keys than room, else at most
 * twice the sum of all counts divided by the room. So who was counted more often than that is in the table for certain.
 */

export interface Ranked {
  readonly key: string;
  readonly count: number;
}

/** Keys kept at most. */
const ROOM = 10_000;

export class TopCounter {
  readonly #counts = new Map<string, number>();
  readonly #room: number;
  #total = 0;
  #mayMiss = 0;
  #isThinned = false;

  constructor(room: number = ROOM) {
    this.#room = room;
  }

  /** Sum of everything added. */
  get total(): number {
    return this.#total;
  }

  /** By how much any count may be too low. */
  get mayMiss(): number {
    return this.#mayMiss;
  }

  /** Different keys; null: more than could be kept. */
  get distinct(): number | null {
    return this.#isThinned ? null : this.#counts.size;
  }

  add(key: string, times = 1): void {
    this.#total += times;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + times);
    if (this.#counts.size > this.#room) this.#thin();
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** The highest first; equal counts in the order of their keys. */
  top(most: number): Ranked[] {
    return [...this.#counts].map(([key, count]) => ({ key, count }))
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)).slice(0, most);
  }

  /** Takes the median from every count: at least half of the keys lose that much, so the sum pays for it. */
  #thin(): void {
    const sorted = Float64Array.from(this.#counts.values()).sort();
    const median = sorted[sorted.length >> 1] ?? 1;
    for (const [key, count] of this.#counts) {
      if (count <= median) this.#counts.delete(key);
      else this.#counts.set(key, count - median);
    }
    this.#mayMiss += median;
    this.#isThinned = true;
  }
}
