/**
 * How fast the disk has been lately: whoever has two ways to use it learns here which one to take. After a slow call the other
 * way is taken for a while, ever longer while it stays slow.
 */

/** How long at first; twice as long each time that the call after it is slow again, up to `LONGEST_MILLISECONDS`. */
const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 16_000;

/**
 * When writing a piece of a long message took longer than this, in milliseconds, the disk is behind, and pieces are written by a
 * thread for a while.
 */
const SLOW_WRITE = 20;

const monotonic = (): number => performance.now();

/** The pace of writing long messages. */
export const writePace = (now: () => number = monotonic): Pace => new Pace(SLOW_WRITE, now);

/** What calls of one kind have taken. `now` is in milliseconds. */
export class Pace {
  readonly #slow: number;
  readonly #now: () => number;
  #until = -Infinity;
  #while = 0;
  #last = Infinity;

  /** A call that takes longer than `slow` milliseconds is slow. */
  constructor(slow: number, now: () => number) {
    this.#slow = slow;
    this.#now = now;
  }

  /** What the last call took, in milliseconds; Infinity before the first. */
  get last(): number {
    return this.#last;
  }

  /** The last call was so slow that none is wanted now. */
  get isSlow(): boolean {
    return this.#until > -Infinity && this.#until > this.#now();
  }

  /** A call took that many milliseconds. */
  took(milliseconds: number): void {
    this.#last = milliseconds;
    if (milliseconds <= this.#slow) {
      this.#until = -Infinity;
      this.#while = 0;
      return;
    }
    this.#while = this.#while === 0
      ? FIRST_MILLISECONDS
      : Math.min(2 * this.#while, LONGEST_MILLISECONDS);
    this.#until = this.#now() + this.#while;
  }

  /** Runs `call` and remembers what it took. */
  time<T>(call: () => T): T {
    const begin = this.#now();
    const result = call();
    this.took(this.#now() - begin);
    return result;
  }
}
