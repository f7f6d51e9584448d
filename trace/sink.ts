/**
 * Where a trace's text ends: a file, or the stream of stderr.
 *
 * A file is written with one write a flush: on a local disk that is a copy into the page cache. A stream may have a
 * reader that stands still, so it is written asynchronously, one write at a time, and never waited for.
 */

/** Takes text in UTF-8, whole lines only. */
export interface Sink {
  /** False: not now; the caller keeps or drops what it has. `bytes` are the caller's again. Never throws. */
  write(bytes: Uint8Array): boolean;
  /** True while `write` would take text. */
  readonly ready: boolean;
  /** After a rename of the file, and on SIGHUP. */
  reopen(): void;
  /** Called when the sink is ready again. */
  onReady: () => void;
  /** Resolves when what was taken is written, or after `millis`. */
  close(millis: number): Promise<void>;
}

/** A problem of the sink, as a sentence. */
export type OnTrouble = (sentence: string) => void;

const LINE_END = Uint8Array.of(10);
/** Between two looks whether the file is still there; and between two tries after trouble. */
const CHECK_MILLIS = 1000;
const RETRY_MILLIS = 10_000;

/** An append-only file that follows its name. */
export class FileSink implements Sink {
  #file: Deno.FsFile | null = null;
  #identity = "";
  #checkedAt = -Infinity;
  #triedAt = -Infinity;
  /** The last write ended in the middle of a line. */
  #torn = false;
  #troubled = false;
  onReady = () => {};

  constructor(
    readonly path: string,
    readonly clock: () => number,
    readonly onTrouble: OnTrouble,
  ) {
    this.#open();
  }

  get ready(): boolean {
    if (this.#file !== null) return true;
    if (this.clock() - this.#triedAt >= RETRY_MILLIS) this.#open();
    return this.#file !== null;
  }

  write(bytes: Uint8Array): boolean {
    this.#follow();
    if (!this.ready) return false;
    if (this.#torn && !this.#writeAll(LINE_END)) return false;
    return this.#writeAll(bytes);
  }

  reopen(): void {
    this.#shut();
    this.#open();
  }

  close(): Promise<void> {
    this.#shut();
    this.#triedAt = Infinity;
    return Promise.resolve();
  }

  /** Opens anew when the name belongs to another file, or to none (logrotate). */
  #follow(): void {
    const now = this.clock();
    if (this.#file === null || Math.abs(now - this.#checkedAt) < CHECK_MILLIS) return;
    this.#checkedAt = now;
    if (identityOf(this.path) !== this.#identity) this.reopen();
  }

  #open(): void {
    this.#triedAt = this.#checkedAt = this.clock();
    try {
      // A FIFO without a reader would block the open, and with it every session.
      const kind = statOrNull(this.path);
      if (kind !== null && !kind.isFile) throw new Error("it is not a regular file");
      this.#file = Deno.uid() === 0
        ? openAsRoot(this.path)
        : Deno.openSync(this.path, { append: true, create: true, mode: 0o640 });
      const { dev, ino } = this.#file.statSync();
      if (this.#identity !== `${dev} ${ino}`) this.#torn = false;
      this.#identity = `${dev} ${ino}`;
    } catch (error) {
      this.#trouble("open", error);
    }
  }

  #writeAll(bytes: Uint8Array): boolean {
    let done = 0;
    try {
      while (done < bytes.length) done += this.#file?.writeSync(bytes.subarray(done)) ?? 0;
      this.#torn = this.#troubled = false;
      return true;
    } catch (error) {
      this.#torn ||= done > 0;
      this.#shut();
      this.#triedAt = this.clock();
      this.#trouble("write to", error);
      return false;
    }
  }

  #trouble(what: string, error: unknown): void {
    if (this.#troubled) return;
    this.#troubled = true;
    const said = error instanceof Error ? error.message : String(error);
    const why = said.replace(/ \(os error \d+\).*$/s, "");
    this.onTrouble(`Unable to ${what} the trace file "${this.path}" (${why}); mail goes on`);
  }

  #shut(): void {
    try {
      this.#file?.close();
    } catch (error) {
      this.#trouble("close", error);
    }
    this.#file = null;
  }
}

/**
 * Opens it so that nobody who owns the directory can make root write to another file: a link is followed only when
 * it is root's, a new file is made where no name stands, and what is open must be what was looked at.
 */
function openAsRoot(path: string): Deno.FsFile {
  const named = lstatOrNull(path);
  if (named === null) return Deno.openSync(path, { append: true, createNew: true, mode: 0o640 });
  if (named.isSymlink && named.uid !== 0) {
    throw new Error("it is a link that root does not own, and root does not follow it");
  }
  const looked = named.isSymlink ? statOrNull(path) : named;
  if (looked === null) {
    return Deno.openSync(targetOf(path), { append: true, createNew: true, mode: 0o640 });
  }
  const file = Deno.openSync(path, { append: true });
  const { dev, ino } = file.statSync();
  if (dev === looked.dev && ino === looked.ino) return file;
  file.close();
  throw new Error("it was another file a moment ago");
}

/** Where a link leads that leads to nothing yet. */
function targetOf(link: string): string {
  const target = Deno.readLinkSync(link);
  return target.startsWith("/") ? target : `${link.replace(/[^/]*$/, "")}${target}`;
}

function lstatOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Device and inode behind a name; "" when there is none to be seen. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return "";
  }
}

/** Something that is written asynchronously: Deno.stderr. */
export interface StreamWriter {
  write(bytes: Uint8Array): Promise<number>;
}

/** A stream that is never waited for. */
export class StreamSink implements Sink {
  #writing: Promise<void> | null = null;
  #closed = false;
  onReady = () => {};

  constructor(readonly stream: StreamWriter) {}

  get ready(): boolean {
    return this.#writing === null && !this.#closed;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.ready) return false;
    this.#writing = this.#writeAll(bytes.slice());
    return true;
  }

  reopen(): void {}

  async close(millis: number): Promise<void> {
    const end = Date.now() + millis;
    while (this.#writing !== null && Date.now() < end) {
      let timer = 0;
      const limit = new Promise<void>((done) => timer = setTimeout(done, end - Date.now()));
      await Promise.race([this.#writing, limit]);
      clearTimeout(timer);
    }
    this.#closed = true;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        done += await this.stream.write(bytes.subarray(done));
      }
    } catch {
      // The reader of stderr is gone: there is nobody left to tell.
      this.#closed = true;
    }
    this.#writing = null;
    this.onReady();
  }
}
