/**
 * One wheel of coarse ticks for the limits of all sessions: idle time, session time, write stall, handshake.
 *
 * Moving a limit to a later tick, which a session does with every read, is one assignment: the entry stays where it
 * hangs, and when its slot comes round it is hung to where it belongs by then. Only an earlier tick moves the entry.
 * One interval serves the whole process; a limit ends up to one tick late, never early.
 */

/** Something with a limit. The link fields belong to the wheel. */
export interface Timed {
  /** Tick at which `expire` is called. Changed by `TimerWheel.set` only, but in `expire` itself. */
  due: number;
  /** Tick in whose slot the entry hangs: `due` or an earlier one. */
  hung: number;
  /** Called once `due` is reached. To stay in the wheel it assigns a later tick to `due`. Must not throw. */
  expire(): void;
  /** Neighbours in the slot, null when not in a wheel. */
  before: Timed | null;
  after: Timed | null;
}

/** A tick that never comes. */
export const NEVER = Number.MAX_SAFE_INTEGER;

const SLOTS = 512;

function unlink(entry: Timed): void {
  if (entry.before !== null) entry.before.after = entry.after;
  if (entry.after !== null) entry.after.before = entry.before;
  entry.before = entry.after = null;
}

function slotHead(): Timed {
  const head: Timed = { due: NEVER, hung: NEVER, expire: () => {}, before: null, after: null };
  head.before = head.after = head;
  return head;
}

/** The wheel; `close` ends its interval. */
export class TimerWheel {
  /** The current tick. */
  now = 0;
  readonly #tickMs: number;
  readonly #slots: Timed[] = [];
  readonly #began = performance.now();
  readonly #interval: number;

  /** `tickMs`: length of a tick in milliseconds; tests take short ones. */
  constructor(tickMs = 1000) {
    this.#tickMs = tickMs;
    for (let i = 0; i < SLOTS; i++) this.#slots.push(slotHead());
    this.#interval = setInterval(() => this.#turn(), tickMs);
    Deno.unrefTimer(this.#interval);
  }

  /** How long ago a tick was. */
  secondsSince(tick: number): number {
    return Math.max(0, (this.now - tick) * this.#tickMs / 1000);
  }

  /** The first tick that is at least `seconds` away. */
  after(seconds: number): number {
    return this.now + Math.ceil((seconds * 1000) / this.#tickMs) + 1;
  }

  /** Hangs `entry` where its `due` says. */
  add(entry: Timed): void {
    const tick = Math.min(Math.max(entry.due, this.now + 1), this.now + SLOTS - 1);
    const head = this.#slots[tick % SLOTS] as Timed;
    entry.hung = tick;
    entry.after = head;
    entry.before = head.before;
    if (head.before !== null) head.before.after = entry;
    head.before = entry;
  }

  /** Changes the limit of an entry that hangs in the wheel. */
  set(entry: Timed, due: number): void {
    entry.due = due;
    if (due >= entry.hung || entry.after === null) return;
    unlink(entry);
    this.add(entry);
  }

  /** Takes `entry` out; harmless when it is not in. */
  remove(entry: Timed): void {
    unlink(entry);
  }

  /** Ends the interval; nothing expires any more. */
  close(): void {
    clearInterval(this.#interval);
  }

  #turn(): void {
    const until = Math.floor((performance.now() - this.#began) / this.#tickMs);
    while (this.now < until) {
      this.now++;
      this.#serve(this.#slots[this.now % SLOTS] as Timed);
    }
  }

  #serve(head: Timed): void {
    const waiting: Timed[] = [];
    for (let e = head.after; e !== null && e !== head; e = e.after) waiting.push(e);
    for (const entry of waiting) {
      if (entry.after === null) continue; // taken out by another one's expire
      unlink(entry);
      if (entry.due <= this.now) entry.expire();
      if (entry.due > this.now && entry.after === null) this.add(entry);
    }
  }
}
