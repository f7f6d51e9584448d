/**
 * A time limit on the wheel for something that has no limit most of the time: a handshake, a farewell.
 *
 * It hangs in the wheel only while it is set; one object serves its owner's whole life.
 */
import type { Timed, TimerWheel } from "./timers.ts";

/** The limit. `late` is called when the time is over. */
export class Deadline implements Timed {
  due = 0;
  hung = 0;
  before: Timed | null = null;
  after: Timed | null = null;

  readonly #wheel: TimerWheel;
  readonly #late: () => void;
  /** Ends the wait of `within`. */
  #giveUp: (error: Error) => void = () => {};

  constructor(wheel: TimerWheel, late: () => void) {
    this.#wheel = wheel;
    this.#late = late;
  }

  /** Sets the limit, in place of an earlier one. */
  set(seconds: number): void {
    this.#wheel.remove(this);
    this.due = this.#wheel.after(seconds);
    this.#wheel.add(this);
  }

  /** Takes the limit away; harmless when there is none. */
  clear(): void {
    this.#wheel.remove(this);
    this.due = 0;
  }

  /** What `work` comes to within `seconds`; rejects before `late` is called. After a rejection the limit still stands. */
  async within<T>(seconds: number, work: () => Promise<T>): Promise<T> {
    this.set(seconds);
    const tooLate = new Promise<never>((_, reject) => this.#giveUp = reject);
    const result = await Promise.race([work(), tooLate]);
    this.clear();
    return result;
  }

  /** The wheel's call. */
  expire(): void {
    this.due = 0;
    this.#giveUp(new Error("not finished in time"));
    this.#late();
  }
}
