/**
 * The delivery journals of a directory: two files for each process or worker that delivers, found by their locks. Whoever opens the
 * directory first looks after everything that killed ones have left in it.
 */
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";
import { errorText, type FileOps, FILES } from "./file_ops.ts";
import { Journal } from "./journal.ts";
import { JournalFile } from "./journal_file.ts";
import { Batch, type Entry } from "./journal_format.ts";
import { isThere, recover, type Recovery } from "./journal_recovery.ts";
import { openNames } from "./maildir_name.ts";

const FILE_NAME = /^journal\.(\d+)$/;
const FILES_EACH = 2;

export interface JournalsOptions {
  /** Default: the real files, as whoever this process is. */
  readonly ops?: FileOps;
  readonly trace: Tracer;
  /** Takes one sentence for the administrator. */
  readonly complain: (sentence: string) => void;
  /** Name of this machine in Maildir file names. */
  readonly host: string;
}

/** The journals of a process, or of a worker in it. */
export class Journals {
  readonly #options: JournalsOptions;
  #directory = "";
  #journal: Journal | null = null;
  readonly #closing = new Set<Promise<void>>();

  constructor(options: JournalsOptions) {
    this.#options = options;
  }

  /** What deliveries go by now; null: nothing. */
  get current(): Journal | null {
    return this.#journal;
  }

  /**
   * From now on the journal is in `directory`; what killed processes have left there is delivered first. One that is in order already
   * stays. When there can be none, that is said, and deliveries go without.
   * @param directory absolute; "": no journal
   */
  use(directory: string): void {
    const known = this.#journal;
    if (known !== null && (known.isBroken || directory !== this.#directory)) this.#drop(known);
    this.#directory = directory;
    if (directory === "" || this.#journal !== null) return;
    try {
      requireOwn(directory);
      this.#journal = this.#open(directory);
    } catch (error) {
      const { complain } = this.#options;
      complain(`The delivery journal in "${directory}" can't be used: ${errorText(error)}`);
    }
  }

  #drop(journal: Journal): void {
    this.#journal = null;
    // What a broken one holds can be looked after at once.
    if (journal.isBroken && journal.isIdle) return journal.leave();
    const closed = journal.close();
    this.#closing.add(closed);
    void closed.then(() => this.#closing.delete(closed));
  }

  #open(directory: string): Journal {
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    const numbers = names.flatMap((name) => {
      const number = FILE_NAME.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
    const free = numbers.sort((a, b) => a - b)
      .flatMap((number) => this.#recovered(`${directory}/journal.${number}`) ?? []);
    try {
      while (free.length < FILES_EACH) free.push(fresh(directory));
      const [first, second, ...others] = free.splice(0);
      if (first === undefined || second === undefined) throw new Error("two files are needed");
      for (const file of others) file.close();
      return new Journal({ files: [first, second], complain: this.#options.complain });
    } finally {
      for (const file of free) file.close();
    }
  }

  /** The file, empty and ready; null: another process has it, or something stays in it. */
  #recovered(path: string): JournalFile | null {
    const { ops = FILES, trace, complain, host } = this.#options;
    const file = JournalFile.open(path);
    if (file === null) return null;
    try {
      const name = openNames({ host, pid: Deno.pid, worker: 0, now: Date.now });
      const recovery = recover({ ops, name }, file);
      const { entries, delivered, kept } = recovery;
      if (entries > 0 && trace.level >= 1) {
        trace.emit(0, QUEUE_EVENTS.recovered, {
          file: path,
          entries,
          delivered,
          kept: kept.length,
        });
      }
      if (kept.length === 0 || this.#setAside(path, recovery)) {
        file.beginNow();
        return file;
      }
      file.keepNow(recovery.isDoubtful);
    } catch (error) {
      complain(`"${path}" can't be looked after: ${errorText(error)}`);
    }
    file.close();
    return null;
  }

  /**
   * Says what can't be delivered. True: it has a file of its own now, so that the others of its file are not looked for again when
   * their owners have taken them away long since.
   */
  #setAside(path: string, { entries, kept, reason, isDoubtful }: Recovery): boolean {
    const isAlone = kept.length === entries;
    const place = isAlone ? path : keepApart(directoryOf(path), kept, isDoubtful);
    this.#options.complain(
      `"${place}" still holds ${kept.length} accepted messages that can't be delivered, and are tried again at the next start or reload: ${reason}`,
    );
    return !isAlone;
  }

  /** Makes everything safe in its Maildir and gives the files back. Never rejects. */
  async close(): Promise<void> {
    if (this.#journal !== null) this.#drop(this.#journal);
    await Promise.all(this.#closing);
  }
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

/** A new file, ready. @throws what Deno throws, such as when the disk is full */
function fresh(directory: string): JournalFile {
  for (let number = 1;; number++) {
    const path = `${directory}/journal.${number}`;
    // Another process may have made one of this name a moment ago.
    const file = isThere(path) ? null : JournalFile.open(path);
    if (file === null) continue;
    try {
      file.beginNow();
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

/** Puts entries into a file of their own, and closes it; gives its path. @throws what Deno throws */
function keepApart(directory: string, entries: readonly Entry[], isDoubtful: boolean): string {
  const batch = new Batch();
  for (const { owner, maildir, name, content } of entries) {
    batch.add(owner, maildir, name, content, new Uint8Array(0));
  }
  const file = fresh(directory);
  try {
    file.write(batch);
    file.keepNow(isDoubtful);
    return file.path;
  } finally {
    file.close();
  }
}

/** Whoever can change a journal says what is delivered, and as whom: it must be ours alone. @throws {Error} */
function requireOwn(directory: string): void {
  try {
    Deno.mkdirSync(directory, { mode: 0o700 });
    FILES.syncDirectoryNow(directoryOf(directory));
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isDirectory, uid, mode } = Deno.lstatSync(directory);
  if (!isDirectory) throw new Error("it is no directory");
  if (uid !== Deno.uid()) throw new Error(`it belongs to uid ${uid}, and must be this process's`);
  if (((mode ?? 0) & 0o022) !== 0) throw new Error("others can write to it: make it mode 0700");
}
