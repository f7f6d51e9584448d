/**
 * One file of a delivery journal, with its lock and its marks.
 *
 * It is written through once before it is used, so that a batch changes nothing but content, and one fdatasync(2) without any work on
 * the file system's own journal makes it safe. `NAME.done` beside it has a byte for each entry, which says what became of it. The marks
 * are never synced: they matter while the machine runs on, and then the system has them.
 */
import { FILES } from "./file_ops.ts";
import {
  type Batch,
  batchBytes,
  decodeHead,
  encodeHead,
  type Entry,
  PAGE_BYTES,
  readEntries,
} from "./journal_format.ts";

/** Bytes of a file. What is delivered while it fills up can be in doubt after a power cut, until the next start. */
export const FILE_BYTES = 16 * 1024 * 1024;
const MOST_ENTRIES = 65_536;

/** What became of an entry. */
export const MARK = {
  /** It is not known whether it has its name in new/. */
  open: 0,
  /** It was there; its owner may have taken it away. */
  linked: 1,
  /** It must not be delivered: its sender was told so. */
  withdrawn: 2,
} as const;

/** What an earlier process left in a file. */
export interface Left {
  readonly entries: readonly Entry[];
  /** What became of each, as far as that can be known: nothing after a power cut. */
  readonly marks: Uint8Array;
  /** The machine was started since: what was written and not synced may be missing. */
  readonly isOtherBoot: boolean;
  /** The disk reported an error: what the system shows of the Maildirs may not be on it. */
  readonly isSuspect: boolean;
}

/** Which start of the machine this is. */
export function bootId(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    // Nobody knows: nothing that was not synced is relied on.
    return `unknown ${crypto.randomUUID()}`;
  }
}

function readAll(file: Deno.FsFile, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  file.seekSync(0, Deno.SeekMode.Start);
  let done = 0;
  for (let n = file.readSync(bytes); n !== null && n > 0; n = file.readSync(bytes.subarray(done))) {
    done += n;
    if (done === bytes.length) break;
  }
  return bytes.subarray(0, done);
}

function writeAt(file: Deno.FsFile, at: number, bytes: Uint8Array): void {
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** A journal file, locked. */
export class JournalFile {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #done: Deno.FsFile;
  readonly #marks = new Uint8Array(MOST_ENTRIES);
  #epoch = 0;
  #at = PAGE_BYTES;
  #entries = 0;
  /** Marks that are not written yet: the first, and the one behind the last. */
  #from = MOST_ENTRIES;
  #to = 0;

  private constructor(path: string, file: Deno.FsFile, done: Deno.FsFile) {
    this.path = path;
    this.#file = file;
    this.#done = done;
  }

  /** Opens and locks it, and makes it where it is missing; null: another one has it. @throws what Deno throws */
  static open(path: string): JournalFile | null {
    const options = { read: true, write: true, create: true, mode: 0o600 };
    const file = Deno.openSync(path, options);
    try {
      if (file.tryLockSync(true)) {
        return new JournalFile(path, file, Deno.openSync(`${path}.done`, options));
      }
      file.close();
      return null;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** What an earlier process left. @throws {Error} when the file can't be understood */
  read(): Left {
    const bytes = readAll(this.#file, new Uint8Array(this.#file.statSync().size));
    const head = bytes.length < PAGE_BYTES ? null : decodeHead(bytes.subarray(0, PAGE_BYTES));
    const marks = this.#marks;
    if (head === null) return { entries: [], marks, isOtherBoot: false, isSuspect: false };
    this.#epoch = head.epoch;
    const entries = readEntries(bytes, head.epoch);
    const isOtherBoot = head.boot !== bootId();
    if (isOtherBoot) [this.#from, this.#to] = [0, MOST_ENTRIES];
    else readAll(this.#done, marks);
    return { entries, marks, isOtherBoot, isSuspect: head.suspect };
  }

  /**
   * Makes it ready for its first batch; what it held must be safe elsewhere.
   * @throws what Deno throws, such as when the disk is full; then it takes no room there
   */
  beginNow(): void {
    try {
      this.#writeThrough();
      this.#writeHead(this.#epoch + 1, false);
      this.#file.syncSync();
      this.#clearMarks();
    } catch (error) {
      this.#file.truncateSync(0);
      this.#done.truncateSync(0);
      throw error;
    }
  }

  /** Keeps what it holds for a later recovery. */
  keepNow(suspect: boolean): void {
    this.writeMarks();
    this.#writeHead(this.#epoch, suspect);
    this.#file.syncDataSync();
  }

  #writeThrough(): void {
    const size = this.#file.statSync().size;
    if (size < FILE_BYTES) {
      const zeros = new Uint8Array(1024 * 1024);
      for (let at = 0; at < FILE_BYTES; at += zeros.length) writeAt(this.#file, at, zeros);
      this.#file.syncSync();
      FILES.syncDirectoryNow(this.path.slice(0, this.path.lastIndexOf("/")));
    }
  }

  #writeHead(epoch: number, suspect: boolean): void {
    writeAt(this.#file, 0, encodeHead({ epoch, boot: bootId(), suspect }));
    this.#epoch = epoch;
  }

  #clearMarks(): void {
    this.#marks.fill(0);
    writeAt(this.#done, 0, this.#marks);
    [this.#from, this.#to] = [MOST_ENTRIES, 0];
    this.#at = PAGE_BYTES;
    this.#entries = 0;
  }

  /** Entries since it was last empty. */
  get entries(): number {
    return this.#entries;
  }

  /** Do `entries` more of so many bytes fit in? */
  hasRoom(bytes: number, entries: number): boolean {
    return this.#at + batchBytes(bytes) <= FILE_BYTES && this.#entries + entries <= MOST_ENTRIES;
  }

  /** Writes a batch; it is safe after a sync. Gives the number of its first entry. */
  write(batch: Batch): number {
    const first = this.#entries;
    const { entries } = batch;
    const bytes = batch.finish(this.#epoch);
    writeAt(this.#file, this.#at, bytes);
    this.#at += bytes.length;
    this.#entries += entries;
    return first;
  }

  sync(): Promise<void> {
    return this.#file.syncData();
  }

  syncNow(): void {
    this.#file.syncDataSync();
  }

  /** Says what became of an entry; `writeMarks` must follow in the same turn. */
  mark(entry: number, mark: number): void {
    this.#marks[entry] = mark;
    this.#from = Math.min(this.#from, entry);
    this.#to = Math.max(this.#to, entry + 1);
  }

  /** Writes the marks of this turn. */
  writeMarks(): void {
    const [from, to] = [this.#from, this.#to];
    [this.#from, this.#to] = [MOST_ENTRIES, 0];
    if (from < to) writeAt(this.#done, from, this.#marks.subarray(from, to));
  }

  /** Everything in it is safe elsewhere. */
  async empty(): Promise<void> {
    this.writeMarks();
    this.#writeHead(this.#epoch + 1, false);
    await this.#file.syncData();
    this.#clearMarks();
  }

  /** Gives it back, with what is in it. */
  close(): void {
    this.writeMarks();
    this.#file.close();
    this.#done.close();
  }
}
