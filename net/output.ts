/**
 * The replies of one engine call, gathered in one buffer and written with one write.
 *
 * A session that waits for input owns no reply buffer: the storage comes from a small pool with the first byte and
 * goes back once it is written (10,000 idle sessions share a handful of buffers). Does no I/O of its own: `drain`
 * asks the session's driver to write.
 */
import type { Output } from "./types.ts";

/** What a fresh reply buffer holds; an EHLO answer fits. */
const FIRST_BYTES = 4096;
/** Larger buffers are not kept for the next one. */
const KEEP_BYTES = 65536;
const KEEP_BUFFERS = 64;

const EMPTY = new Uint8Array(0);
const pool: Uint8Array<ArrayBuffer>[] = [];

/** An Output whose bytes a driver takes with `peek` and forgets with `clear`. */
export class ReplyBuffer implements Output {
  #store: Uint8Array<ArrayBuffer> = EMPTY;
  #used = 0;
  readonly #flush: () => Promise<void>;

  /** `flush`: writes what waits here; called by `drain` only. */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  get pending(): number {
    return this.#used;
  }

  bytes(bytes: Uint8Array): void {
    const end = this.#used + bytes.length;
    if (end > this.#store.length) this.#grow(end);
    this.#store.set(bytes, this.#used);
    this.#used = end;
  }

  text(text: string): void {
    const end = this.#used + text.length;
    if (end > this.#store.length) this.#grow(end);
    const store = this.#store;
    for (let i = 0, at = this.#used; i < text.length; i++) store[at++] = text.charCodeAt(i);
    this.#used = end;
  }

  drain(): Promise<void> {
    return this.#flush();
  }

  /** The waiting bytes; valid until `clear`. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.#store.subarray(0, this.#used);
  }

  /** Where the waiting bytes are: the first `pending` of it; valid until `clear`. */
  get store(): Uint8Array<ArrayBuffer> {
    return this.#store;
  }

  /** Forgets the first `count` bytes; with the last one the storage goes back to the pool. */
  clear(count: number): void {
    if (count < this.#used) {
      this.#store.copyWithin(0, count, this.#used);
      this.#used -= count;
      return;
    }
    this.#used = 0;
    if (this.#store.length <= KEEP_BYTES && this.#store.length > 0 && pool.length < KEEP_BUFFERS) {
      pool.push(this.#store);
    }
    this.#store = EMPTY;
  }

  #grow(need: number): void {
    if (this.#store.length === 0) {
      this.#store = pool.pop() ?? new Uint8Array(FIRST_BYTES);
      if (need <= this.#store.length) return;
    }
    const larger = new Uint8Array(Math.max(need, this.#store.length * 2));
    larger.set(this.#store.subarray(0, this.#used));
    this.#store = larger;
  }
}
