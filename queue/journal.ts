/**
 * The delivery journal: short messages are safe as soon as they stand in it, one sync for all that came meanwhile, and their names in
 * new/ need none of their own. The Maildirs are synced behind, once for thousands.
 *
 * Two files take turns: while one gathers, the file systems that the entries of the other went to are synced, and it is empty again.
 * Where there is no room, or something is wrong, `admits` says no and deliveries go the way without a journal: nobody waits here.
 * What a killed process left is delivered at the next start (journal_recovery.ts).
 *
 * An error of the disk ends it: entries stay in their files, whose Maildirs can't be trusted any more, and wait for the next start.
 */
import { later } from "../net/later.ts";
import { errorText, type FileSystem } from "./file_ops.ts";
import { Batch, entryBytes } from "./journal_format.ts";
import { FILE_BYTES, type JournalFile, MARK } from "./journal_file.ts";
import type { Owner } from "./libc.ts";
import { Pace } from "./pace.ts";

/** The Maildirs are synced this long after the first entry, in milliseconds, or when a file is full. */
const CHECKPOINT_MILLISECONDS = 1000;
/**
 * A sync that takes less, in milliseconds, is over before a thread has been woken for it and has told of its end: it is waited for in
 * place. After one that takes longer threads do it for a while.
 */
const QUICK_MILLISECONDS = 1;

/** One entry, safe in the journal. Exactly one of the two must be told. */
export interface Entered {
  /** It has its name in new/. */
  linked(): void;
  /** It must not be delivered. */
  withdrawn(): void;
}

/** What is to be delivered. */
export interface NewEntry {
  readonly owner: Owner | null;
  readonly maildir: string;
  readonly name: string;
  /** The content, in two pieces. */
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

/** What is asked of a file. */
export type JournalStore = Pick<
  JournalFile,
  | "path"
  | "entries"
  | "hasRoom"
  | "write"
  | "sync"
  | "syncNow"
  | "mark"
  | "writeMarks"
  | "empty"
  | "keepNow"
  | "close"
>;

export interface JournalOptions {
  /** Empty ones, which are the journal's until it is closed. */
  readonly files: readonly [JournalStore, JournalStore];
  /** Takes one sentence for the administrator. */
  readonly complain: (sentence: string) => void;
  /** In milliseconds. */
  readonly now?: () => number;
}

interface Side {
  readonly file: JournalStore;
  state: "free" | "current" | "closing" | "emptying" | "kept";
  /** Entries of which it is not known yet what became of them. */
  unsettled: number;
  readonly systems: Set<FileSystem>;
}

interface Waiting {
  readonly system: FileSystem;
  resolve(entered: Entered): void;
  reject(error: unknown): void;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #sides: readonly [Side, Side];
  #current: Side;
  /** By device. Opened before anything is written there, so that they tell of every error after. */
  readonly #systems = new Map<number, FileSystem | null>();
  readonly #batch = new Batch();
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  readonly #syncing: Pace;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #marked = new Set<Side>();
  #checkpoints = new Set<Promise<void>>();
  #isBroken = false;
  #isClosed = false;
  /** Called when of every entry it is known what became of it. */
  #whenSettled: (() => void) | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#syncing = new Pace(QUICK_MILLISECONDS, options.now ?? (() => performance.now()));
    const [first, second] = options.files;
    const side = (file: JournalStore, state: Side["state"]): Side => ({
      ...{ file, state, unsettled: 0, systems: new Set<FileSystem>() },
    });
    this.#sides = [side(first, "current"), side(second, "free")];
    this.#current = this.#sides[0];
  }

  /** It takes nothing any more: a disk has reported an error. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Nothing waits for it, and of every entry it is known what became of it. */
  get isIdle(): boolean {
    return this.#running === null && this.#sides.every((side) => side.unsettled === 0);
  }

  /**
   * May a copy for `maildir` on `device` go this way now? To be asked before it is written, and followed by `append` in the same turn.
   * @param open the file system of the Maildir; null: it can't be synced as a whole
   */
  admits(
    device: number,
    open: () => FileSystem | null,
    { maildir, name, head, body }: NewEntry,
  ): boolean {
    if (this.#isBroken || this.#isClosed) return false;
    const more = entryBytes(maildir, name, head.length + body.length);
    const bytes = this.#batch.entryBytes + more;
    const entries = this.#batch.entries + 1;
    const fits = this.#current.file.hasRoom(bytes, entries) ||
      (this.#free() !== null && bytes < FILE_BYTES / 2);
    if (!fits) return false;
    let system = this.#systems.get(device);
    if (system === undefined) this.#systems.set(device, system = open());
    return system !== null;
  }

  /** Resolves when the entry is on disk. */
  append(device: number, entry: NewEntry): Promise<Entered> {
    const system = this.#systems.get(device) ?? null;
    if (system === null) throw new Error("The journal was not asked whether it takes this copy");
    this.#batch.add(entry.owner, entry.maildir, entry.name, entry.head, entry.body);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ system, resolve, reject });
      this.#start();
    });
  }

  // One turn of the event loop lets everything that is ready join the round.
  #start(): void {
    if (this.#running !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running = promise;
    later(() =>
      void this.#round().then(() => {
        this.#running = null;
        if (this.#waiting.length > 0) this.#start();
        resolve();
      })
    );
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const side = this.#sideWithRoom();
      const first = side.file.write(this.#batch);
      side.unsettled += waiting.length;
      for (const { system } of waiting) side.systems.add(system);
      try {
        if (this.#syncing.isSlow) await side.file.sync();
        else this.#syncing.time(() => side.file.syncNow());
      } catch (error) {
        side.unsettled -= waiting.length;
        waiting.forEach((_, i) => side.file.mark(first + i, MARK.withdrawn));
        throw error;
      }
      this.#timer ??= setTimeout(() => this.#rotate(), CHECKPOINT_MILLISECONDS);
      waiting.forEach((item, i) => item.resolve(this.#entered(side, first + i)));
    } catch (error) {
      this.#break(error);
      for (const item of waiting) item.reject(error);
    }
  }

  #entered(side: Side, entry: number): Entered {
    const settle = (mark: number) => {
      side.file.mark(entry, mark);
      if (this.#marked.size === 0) queueMicrotask(() => this.#writeMarks());
      this.#marked.add(side);
      side.unsettled--;
      this.#checkpointIfDone(side);
      if (this.isIdle) this.#whenSettled?.();
    };
    return {
      linked: () => settle(MARK.linked),
      withdrawn: () => settle(MARK.withdrawn),
    };
  }

  #writeMarks(): void {
    const sides = this.#marked;
    this.#marked = new Set();
    try {
      for (const side of sides) side.file.writeMarks();
    } catch (error) {
      this.#break(error);
    }
  }

  #free(): Side | null {
    return this.#sides.find((side) => side.state === "free") ?? null;
  }

  #sideWithRoom(): Side {
    const { entryBytes: bytes, entries } = this.#batch;
    if (!this.#current.file.hasRoom(bytes, entries)) this.#rotate();
    if (this.#current.file.hasRoom(bytes, entries)) return this.#current;
    throw new Error("The journal has no room for what it was asked to take");
  }

  /** The other file's turn, if it is free. */
  #rotate(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const old = this.#current;
    const next = this.#free();
    if (old.file.entries === 0 || this.#isBroken) return;
    if (next === null) {
      this.#timer = setTimeout(() => this.#rotate(), CHECKPOINT_MILLISECONDS);
      return;
    }
    next.state = "current";
    this.#current = next;
    this.#end(old);
  }

  #end(side: Side): void {
    side.state = "closing";
    this.#checkpointIfDone(side);
  }

  #checkpointIfDone(side: Side): void {
    if (side.state !== "closing" || side.unsettled > 0) return;
    const done = this.#checkpoint(side);
    this.#checkpoints.add(done);
    void done.then(() => this.#checkpoints.delete(done));
  }

  /** Everything in `side` is made safe in its Maildir. Never rejects. */
  async #checkpoint(side: Side): Promise<void> {
    try {
      await Promise.all([...side.systems].map((system) => system.sync()));
      if (this.#isBroken) return;
      side.state = "emptying";
      await side.file.empty();
      side.systems.clear();
      side.state = "free";
      this.#closeUnused();
    } catch (error) {
      this.#break(error);
    }
  }

  /** A file system is kept open as long as something was written to it only: it could not be unmounted. */
  #closeUnused(): void {
    if (this.#waiting.length > 0 || this.#sides.some((side) => side.file.entries > 0)) return;
    for (const system of this.#systems.values()) system?.close();
    this.#systems.clear();
  }

  /** From now on nothing goes this way; what stands in the files is looked after at the next start. */
  #break(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const reason = errorText(error);
    const left = this.#sides.filter(({ file, state }) => state !== "emptying" && file.entries > 0);
    for (const side of left) {
      side.state = "kept";
      try {
        side.file.keepNow(true);
      } catch (second) {
        this.#options.complain(`"${side.file.path}" can't be marked: ${errorText(second)}`);
      }
    }
    const files = left.map((side) => `"${side.file.path}"`).join(" and ");
    this.#options.complain(
      `The delivery journal is not used any more: ${reason}` +
        (files === "" ? "" : `; what ${files} holds is delivered anew at the next start or reload`),
    );
  }

  /** Takes nothing more, makes everything safe in its Maildir and gives the files back. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running !== null) await this.#running;
    if (!this.isIdle) await new Promise<void>((resolve) => this.#whenSettled = resolve);
    if (!this.#isBroken && this.#current.file.entries > 0) this.#end(this.#current);
    await Promise.all(this.#checkpoints);
    this.leave();
  }

  /** Gives the files back with what they hold. To be called when it is idle. */
  leave(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const side of this.#sides) side.file.close();
    for (const system of this.#systems.values()) system?.close();
    this.#systems.clear();
  }
}
