/** The writing end of a line: what is sent while a write is under way leaves together with the next one. */

/** Writes all of `bytes`; rejects when nobody reads any more. */
export type WriteAll = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** More than this is written frame by frame. */
const JOINED_BYTES = 64 * 1024;

function joined(
  parts: readonly Uint8Array<ArrayBuffer>[],
  bytes: number,
): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export class FrameWriter {
  readonly #write: WriteAll;
  #parts: Uint8Array<ArrayBuffer>[] = [];
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
  send(frame: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#parts.push(frame);
    this.#bytes += frame.length;
    if (this.#next === null) {
      this.#next = this.#running.then(() => this.#flush());
      this.#running = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  async #flush(): Promise<void> {
    const parts = this.#parts;
    const bytes = this.#bytes;
    this.#parts = [];
    this.#bytes = 0;
    this.#next = null;
    // Many small frames leave with one write; large ones are not copied once more for it.
    if (bytes > JOINED_BYTES) { for (const part of parts) await this.#write(part); }
    else await this.#write(joined(parts, bytes));
  }
}
