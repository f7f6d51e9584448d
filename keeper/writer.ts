/** The writing end of a pipe: what is sent while a write is under way leaves together with the next one. */

/** Writes all of `bytes`; rejects when nobody reads any more. */
export type WriteAll = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

export class FrameWriter {
  readonly #write: WriteAll;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Resolves when the batch that gathers now is written. */
  #next: Promise<void> | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(write: WriteAll) {
    this.#write = write;
  }

  /** Bytes that wait to be written. */
  get pending(): number {
    return this.#bytes;
  }

  /** Adds a frame; resolves when it is written, rejects when it can't be. */
  send(frame: Uint8Array): Promise<void> {
    this.#parts.push(frame);
    this.#bytes += frame.length;
    if (this.#next === null) {
      this.#next = this.#running.then(() => this.#flush());
      this.#running = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  async #flush(): Promise<void> {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#bytes = 0;
    this.#next = null;
    await this.#write(whole);
  }
}
