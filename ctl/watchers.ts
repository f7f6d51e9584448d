/**
 * Who watches: events go to all of them, and the service is told when the first comes and the last
 * goes, so that nobody makes events that nobody reads.
 *
 * A reader that is slow loses events and is told how many; the service never waits for one.
 */
import type { WatchEvent, WatchLine } from "./types.ts";

/** Events that wait for one reader at most. */
const MOST_WAITING = 1000;

type Take = (event: WatchEvent, lost: number) => void;

/** All who watch. */
export class Watchers {
  readonly #takers = new Set<Take>();
  readonly #switch: (isOn: boolean) => void;

  /** `turn`: called with true when the first comes, with false when the last goes. */
  constructor(turn: (isOn: boolean) => void) {
    this.#switch = turn;
  }

  get isOn(): boolean {
    return this.#takers.size > 0;
  }

  get count(): number {
    return this.#takers.size;
  }

  /** Hears of events until the returned function is called. */
  readonly add = (take: Take): () => void => {
    this.#takers.add(take);
    if (this.#takers.size === 1) this.#switch(true);
    return () => {
      if (this.#takers.delete(take) && this.#takers.size === 0) this.#switch(false);
    };
  };

  /** Tells all; `lost`: events before this one that nobody will ever see. */
  tell(event: WatchEvent, lost = 0): void {
    for (const take of this.#takers) take(event, lost);
  }
}

/** The lines that wait for one reader. */
export class WatchBuffer {
  readonly #most: number;
  #lines: WatchLine[] = [];
  #lost = 0;
  #wake: (() => void) | null = null;
  #isClosed = false;

  constructor(most = MOST_WAITING) {
    this.#most = most;
  }

  put(event: WatchEvent, lost: number): void {
    this.#lost += lost;
    if (this.#lines.length >= this.#most) this.#lost++;
    else {
      this.#tellLost();
      this.#lines.push({ event });
    }
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** All that waits, as soon as there is something; null: closed. */
  async take(): Promise<readonly WatchLine[] | null> {
    while (this.#lines.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    if (this.#isClosed) return null;
    const lines = this.#lines;
    this.#lines = [];
    if (this.#lost > 0) lines.push({ lost: this.#lost });
    this.#lost = 0;
    return lines;
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    this.#lines.push({ lost: this.#lost });
    this.#lost = 0;
  }
}

/** Events that a worker gathers before it sends them on. */
export interface EventBatch {
  readonly kind: "events";
  readonly events: readonly WatchEvent[];
  readonly lost: number;
}

/** How long a worker gathers, and how much at most. */
const GATHER_MS = 100;
const MOST_GATHERED = 500;

/** A worker's side: gathers events for a moment. */
export class EventGatherer {
  readonly #send: (batch: EventBatch) => void;
  #events: WatchEvent[] = [];
  #lost = 0;
  #timer: number | null = null;

  constructor(send: (batch: EventBatch) => void) {
    this.#send = send;
  }

  readonly put = (event: WatchEvent): void => {
    if (this.#events.length < MOST_GATHERED) this.#events.push(event);
    else this.#lost++;
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  };

  /** Sends what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#events.length === 0) return;
    this.#send({ kind: "events", events: this.#events, lost: this.#lost });
    this.#events = [];
    this.#lost = 0;
  }
}
