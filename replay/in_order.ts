/**
 * Attempts in the order of time. A log's reader tells an attempt when nothing more can come of it, which for a delivered one is
 * when its message is done; who remembers one attempt for the next needs them as they came.
 *
 * A heap of fixed size: what comes later than so many others is told late, and counted.
 */
import type { Attempt } from "../report/facts.ts";

/** Attempts that wait for an older one. */
const MOST_WAITING = 50_000;

interface Waiting {
  readonly atMs: number;
  /** Equal times stay in the order of the log. */
  readonly number: number;
  readonly attempt: Attempt;
}

const isBefore = (a: Waiting, b: Waiting): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

/** A binary heap, the oldest first. */
class Heap {
  readonly #all: Waiting[] = [];

  get size(): number {
    return this.#all.length;
  }

  push(one: Waiting): void {
    let at = this.#all.push(one) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#all[up];
      if (parent === undefined || !isBefore(one, parent)) break;
      this.#all[at] = parent;
      at = up;
    }
    this.#all[at] = one;
  }

  pop(): Waiting | undefined {
    const first = this.#all[0];
    const last = this.#all.pop();
    if (first === undefined || last === undefined || this.#all.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const [a, b] = [this.#all[left], this.#all[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (!isBefore(child, last)) break;
      this.#all[at] = child;
      at = isRight ? left + 1 : left;
    }
    this.#all[at] = last;
    return first;
  }
}

/** What could not be put in order. */
export interface OrderCount {
  late: number;
}

/** `attempts` by their time, which never goes back; those without one are of the time before them. */
export async function* inOrder(
  attempts: AsyncIterable<Attempt>,
  count: OrderCount = { late: 0 },
  mostWaiting: number = MOST_WAITING,
): AsyncGenerator<Attempt> {
  const heap = new Heap();
  let number = 0;
  let seenMs = 0;
  let toldMs = 0;
  const tell = (one: Waiting): Attempt => {
    if (one.atMs < toldMs) count.late++;
    toldMs = Math.max(toldMs, one.atMs);
    return { ...one.attempt, whenMs: toldMs === 0 ? null : toldMs };
  };
  for await (const attempt of attempts) {
    seenMs = attempt.whenMs ?? seenMs;
    heap.push({ atMs: seenMs, number: number++, attempt });
    if (heap.size <= mostWaiting) continue;
    const oldest = heap.pop();
    if (oldest !== undefined) yield tell(oldest);
  }
  for (let one = heap.pop(); one !== undefined; one = heap.pop()) yield tell(one);
}
