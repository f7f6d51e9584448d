/**
 * A maildrop: what the POP3 session sees of a Maildir. Opened at login, changed only at QUIT, as qmail-pop3d does.
 *
 * A session keeps the listing it began with. Several sessions on one maildrop, and an IMAP server beside them, are
 * safe without locks: a message that another one renamed is found again by its unique part, one that is gone is
 * an error of that message alone. Listings are kept in maildrop_cache.ts; files are touched in maildrop_files.ts.
 */
import type { Listing, Message } from "./listing.ts";
import { isMissing, type MaildropFiles, type OpenMessage } from "./maildrop_files.ts";
import { inSlices, type Steps } from "./slices.ts";
import { growth } from "./wire.ts";

/** "in_use": another session has the lock. "gone": of a message only. */
export type MaildropErrorKind = "temporary" | "permanent" | "in_use" | "gone";

/** A maildrop or message that can't be used. `message`: a sentence for the administrator. */
export class MaildropError extends Error {
  override name = "MaildropError";
  readonly kind: MaildropErrorKind;

  constructor(kind: MaildropErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What QUIT did. `reason`: of the first failure, "" without one. */
export interface UpdateReport {
  readonly removed: number;
  readonly moved: number;
  /** Deleted messages that are still there. */
  readonly notRemoved: number;
  /** Messages that stay in new/ although they should go to cur/. */
  readonly notMoved: number;
  readonly reason: string;
}

/** The seam to the maildrop's owner: everything a session asks. Messages are counted from 0 here. */
export interface Maildrop {
  readonly path: string;
  readonly listing: Listing;
  /** True when the listing was kept from an earlier session. */
  readonly cached: boolean;
  /** After this every message has its size. Rejects with a MaildropError when that is not possible. */
  settleSizes(): void | Promise<void>;
  /** Opens message `index`. Throws, or rejects with, a MaildropError. */
  open(index: number): OpenMessage | Promise<OpenMessage>;
  /**
   * Reads message `index` if it fits into `into`, and gives its length; -1: it does not, or can't be read: `open` it. Absent:
   * messages are elsewhere.
   */
  readonly readWhole?: (index: number, into: Uint8Array<ArrayBuffer>) => number;
  /** Removes the messages in `deleted`, moves the others of new/ to cur/. Never throws. */
  update(deleted: ReadonlySet<number>): UpdateReport | Promise<UpdateReport>;
  /** Called once when the session is over: gives back a lock. Must not throw. */
  readonly close?: () => void;
}

/** What a maildrop needs of the place where listings are kept. */
export interface MaildropHome {
  readonly files: MaildropFiles;
  /** The Maildir as it is now, for messages that have moved. */
  relist(): Listing | Promise<Listing>;
  /** Tells that sizes of `files` messages of `listing` were counted by reading `bytes` bytes. */
  counted(listing: Listing, files: number, bytes: number): void;
  /** "stat": sizes that are not known are taken from the files. */
  readonly sizes: "exact" | "stat";
}

const SLICE_BYTES = 2 * 1024 * 1024;
const SLICE_FILES = 200;
const LF = 10;
const COUNT_BUFFER = new Uint8Array(65536);

/** A maildrop over `listing`. */
export function makeMaildrop(
  home: MaildropHome,
  path: string,
  listing: Listing,
  cached: boolean,
): Maildrop {
  const { files } = home;
  return {
    path,
    listing,
    cached,
    settleSizes: () => inSlices(countSizes(home, path, listing), files.slice),
    open(index) {
      const message = listing.messages[index]!;
      try {
        return files.open(pathOf(path, message));
      } catch (error) {
        if (!isMissing(error)) throw unreadable(error);
        return openMoved(home, path, message);
      }
    },
    readWhole: (index, into) =>
      files.readWhole?.(pathOf(path, listing.messages[index]!), into) ?? -1,
    update: (deleted) => inSlices(updateSteps(home, path, listing, deleted), files.slice),
  };
}

/** The file of a message. */
export function pathOf(path: string, message: Message): string {
  return `${path}/${message.inNew ? "new" : "cur"}/${message.name}`;
}

function unreadable(error: unknown): MaildropError {
  return new MaildropError("permanent", error instanceof Error ? error.message : String(error));
}

/** The message's file after another session or an IMAP server renamed it; null when there is none. */
async function findMoved(home: MaildropHome, message: Message): Promise<Message | null> {
  if (message.twin) return null;
  const now = await home.relist();
  return now.byBase.get(message.base) ?? null;
}

async function openMoved(
  home: MaildropHome,
  path: string,
  message: Message,
): Promise<OpenMessage> {
  try {
    const moved = await findMoved(home, message);
    if (moved !== null) return home.files.open(pathOf(path, moved));
  } catch (error) {
    if (!isMissing(error)) throw unreadable(error);
  }
  throw new MaildropError("gone", `"${pathOf(path, message)}" is no longer there`);
}

/**
 * Gives every message its octets, counting what is not known yet. A message that can't be read counts as large as
 * its file is; RETR will say why it can't be sent.
 */
function* countSizes(home: MaildropHome, path: string, listing: Listing): Steps<void> {
  if (listing.octets >= 0) return;
  const done = { files: 0, bytes: 0, slice: 0 };
  for (const message of listing.messages) {
    if (message.octets >= 0) continue;
    if (message.sent < 0 && home.sizes === "exact") {
      const file = pathOf(path, message);
      const whole = home.files.readWhole?.(file, COUNT_BUFFER) ?? -1;
      if (whole < 0) yield* countPieces(home.files, file, message, done);
      else countWhole(message, whole, done);
      if (++done.files % SLICE_FILES === 0 || done.slice > SLICE_BYTES) {
        done.slice = 0;
        yield undefined;
      }
    }
    message.octets = message.sent >= 0 ? message.sent : message.raw;
  }
  if (done.files > 0) home.counted(listing, done.files, done.bytes);
  listing.octets = listing.messages.reduce((sum, message) => sum + message.octets, 0);
}

interface Counted {
  files: number;
  bytes: number;
  slice: number;
}

/** Nearly every message: it lies in the buffer. */
function countWhole(message: Message, length: number, done: Counted): void {
  done.bytes += length;
  done.slice += length;
  const last = length > 0 ? COUNT_BUFFER[length - 1] : LF;
  message.sent = length + growth(COUNT_BUFFER, length, LF) + (last === LF ? 0 : 2);
}

function* countPieces(
  files: MaildropFiles,
  path: string,
  message: Message,
  done: Counted,
): Steps<void> {
  let open: OpenMessage | null = null;
  try {
    open = files.open(path);
    let size = 0;
    let last = LF;
    for (let n = open.readNow(COUNT_BUFFER); n > 0; n = open.readNow(COUNT_BUFFER)) {
      size += n + growth(COUNT_BUFFER, n, last);
      last = COUNT_BUFFER[n - 1]!;
      done.bytes += n;
      if ((done.slice += n) > SLICE_BYTES) {
        done.slice = 0;
        yield undefined;
      }
    }
    message.sent = size + (last === LF ? 0 : 2);
  } catch {
    // Unreadable or gone: the size of its file has to do.
  } finally {
    open?.close();
  }
}

interface Progress {
  removed: number;
  moved: number;
  notRemoved: number;
  notMoved: number;
  reason: string;
}

/**
 * DIFFERS: deletions come first, and a message of new/ is never moved onto another file of cur/. qmail-pop3d goes
 * message by message and replaces a file of the same name, which loses a mail.
 */
function* updateSteps(
  home: MaildropHome,
  path: string,
  listing: Listing,
  deleted: ReadonlySet<number>,
): Steps<UpdateReport> {
  const report: Progress = { removed: 0, moved: 0, notRemoved: 0, notMoved: 0, reason: "" };
  let steps = 0;
  for (const index of deleted) {
    yield* removeOne(home, path, listing.messages[index]!, report);
    if (++steps % SLICE_FILES === 0) yield undefined;
  }
  for (const [index, message] of listing.messages.entries()) {
    if (!message.inNew || deleted.has(index)) continue;
    moveOne(home, path, message, report);
    if (++steps % SLICE_FILES === 0) yield undefined;
  }
  return report;
}

function* removeOne(
  home: MaildropHome,
  path: string,
  message: Message,
  report: Progress,
): Steps<void> {
  try {
    home.files.remove(pathOf(path, message));
    report.removed++;
    return;
  } catch (error) {
    if (!isMissing(error)) return void fail(report, "notRemoved", error);
  }
  let moved: Message | null = null;
  let trouble: unknown = null;
  yield findMoved(home, message).then((found) => void (moved = found), (e) => void (trouble = e));
  try {
    if (trouble !== null) throw trouble;
    if (moved !== null) home.files.remove(pathOf(path, moved));
    // Gone is what the client wanted, whoever removed it.
    report.removed++;
  } catch (error) {
    if (isMissing(error)) report.removed++;
    else fail(report, "notRemoved", error);
  }
}

/** new/NAME becomes cur/NAME:2, whatever NAME looks like, as qmail-pop3d does. A failure is no matter of the client. */
function moveOne(home: MaildropHome, path: string, message: Message, report: Progress): void {
  const target = `${path}/cur/${message.name}:2,`;
  try {
    if (message.twin && home.files.exists(target)) {
      throw new Error(`"${target}" exists already`);
    }
    home.files.rename(pathOf(path, message), target);
    report.moved++;
  } catch (error) {
    if (!isMissing(error)) fail(report, "notMoved", error);
  }
}

function fail(report: Progress, what: "notRemoved" | "notMoved", error: unknown): void {
  report[what]++;
  if (report.reason === "") report.reason = error instanceof Error ? error.message : String(error);
}
