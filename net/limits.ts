/**
 * How many sessions there are, in all and per address, shared by all workers of the process.
 *
 * One SharedArrayBuffer: counters, an open-addressing table of addresses, and for each worker a journal of the table
 * slots that its sessions hold, so that a worker that died can be reclaimed. There is no lock: a slot's key may
 * change only while its count is FREE or CLAIMED, and every step is one atomic operation. In the narrow race of two
 * workers seeing the same new address at the same moment an address may be counted in two slots, which makes its limit
 * a little generous and is gone with its sessions. Hashes are seeded, so nobody can choose colliding addresses.
 */

/** What is counted for the whole process. */
export const COUNTERS = [
  "sessions_open",
  "sessions_total",
  "session_numbers",
  "refused_sessions",
  "refused_address",
  "refused_busy",
  "stalled",
  "stuck",
] as const;

export type Counter = (typeof COUNTERS)[number];

/** Cells before the table: a seed, the sizes, the counters. */
const HEADER = 32;
const SEED = 0;
const CAPACITY = 1;
const JOURNAL = 2;
const FIRST_COUNTER = 4;

/** Slots looked at for one address; the table is at most a quarter full. */
const WINDOW = 32;
const FREE = 0;
const CLAIMED = -1;
/** A session that holds no slot: all of its window was taken. */
const NO_SLOT = 0x7fffffff;

/** Room for this many sessions is always there, so that a reload may raise the limit. */
const LEAST_PLACES = 16_384;

/** What `enter` says: a ticket for `leave`, or why not. */
export type Admission = number | "sessions" | "address";

/** Memory for the limits of `workers` workers and `maxSessions` sessions (a reload may raise them to 16,384). */
export function makeSharedLimits(maxSessions: number, workers: number): SharedArrayBuffer {
  let capacity = 4096;
  const places = Math.max(maxSessions, LEAST_PLACES);
  while (capacity < places * 4) capacity *= 2;
  const journal = places + 1;
  const cells = HEADER + capacity * 2 + journal * workers;
  const shared = new SharedArrayBuffer(cells * 4);
  const header = new Int32Array(shared);
  header[SEED] = crypto.getRandomValues(new Int32Array(1))[0] ?? 1;
  header[CAPACITY] = capacity;
  header[JOURNAL] = journal;
  return shared;
}

/** Two hashes of an address's text: where it stands in the table, and its key there (never 0). */
function hash(seed: number, text: string): { index: number; key: number } {
  let a = seed | 0;
  let b = ~seed | 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995) + (b >>> 15);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  a ^= a >>> 13;
  b = Math.imul(b ^ (b >>> 15), 0xc2b2ae35 | 0);
  b ^= b >>> 16;
  return { index: a >>> 0, key: b === 0 ? 1 : b };
}

/** One worker's view of the shared limits. */
export class SessionLimits {
  /** Sessions at one time; may be changed by a reload. */
  maxSessions: number;
  /** Sessions of one address at one time; may be changed by a reload. */
  maxPerAddress: number;
  readonly #cells: Int32Array;
  readonly #mask: number;
  readonly #counts: number;
  readonly #journal: number;
  readonly #journalSize: number;
  readonly #freeTickets: number[] = [];
  #freshTicket = 0;

  /** `worker`: whose journal is written, from 0. */
  constructor(
    shared: SharedArrayBuffer,
    worker: number,
    maxSessions: number,
    maxPerAddress: number,
  ) {
    this.#cells = new Int32Array(shared);
    const capacity = this.#cells[CAPACITY] ?? 0;
    this.#mask = capacity - 1;
    this.#counts = HEADER + capacity;
    this.#journalSize = this.#cells[JOURNAL] ?? 0;
    this.#journal = HEADER + capacity * 2 + this.#journalSize * worker;
    this.maxSessions = maxSessions;
    this.maxPerAddress = maxPerAddress;
  }

  /** Adds to a counter; returns its value before. */
  count(counter: Counter, by = 1): number {
    return Atomics.add(this.#cells, FIRST_COUNTER + COUNTERS.indexOf(counter), by);
  }

  value(counter: Counter): number {
    return Atomics.load(this.#cells, FIRST_COUNTER + COUNTERS.indexOf(counter));
  }

  /** A number for the trace, unique in the process until 2^31 sessions were served. */
  nextSession(): number {
    return (this.count("session_numbers") & 0x7fffffff) + 1;
  }

  /** Sessions of one address now. */
  sessionsOf(ip: string): number {
    const { index, key } = hash(this.#cells[SEED] ?? 0, ip);
    let sum = 0;
    for (let i = 0; i < WINDOW; i++) {
      const slot = (index + i) & this.#mask;
      const n = Atomics.load(this.#cells, this.#counts + slot);
      if (n > 0 && Atomics.load(this.#cells, HEADER + slot) === key) sum += n;
    }
    return sum;
  }

  /** Counts a new session of `ip` in, unless a limit forbids it. */
  enter(ip: string): Admission {
    const open = this.count("sessions_open");
    const ticket = open >= this.maxSessions ? undefined : this.#takeTicket();
    if (ticket === undefined) {
      this.count("sessions_open", -1);
      this.count("refused_sessions");
      return "sessions";
    }
    const { index, key } = hash(this.#cells[SEED] ?? 0, ip);
    const slot = this.#addTo(index, key);
    if (slot === null) {
      this.#freeTickets.push(ticket);
      this.count("sessions_open", -1);
      this.count("refused_address");
      return "address";
    }
    Atomics.store(this.#cells, this.#journal + ticket, slot === NO_SLOT ? NO_SLOT : slot + 1);
    this.count("sessions_total");
    return ticket;
  }

  /** Counts a session out. */
  leave(ticket: number): void {
    this.#release(this.#journal + ticket);
    this.#freeTickets.push(ticket);
  }

  /** Counts out everything that the dead worker `worker` held. Nobody may use its number meanwhile. */
  reclaim(worker: number): number {
    const first = HEADER + (this.#mask + 1) * 2 + this.#journalSize * worker;
    let freed = 0;
    for (let cell = first; cell < first + this.#journalSize; cell++) {
      if (Atomics.load(this.#cells, cell) === 0) continue;
      this.#release(cell);
      freed++;
    }
    return freed;
  }

  #takeTicket(): number | undefined {
    const free = this.#freeTickets.pop();
    if (free !== undefined) return free;
    return this.#freshTicket < this.#journalSize ? this.#freshTicket++ : undefined;
  }

  #release(journalCell: number): void {
    const held = Atomics.exchange(this.#cells, journalCell, 0);
    if (held === 0) return;
    if (held !== NO_SLOT) Atomics.sub(this.#cells, this.#counts + held - 1, 1);
    this.count("sessions_open", -1);
  }

  /** Adds a session to the slot of `key`: the slot, NO_SLOT when all are taken, null when the address has enough. */
  #addTo(index: number, key: number): number | null {
    for (let attempt = 0; attempt < 8; attempt++) {
      let free = -1;
      for (let i = 0; i < WINDOW; i++) {
        const slot = (index + i) & this.#mask;
        const n = Atomics.load(this.#cells, this.#counts + slot);
        if (n === FREE) {
          if (free < 0) free = slot;
        } else if (n !== CLAIMED && Atomics.load(this.#cells, HEADER + slot) === key) {
          if (n >= this.maxPerAddress) return null;
          if (this.#swap(slot, n, n + 1)) return slot;
          free = -2;
          break;
        }
      }
      if (free === -1) return NO_SLOT;
      if (free >= 0 && this.#claim(free, key)) return free;
    }
    return NO_SLOT;
  }

  #claim(slot: number, key: number): boolean {
    if (!this.#swap(slot, FREE, CLAIMED)) return false;
    Atomics.store(this.#cells, HEADER + slot, key);
    Atomics.store(this.#cells, this.#counts + slot, 1);
    return true;
  }

  #swap(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, this.#counts + slot, from, to) === from;
  }
}
