/**
 * What isolates of one service tell each other of policy's memory, so that a ban of one holds in
 * all.
 *
 * Counts are gathered for a moment and sent as sums, so a dictionary attack costs a few messages a
 * second; a ban goes out at once and takes the counts along. A count that is on its way is missing
 * elsewhere for that moment; nothing is ever counted twice.
 */
import type { Ban } from "./bans.ts";
import type { GuessRow } from "./guesses.ts";
import type { RateKind } from "./rates.ts";
import type { Triplet } from "./types.ts";
import type { SpanRow } from "./windows.ts";

/** What is counted: rates by address or login, who waited for his greeting, recipients by network and sender domain. */
export type SharedCount =
  | readonly [kind: RateKind | "waited", address: string, by: number]
  | readonly [kind: "valid" | "invalid", network: string, domain: string, by: number];

/** What happened elsewhere. Times in milliseconds since 1970. */
export type SharedFact =
  | { readonly kind: "ban"; readonly ban: Ban }
  | { readonly kind: "lift"; readonly network: string }
  | { readonly kind: "triplet"; readonly triplet: Triplet; readonly atMs: number }
  | { readonly kind: "zone"; readonly zone: string; readonly reason: string | null };

/** One message. */
export interface SharedBatch {
  readonly atMs: number;
  readonly counts: readonly SharedCount[];
  readonly facts: readonly SharedFact[];
}

/** All that is remembered, for an isolate that begins later. */
export interface StateSnapshot {
  readonly bans: readonly Ban[];
  readonly guesses: readonly GuessRow[];
  readonly rates: readonly (readonly [RateKind, readonly SpanRow[]])[];
  readonly waited: readonly SpanRow[];
  /** As the lines of its file. */
  readonly greylist: string;
  readonly deadZones: readonly (readonly [zone: string, reason: string])[];
}

/** How long counts are gathered. */
const GATHER_MS = 50;

/** What waits to be sent. */
export class Outbox {
  readonly #send: (batch: SharedBatch) => void;
  readonly #clock: () => number;
  readonly #counts = new Map<string, SharedCount>();
  #facts: SharedFact[] = [];
  #timer: number | null = null;

  constructor(send: (batch: SharedBatch) => void, clock: () => number) {
    this.#send = send;
    this.#clock = clock;
  }

  rate(kind: RateKind | "waited", address: string): void {
    const key = `${kind}\0${address}`;
    this.#counts.set(key, [kind, address, (this.#counts.get(key)?.[2] as number ?? 0) + 1]);
    this.#wait();
  }

  recipient(isValid: boolean, network: string, domain: string): void {
    const kind = isValid ? "valid" : "invalid";
    const key = `${kind}\0${network}\0${domain}`;
    const before = this.#counts.get(key)?.[3] ?? 0;
    this.#counts.set(key, [kind, network, domain, before + 1]);
    this.#wait();
  }

  triplet(triplet: Triplet, atMs: number): void {
    this.#facts.push({ kind: "triplet", triplet, atMs });
    this.#wait();
  }

  /** Sends this, and what waits before it, at once. */
  now(fact: SharedFact): void {
    this.#facts.push(fact);
    this.flush();
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#counts.size === 0 && this.#facts.length === 0) return;
    const batch = { atMs: this.#clock(), counts: [...this.#counts.values()], facts: this.#facts };
    this.#counts.clear();
    this.#facts = [];
    this.#send(batch);
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }
}
