/** The writing end of a line: what is sent while a write is under way leaves together with the next one. */

/** Writes all of `bytes`; rejects when nobody reads any more. */
export type WriteAll = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** Writes the first `length` bytes as far as that needs no waiting; how many that were. Throws when nobody reads any more. */
export type WriteNow = (bytes: Uint8Array<ArrayBuffer>, length: number) => number;

/** More than this is written frame by frame. */
const JOINED_BYTES = 64 * 1024;

export class FrameWriter {
  readonly #write: WriteAll;
  readonly #writeNow: WriteNow | null;
  /** Where small frames are put together, again and again. */
  readonly #store = new Uint8Array(JOINED_BYTES);
  #frames: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  /** Resolves when the batch that gathers now is written. */
  #next: Promise<void> | null = null;
  #running: Promise<void> = Promise.resolve();

  /** Without `writeNow` every write is waited for. */
  constructor(write: WriteAll, writeNow: WriteNow | null = null) {
    this.#write = write;
    this.#writeNow = writeNow;
  }

  /** Bytes that wait to be written. */
  get pending(): number {
    return this.#bytes;
  }

  /** Adds a frame; resolves when it is written, rejects when it can't be. */
  send(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#next === null) {
      this.#next = this.#running.then(() => this.#flush());
      this.#running = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  #flush(): void | Promise<void> {
    const frames = this.#frames;
    const bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    this.#next = null;
    // Many small frames leave with one write; large ones are not copied once more for it.
    return bytes > JOINED_BYTES ? this.#writeEach(frames) : this.#writeJoined(frames, bytes);
  }

  async #writeEach(frames: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    for (const frame of frames) await this.#write(frame);
  }

  #writeJoined(
    frames: readonly Uint8Array<ArrayBuffer>[],
    bytes: number,
  ): void | Promise<void> {
    let at = 0;
    for (const frame of frames) {
      this.#store.set(frame, at);
      at += frame.length;
    }
    const done = this.#writeNow?.(this.#store, bytes) ?? 0;
    // The store is for the next batch already.
    if (done < bytes) return this.#write(this.#store.slice(done, bytes));
  }
}
