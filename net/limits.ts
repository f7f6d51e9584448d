/**
 * How many sessions there are, in all, per address and per network (/24, IPv6 /64), shared by all workers of the process.
 *
 * One SharedArrayBuffer: counters, a table of addresses, one of networks (count_table.ts), and for each worker a journal
 * of the table slots that its sessions hold, so that a worker that died can be reclaimed. There is no lock. While networks
 * have no limit their table is not touched: its memory is never had, and an address is counted as if there were none.
 */
import { CountTable, NO_SLOT, tableCells } from "./count_table.ts";
import { networkKey } from "./ip.ts";

/** What is counted for the whole process. */
export const COUNTERS = [
  "sessions_open",
  "sessions_total",
  "session_numbers",
  "refused_sessions",
  "refused_address",
  "refused_network",
  "refused_busy",
  "stalled",
  "stuck",
] as const;

export type Counter = (typeof COUNTERS)[number];

/** Cells before the tables: a seed, the sizes, the counters. */
const HEADER = 32;
const SEED = 0;
const CAPACITY = 1;
const JOURNAL = 2;
const FIRST_COUNTER = 4;

/** Cells of the journal for one session: the slots of its address and of its network, each one more; 0: none. */
const ENTRY = 2;

/** Room for this many sessions is always there, so that a reload may raise the limit. */
const LEAST_PLACES = 16_384;

/** What `enter` says: a ticket for `leave`, or why not. */
export type Admission = number | "sessions" | "address" | "network";

/** Memory for the limits of `workers` workers and `maxSessions` sessions (a reload may raise them to 16,384). */
export function makeSharedLimits(maxSessions: number, workers: number): SharedArrayBuffer {
  let capacity = 4096;
  const places = Math.max(maxSessions, LEAST_PLACES);
  while (capacity < places * 4) capacity *= 2;
  const journal = places + 1;
  const cells = HEADER + 2 * tableCells(capacity) + journal * ENTRY * workers;
  const shared = new SharedArrayBuffer(cells * 4);
  const header = new Int32Array(shared);
  header[SEED] = crypto.getRandomValues(new Int32Array(1))[0] ?? 1;
  header[CAPACITY] = capacity;
  header[JOURNAL] = journal;
  return shared;
}

/** One worker's view of the shared limits. */
export class SessionLimits {
  /** Sessions at one time; may be changed by a reload. */
  maxSessions: number;
  /** Sessions of one address at one time; may be changed by a reload. */
  maxPerAddress: number;
  /** Sessions of one /24 or IPv6 /64 at one time; 0: no limit. May be changed by a reload. */
  maxPerNetwork = 0;
  /** Addresses that the limit of networks is not for, asked when it is reached; null: it is for all. */
  sparesNetwork: ((ip: string) => boolean) | null = null;
  readonly #cells: Int32Array;
  readonly #addresses: CountTable;
  readonly #networks: CountTable;
  /** Cell at which the journals begin, and at which this worker's does. */
  readonly #journals: number;
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
    const cells = this.#cells = new Int32Array(shared);
    const capacity = cells[CAPACITY] ?? 0;
    const seed = cells[SEED] ?? 0;
    const second = HEADER + tableCells(capacity);
    this.#addresses = new CountTable(cells, HEADER, capacity, seed);
    this.#networks = new CountTable(cells, second, capacity, seed);
    this.#journalSize = cells[JOURNAL] ?? 0;
    this.#journals = second + tableCells(capacity);
    this.#journal = this.#journals + this.#journalSize * ENTRY * worker;
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
    return this.#addresses.countOf(ip);
  }

  /**
   * Sessions now of the network that an address is in; a network's own text will do as well. 0 while networks have no
   * limit.
   */
  sessionsOfNetwork(ip: string): number {
    return this.maxPerNetwork === 0 ? 0 : this.#networks.countOf(networkKey(ip));
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
    const slot = this.#addresses.add(ip, this.maxPerAddress);
    if (slot === null) return this.#refuse(ticket, "address");
    const entry = this.#journal + ticket * ENTRY;
    Atomics.store(this.#cells, entry, slot === NO_SLOT ? NO_SLOT : slot + 1);
    if (this.maxPerNetwork > 0 && !this.#enterNetwork(ip, entry)) {
      Atomics.store(this.#cells, entry, 0);
      this.#addresses.release(slot);
      return this.#refuse(ticket, "network");
    }
    this.count("sessions_total");
    return ticket;
  }

  /** Counts a session out. */
  leave(ticket: number): void {
    this.#release(this.#journal + ticket * ENTRY);
    this.#freeTickets.push(ticket);
  }

  /** Counts out everything that the dead worker `worker` held. Nobody may use its number meanwhile. */
  reclaim(worker: number): number {
    const first = this.#journals + this.#journalSize * ENTRY * worker;
    let freed = 0;
    for (let entry = first; entry < first + this.#journalSize * ENTRY; entry += ENTRY) {
      if (Atomics.load(this.#cells, entry) === 0) continue;
      this.#release(entry);
      freed++;
    }
    return freed;
  }

  #takeTicket(): number | undefined {
    const free = this.#freeTickets.pop();
    if (free !== undefined) return free;
    return this.#freshTicket < this.#journalSize ? this.#freshTicket++ : undefined;
  }

  /** Counts a session in with its network; false: that has enough. */
  #enterNetwork(ip: string, entry: number): boolean {
    const key = networkKey(ip);
    let slot = this.#networks.add(key, this.maxPerNetwork);
    if (slot === null && this.sparesNetwork?.(ip) === true) {
      slot = this.#networks.add(key, Number.MAX_SAFE_INTEGER);
    }
    if (slot === null) return false;
    if (slot !== NO_SLOT) Atomics.store(this.#cells, entry + 1, slot + 1);
    return true;
  }

  #refuse(ticket: number, why: "address" | "network"): Admission {
    this.#freeTickets.push(ticket);
    this.count("sessions_open", -1);
    this.count(`refused_${why}`);
    return why;
  }

  #release(entry: number): void {
    const network = Atomics.exchange(this.#cells, entry + 1, 0);
    const address = Atomics.exchange(this.#cells, entry, 0);
    if (network > 0) this.#networks.release(network - 1);
    if (address === 0) return;
    this.#addresses.release(address === NO_SLOT ? NO_SLOT : address - 1);
    this.count("sessions_open", -1);
  }
}
