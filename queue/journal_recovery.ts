/**
 * What a journal file still holds when a service starts: its process was killed, or the power was cut. Every entry is looked for in its
 * Maildir and delivered where it is missing.
 *
 * While the machine has not been started again, what was written is there, and the marks tell what its owner has taken away since. After
 * a power cut nothing is known but the journal: what is not there is delivered, and a file that is not whole is replaced, under
 * another name, because a client may have seen the one that is there. That name follows from the first, so that a recovery
 * which was killed itself is gone on with.
 *
 * The order is that of every delivery: content on disk, names, names on disk - for all entries at once. The file stays as it is
 * meanwhile; what becomes of it is the caller's affair (journals.ts). An entry that can't be delivered does not hold up the others.
 */
import fs from "node:fs";
import { errorText, type FileOps, type FileSystem, osPath } from "./file_ops.ts";
import { type JournalFile, type Left, MARK } from "./journal_file.ts";
import type { Entry } from "./journal_format.ts";

/** How it went. */
export interface Recovery {
  readonly entries: number;
  /** Those that were missing or not whole, and are there now. */
  readonly delivered: number;
  /** Those that can't be delivered now, and why the first of them can't. */
  readonly kept: readonly Entry[];
  readonly reason: string;
  /** What the system shows of the Maildirs of `kept` may not be on the disk. */
  readonly isDoubtful: boolean;
}

/** What is left to be done about an entry. */
interface Pending {
  readonly entry: Entry;
  /** In tmp/, to get the name `target`; null: it has one already. */
  readonly tmp: string | null;
  readonly target: string;
  /** What is not whole, or there twice. */
  readonly superfluous: readonly string[];
}

/** Names in cur/, by what stands before their flags, and when they were read. */
interface Listing {
  readonly names: ReadonlyMap<string, string>;
  readonly read: number;
}

/** Readers move messages to cur/ meanwhile: it is read again after so many milliseconds. */
const LISTING_MILLISECONDS = 100;

const missing = (error: unknown): boolean => error instanceof Deno.errors.NotFound;

function listingOf(directory: string): Listing {
  const names = new Map<string, string>();
  for (const { name } of Deno.readDirSync(osPath(directory))) {
    names.set(name.split(":", 1)[0] ?? name, name);
  }
  return { names, read: performance.now() };
}

/** The name of what replaces a file of this name, and the other way round: as long, and as good for POP3. */
function counterpart(name: string): string {
  const match = /^(\d+\.)([MR])/.exec(name);
  if (match === null) return `R${name}`;
  const [start, seconds = "", letter] = match;
  return `${seconds}${letter === "M" ? "R" : "M"}${name.slice(start.length)}`;
}

/** Does a path lead to this content? Whatever its owner has put there, nobody waits for it. */
function holds(path: string, content: Uint8Array): boolean {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(osPath(path), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    if (fs.fstatSync(fd).size !== content.length) return false;
    const bytes = fs.readFileSync(fd);
    return bytes.length === content.length && bytes.every((byte, i) => byte === content[i]);
  } finally {
    fs.closeSync(fd);
  }
}

/** What recovery works with. */
export interface RecoverySetup {
  readonly ops: FileOps;
  /** Makes names for tmp/. */
  readonly name: () => string;
}

class Recoverer {
  readonly #setup: RecoverySetup;
  readonly #left: Left;
  readonly #systems = new Map<number, FileSystem>();
  readonly #listings = new Map<string, Listing>();
  readonly #kept: Entry[] = [];
  #reason = "";

  constructor(setup: RecoverySetup, left: Left) {
    this.#setup = setup;
    this.#left = left;
  }

  /** @throws {Error} when a disk reports an error: then nothing is known of any entry */
  run(): Recovery {
    const { entries, marks, isOtherBoot, isSuspect } = this.#left;
    try {
      const pending: Pending[] = [];
      entries.forEach((entry, i) => {
        const mark = marks[i] ?? MARK.open;
        if (mark !== MARK.withdrawn) this.#attempt(entry, () => this.#write(entry, mark, pending));
      });
      this.#sync();
      const done = pending.filter((item) => this.#attempt(item.entry, () => this.#link(item)));
      this.#sync();
      return {
        entries: entries.length,
        delivered: done.filter(({ tmp }) => tmp !== null).length,
        kept: this.#kept,
        reason: this.#reason,
        isDoubtful: isOtherBoot || isSuspect,
      };
    } finally {
      for (const system of this.#systems.values()) system.close();
    }
  }

  /** Runs `action` as the entry's owner; false: it is kept. */
  #attempt(entry: Entry, action: () => void): boolean {
    try {
      this.#setup.ops.as(entry.owner, action);
      return true;
    } catch (error) {
      this.#kept.push(entry);
      if (this.#reason === "") this.#reason = errorText(error);
      return false;
    }
  }

  /** Looks for an entry, and writes it to tmp/ where it is wanted. */
  #write(entry: Entry, mark: number, pending: Pending[]): void {
    const { maildir, name, content } = entry;
    let found: readonly string[];
    try {
      found = this.#find(maildir, [counterpart(name), name]);
      this.#openSystem(`${maildir}/new`);
    } catch (error) {
      // A Maildir that was there and is not any more was taken away with what it held.
      if (mark === MARK.linked && missing(error)) return;
      throw error;
    }
    if (found.length === 0 && mark === MARK.linked) return;
    const whole = this.#wholeOf(found, content);
    if (whole === undefined) {
      const target = `${maildir}/new/${freeName(name, found)}`;
      pending.push({ entry, tmp: this.#writeTmp(entry), target, superfluous: found });
    } else if (found.length > 1) {
      const superfluous = found.filter((path) => path !== whole);
      pending.push({ entry, tmp: null, target: whole, superfluous });
    }
  }

  #writeTmp({ maildir, content }: Entry): string {
    const tmp = `${maildir}/tmp/${this.#setup.name()}`;
    const file = this.#setup.ops.createShort(tmp);
    try {
      file.write(content);
    } finally {
      file.close();
    }
    return tmp;
  }

  /** Where these names are, in new/ or in cur/. */
  #find(maildir: string, names: readonly string[]): string[] {
    return names.flatMap((name) => {
      const path = `${maildir}/new/${name}`;
      if (isThere(path)) return [path];
      const seen = this.#listing(`${maildir}/cur`).get(name);
      return seen === undefined ? [] : [`${maildir}/cur/${seen}`];
    });
  }

  #listing(directory: string): Listing["names"] {
    const known = this.#listings.get(directory);
    if (known !== undefined && performance.now() - known.read < LISTING_MILLISECONDS) {
      return known.names;
    }
    const fresh = listingOf(directory);
    this.#listings.set(directory, fresh);
    return fresh.names;
  }

  /** The one that can be relied on. Two are there when a recovery was killed: the first is its own, and was on disk before its name. */
  #wholeOf(found: readonly string[], content: Uint8Array): string | undefined {
    const { isOtherBoot, isSuspect } = this.#left;
    if (isOtherBoot) return found.find((path) => holds(path, content));
    return isSuspect && found.length < 2 ? undefined : found[0];
  }

  /** Opened before anything is written there: it tells of every error after. */
  #openSystem(directory: string): void {
    const { ops } = this.#setup;
    const device = ops.device(directory);
    if (this.#systems.has(device)) return;
    const system = ops.fileSystem(directory);
    if (system === null) throw new Error(`"${directory}" can't be synced as a whole any more`);
    this.#systems.set(device, system);
  }

  #link({ tmp, target, superfluous }: Pending): void {
    const { ops } = this.#setup;
    if (superfluous.includes(target)) ops.remove(target);
    if (tmp !== null) {
      ops.link(tmp, target);
      ops.remove(tmp);
    }
    for (const path of superfluous) if (path !== target) ops.remove(path);
  }

  #sync(): void {
    for (const system of this.#systems.values()) system.syncNow();
  }
}

/** The name that a message gets: its own, or one that its client has not seen. */
function freeName(name: string, found: readonly string[]): string {
  const [first] = found;
  if (first === undefined) return name;
  return first.includes(`/${name}`) ? counterpart(name) : name;
}

/** Does this name exist, whatever it is? */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(osPath(path));
    return true;
  } catch (error) {
    if (missing(error)) return false;
    throw error;
  }
}

/**
 * Delivers what is left in `file`, which stays as it is.
 * @throws {Error} what the disk says; what the system shows of the Maildirs is doubtful from then on, and the file says so
 */
export function recover(setup: RecoverySetup, file: JournalFile): Recovery {
  const left = file.read();
  try {
    return new Recoverer(setup, left).run();
  } catch (error) {
    file.keepNow(true);
    throw error;
  }
}
