/**
 * Where maildrops are opened and their listings kept: a login to an unchanged Maildir costs the stat of two
 * directories.
 *
 * A listing is used again while device, inode and times of new/ and cur/ are those it was taken at, and
 * only if it was taken well after that time: a file system's clock is coarser than its changes. After a change the
 * directories are read again, but what is known of a message stays known. What was learned is written to the size
 * index (size_index.ts) once there is enough of it. tmp/ is cleaned as qmail-pop3d does.
 */
import type { Tracer } from "../trace/tracer.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import { type Listing, scan, stampsSeen } from "./listing.ts";
import { type Maildrop, MaildropError, makeMaildrop } from "./maildrop.ts";
import { type DirStamp, isMissing, type MaildropFiles } from "./maildrop_files.ts";
import { formatIndex, INDEX_MAX_BYTES, INDEX_NAME, type Known, parseIndex } from "./size_index.ts";
import { inSlices, type Steps } from "./slices.ts";

export interface MaildropCacheOptions {
  readonly files: MaildropFiles;
  readonly sizes: "exact" | "stat";
  /** One session at a time for each Maildir. Absent: any number. */
  readonly locks?: boolean;
  /** Messages of all kept listings together. */
  readonly maxMessages: number;
  readonly tracer: Tracer;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface MaildropCache {
  /**
   * Opens the Maildir at `path`; `session` is for the trace. Throws, or rejects with, a MaildropError. The answer
   * is a promise only when the Maildir is large.
   */
  open(path: string, session: number): Maildrop | Promise<Maildrop>;
}

/** A Maildir that was open once. */
interface Kept {
  readonly path: string;
  listing: Listing | null;
  scanning: Promise<Listing> | null;
  /** Facts learned since the index was last written, and bytes read for them. */
  learned: number;
  learnedBytes: number;
  /** When tmp/ was last cleaned, in milliseconds since 1970. */
  cleanedMs: number;
}

/** A directory's time may lag this far behind its last change. */
const GRANULARITY_MS = 2000;
/** The same when a message is looked for that another session moved: a client that meets many must not wait. */
const RELIST_GRANULARITY_MS = 50;
/** The index is written when this much was learned: below, learning it again costs less than the file. */
const WRITE_AFTER_MESSAGES = 1000;
const WRITE_AFTER_BYTES = 8 * 1024 * 1024;
const CLEAN_EVERY_MS = 3600 * 1000;
/** qmail's age limit for files in tmp/, by their last access. */
const TMP_SECONDS = 129600;
/** Files of tmp/ looked at in one login. */
const TMP_FILES = 1000;

class Cache implements MaildropCache {
  readonly #options: MaildropCacheOptions;
  /** In the order of use, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #messages = 0;

  constructor(options: MaildropCacheOptions) {
    this.#options = options;
  }

  open(path: string, session: number): Maildrop | Promise<Maildrop> {
    return this.#options.locks === true
      ? this.#openLocked(path, session)
      : this.#open(path, session);
  }

  async #openLocked(path: string, session: number): Promise<Maildrop> {
    let release: (() => void) | null | undefined;
    try {
      release = await this.#options.files.lock?.(path);
    } catch (error) {
      throw cannotOpen(path, error, "locked");
    }
    if (release === null) throw new MaildropError("in_use", `Maildir "${path}" is locked`);
    const close = release ?? (() => {});
    try {
      const maildrop = await this.#open(path, session);
      return { ...maildrop, close };
    } catch (error) {
      close();
      throw error;
    }
  }

  #open(path: string, session: number): Maildrop | Promise<Maildrop> {
    const kept = this.#use(path);
    try {
      this.#clean(kept);
      const before = kept.listing;
      const listing = this.#list(kept, session, GRANULARITY_MS);
      if (!(listing instanceof Promise)) {
        return this.#maildrop(kept, listing, listing === before, session);
      }
      return listing.then((l) => this.#maildrop(kept, l, false, session), (e) => {
        throw this.#cannotOpen(kept, e);
      });
    } catch (error) {
      throw this.#cannotOpen(kept, error);
    }
  }

  #cannotOpen(kept: Kept, error: unknown): MaildropError {
    if (kept.listing === null && this.#kept.get(kept.path) === kept) this.#kept.delete(kept.path);
    return cannotOpen(kept.path, error, "read");
  }

  #maildrop(kept: Kept, listing: Listing, cached: boolean, session: number): Maildrop {
    const { files, sizes, tracer } = this.#options;
    if (tracer.level >= 3) {
      const fields = { path: kept.path, messages: listing.messages.length, cached };
      tracer.emit(session, POP3_EVENTS.maildrop, fields);
    }
    const home = {
      files,
      sizes,
      relist: () => this.#list(kept, session, RELIST_GRANULARITY_MS),
      counted: (from: Listing, counted: number, bytes: number) => {
        if (tracer.level >= 3) {
          tracer.emit(session, POP3_EVENTS.sizes, { path: kept.path, counted, bytes });
        }
        this.#counted(kept, session, from, counted, bytes);
      },
    };
    return makeMaildrop(home, kept.path, listing, cached);
  }

  #use(path: string): Kept {
    const kept = this.#kept.get(path) ??
      { path, listing: null, scanning: null, learned: 0, learnedBytes: 0, cleanedMs: -Infinity };
    this.#kept.delete(path);
    this.#kept.set(path, kept);
    return kept;
  }

  #list(kept: Kept, session: number, granularityMs: number): Listing | Promise<Listing> {
    const { files, clock } = this.#options;
    const now = clock();
    const old = kept.listing;
    if (old !== null && isFresh(old, stampsSeen(files, kept.path), now, granularityMs)) {
      return old;
    }
    if (kept.scanning !== null) return kept.scanning;
    const found = inSlices(this.#scan(kept, now, session), files.slice);
    if (!(found instanceof Promise)) return found;
    kept.scanning = found;
    const over = () => void (kept.scanning = null);
    found.then(over, over);
    return found;
  }

  *#scan(kept: Kept, now: number, session: number): Steps<Listing> {
    const { files } = this.#options;
    const byBase = kept.listing?.byBase ?? this.#readIndex(kept.path, session);
    const known = (base: string): Known | undefined => byBase.get(base);
    const listing = yield* scan({ files, path: kept.path, known, now });
    kept.learned += listing.asked;
    // A session may outlive the place its Maildir had here.
    if (this.#kept.get(kept.path) === kept) {
      this.#messages += listing.messages.length - (kept.listing?.messages.length ?? 0);
    }
    kept.listing = listing;
    this.#forgetSome(kept);
    this.#writeIndex(kept, session);
    return listing;
  }

  /** Keeps the bound, whatever was used last. */
  #forgetSome(latest: Kept): void {
    const limit = this.#options.maxMessages;
    for (const [path, kept] of this.#kept) {
      if (this.#messages + this.#kept.size <= limit) return;
      if (kept === latest || kept.scanning !== null) continue;
      this.#kept.delete(path);
      this.#messages -= kept.listing?.messages.length ?? 0;
    }
  }

  #counted(kept: Kept, session: number, from: Listing, counted: number, bytes: number): void {
    if (kept.listing !== null && kept.listing !== from) {
      for (const { base, sent } of from.messages) {
        const now = kept.listing.byBase.get(base);
        if (now !== undefined && now.sent < 0) now.sent = sent;
      }
    }
    kept.learned += counted;
    kept.learnedBytes += bytes;
    this.#writeIndex(kept, session);
  }

  #readIndex(path: string, session: number): ReadonlyMap<string, Known> {
    try {
      const text = this.#options.files.readIndex(`${path}/${INDEX_NAME}`, INDEX_MAX_BYTES);
      if (text === null) return new Map();
      const known = parseIndex(text);
      if (known !== null) return known;
      this.#indexTrouble(path, session, "it is not of this version's format");
    } catch (error) {
      this.#indexTrouble(path, session, reasonOf(error));
    }
    return new Map();
  }

  #writeIndex(kept: Kept, session: number): void {
    if (kept.listing === null) return;
    if (kept.learned < WRITE_AFTER_MESSAGES && kept.learnedBytes < WRITE_AFTER_BYTES) return;
    kept.learned = kept.learnedBytes = 0;
    const text = formatIndex(kept.listing.byBase.values());
    if (text === null) return;
    const { files, clock } = this.#options;
    const temporary = `${kept.path}/tmp/${INDEX_NAME}.${Deno.pid}.${clock()}`;
    try {
      files.writeIndex(`${kept.path}/${INDEX_NAME}`, temporary, text);
    } catch (error) {
      this.#indexTrouble(kept.path, session, reasonOf(error));
    }
  }

  #indexTrouble(path: string, session: number, reason: string): void {
    const { tracer } = this.#options;
    if (tracer.level >= 3) tracer.emit(session, POP3_EVENTS.sizeIndex, { path, reason });
  }

  /** Files of tmp/ that nobody accessed for 36 hours are left-overs; dot files stay, as in qmail. */
  #clean(kept: Kept): void {
    const { files, clock } = this.#options;
    const now = clock();
    if (now - kept.cleanedMs < CLEAN_EVERY_MS && now >= kept.cleanedMs) return;
    kept.cleanedMs = now;
    const tmp = `${kept.path}/tmp`;
    try {
      if (files.stamp(tmp).size > 65536 * 16) return;
      const names = files.names(tmp);
      const begin = names.length > TMP_FILES ? Math.floor(Math.random() * names.length) : 0;
      for (let i = 0; i < Math.min(names.length, TMP_FILES); i++) {
        cleanOne(files, `${tmp}/${names[(begin + i) % names.length]!}`, now / 1000);
      }
    } catch {
      // No tmp/, or not ours to clean: nothing a POP3 session depends on.
    }
  }
}

function cleanOne(files: MaildropFiles, path: string, now: number): void {
  try {
    if (now > files.facts(path).atime + TMP_SECONDS) files.remove(path);
  } catch {
    // Another session was faster, or it is not ours.
  }
}

function isFresh(
  listing: Listing,
  now: readonly [DirStamp, DirStamp],
  nowMs: number,
  granularityMs: number,
): boolean {
  if (nowMs / 1000 >= listing.nextShow) return false;
  return listing.stamps.every((then, i) => {
    const stamp = now[i]!;
    return then.mtimeMs === stamp.mtimeMs && then.ctimeMs === stamp.ctimeMs &&
      then.ino === stamp.ino && then.dev === stamp.dev &&
      listing.takenMs - then.mtimeMs > granularityMs;
  });
}

function cannotOpen(path: string, error: unknown, what: "read" | "locked"): MaildropError {
  const lasting = isMissing(error) || error instanceof Deno.errors.PermissionDenied;
  const reason = `Maildir "${path}" can't be ${what}: ${reasonOf(error)}`;
  return new MaildropError(lasting ? "permanent" : "temporary", reason);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A new place for listings: one a process. */
export function createMaildropCache(options: MaildropCacheOptions): MaildropCache {
  return new Cache(options);
}
