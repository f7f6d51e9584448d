/**
 * A cdb file kept in memory and read again when device, inode, size or times change.
 *
 * One stat(2) a question, or one in `keepMs` milliseconds. A file that changed less than a second before it was read is read again,
 * because its times may be too coarse to show a second change.
 */
import { CdbReader } from "./reader.ts";

/** Milliseconds a file must have been at rest before its times are trusted. */
const REST_MS = 1000;

export class CachedCdb {
  readonly #path: string;
  readonly #keepMs: number;
  readonly #clock: () => number;
  /** When the file was last looked at. */
  #lookedMs = -Infinity;
  #reader: CdbReader | null = null;
  #identity = "";
  #state = "";

  /**
   * `path` as Deno's file calls take it. `keepMs`: how old what is known of the file may be; `clock` in milliseconds, never
   * going back.
   */
  constructor(path: string, keepMs = 0, clock: () => number = () => performance.now()) {
    this.#path = path;
    this.#keepMs = keepMs;
    this.#clock = clock;
  }

  /** What tells the state that was read from another. */
  get state(): string {
    return this.#state;
  }

  /**
   * The database as it is now; null when there is no such file. @throws {Error} when it can't be
   * read.
   */
  open(): CdbReader | null {
    if (this.#keepMs === 0) return this.#look();
    const now = this.#clock();
    if (this.#reader !== null && now - this.#lookedMs < this.#keepMs) return this.#reader;
    this.#lookedMs = -Infinity;
    const reader = this.#look();
    if (reader !== null) this.#lookedMs = now;
    return reader;
  }

  #look(): CdbReader | null {
    let stat: Deno.FileInfo;
    try {
      stat = Deno.statSync(this.#path);
    } catch (error) {
      this.#identity = "";
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
    const changed = Math.max(stat.mtime?.getTime() ?? 0, stat.ctime?.getTime() ?? 0);
    const identity =
      `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtime?.getTime()} ${stat.ctime?.getTime()}`;
    if (this.#reader !== null && identity === this.#identity) return this.#reader;
    const now = Date.now();
    this.#reader = new CdbReader(Deno.readFileSync(this.#path));
    this.#state = identity;
    this.#identity = now - changed > REST_MS ? identity : "";
    return this.#reader;
  }
}
