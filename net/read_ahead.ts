/**
 * A stream of which something was read before its reader came: what stood behind a PROXY header, or what a client said
 * before it was greeted. Nothing is lost: the first reads give it back.
 *
 * Only connections with one or the other have it around them.
 */
import { giveSmall, takeSmall } from "./buffers.ts";
import type { Duplex } from "./types.ts";

/** What Duplex.abort is for streams that have none of their own. */
export type Abort = (conn: Duplex, lost: () => void) => void;

/** What a client did while it was waited for. */
export type Heard = "spoke" | "gone" | "silent";

/** The stream. */
export class ReadAhead implements Duplex {
  readonly #raw: Duplex;
  readonly #abort: Abort | undefined;
  /** Read and not given yet; null: nothing. */
  #bytes: Uint8Array | null;
  /** A read that is under way, whoever asks for it; null as its result: the end of input. */
  #pending: Promise<Uint8Array | null> | null = null;
  #endWait: () => void = () => {};

  /** `bytes`: what was read of `raw` already. */
  constructor(raw: Duplex, bytes: Uint8Array, abort: Abort | undefined) {
    this.#raw = raw;
    this.#bytes = bytes.length > 0 ? bytes : null;
    this.#abort = abort;
  }

  /** Waits until the client says something, goes, or `stopWaiting` is called. */
  listen(): Promise<Heard> {
    if (this.#bytes !== null) return Promise.resolve("spoke");
    const pending = this.#pending ??= this.#begin();
    return new Promise((resolve) => {
      this.#endWait = () => resolve("silent");
      pending.then((bytes) => resolve(bytes === null ? "gone" : "spoke"), () => resolve("gone"));
    });
  }

  /** Ends the wait of `listen`; its read stays and becomes the next one's. */
  stopWaiting(): void {
    this.#endWait();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#bytes !== null) return Promise.resolve(this.#give(this.#bytes, buffer));
    const pending = this.#pending;
    if (pending === null) return this.#raw.read(buffer);
    this.#pending = null;
    return pending.then((bytes) => bytes === null ? null : this.#give(bytes, buffer));
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#raw.write(bytes);
  }

  setNoDelay(enable: boolean): void {
    this.#raw.setNoDelay?.(enable);
  }

  closeWrite(): Promise<void> {
    return this.#raw.closeWrite();
  }

  close(): void {
    this.#raw.close();
  }

  abort(lost: () => void): void {
    if (this.#raw.abort !== undefined) this.#raw.abort(lost);
    else if (this.#abort !== undefined) this.#abort(this.#raw, lost);
    else lost();
  }

  #begin(): Promise<Uint8Array | null> {
    const buffer = takeSmall();
    const pending = this.#raw.read(buffer)
      .then((count) => count === null ? null : buffer.slice(0, count))
      .finally(() => giveSmall(buffer));
    // When the session ends meanwhile nobody asks any more how it went.
    pending.catch(() => {});
    return pending;
  }

  #give(bytes: Uint8Array, buffer: Uint8Array): number {
    const count = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, count));
    this.#bytes = count < bytes.length ? bytes.subarray(count) : null;
    return count;
  }
}
