/**
 * What happens to a message after its last byte: copies written, on disk, linked, directories on disk - or everything taken back.
 *
 * The order is qmail-local's, for all copies of a message at once; maildir.ts holds the messages until they come here.
 */
import type { Envelope, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";
import { errorText, type FileOps } from "./file_ops.ts";
import type { GroupCommit, SyncGroup } from "./group_commit.ts";
import type { Entered, Journal } from "./journal.ts";
import type { HeaderSearch } from "./local_lines.ts";
import {
  closeCopy,
  type Copy,
  createTmp,
  linkCopy,
  putTmp,
  readSome,
  removeTmp,
  rewind,
  unlinkCopy,
  writeLater,
  writeNow,
} from "./maildir_copy.ts";
import type { NamedSizes } from "./maildir_name.ts";
import { giveBack, type Memory, MEMORY_BYTES } from "./memory.ts";
import type { Pace } from "./pace.ts";
import type { OwnerTurns } from "./owner_turns.ts";

/** What all deliveries of a queue share. */
export interface Shared {
  readonly ops: FileOps;
  readonly groups: GroupCommit;
  /** Where short messages are safe at once; null: nowhere. */
  readonly journal: () => Journal | null;
  readonly asOwner: OwnerTurns;
  readonly name: (sizes?: NamedSizes) => string;
  /** What writing a piece of a long message takes. */
  readonly writing: Pace;
  readonly trace: Tracer;
}

/** One message in hand. */
export interface Message {
  readonly session: number;
  readonly envelope: Envelope;
  readonly copies: readonly Copy[];
  readonly search: HeaderSearch;
  /** What waits to be written. */
  readonly memory: Memory;
  /** Message bytes so far, and the line ends in them. */
  bytes: number;
  lines: number;
  /** True: the first copy's tmp/ file takes the message as it comes. */
  spilled: boolean;
  trouble: Exclude<QueueOutcome, { kind: "queued" }> | null;
  /** One a device. */
  readonly groups: Map<Copy, SyncGroup>;
}

/** Remembers the first trouble of a message. */
export function fail(message: Message, error: unknown): void {
  message.trouble ??= { kind: "deferred", code: "4.3.0", reason: errorText(error) };
}

/** `head` and `body` in one piece. */
export function joined(head: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/** Everything after the last byte. Never rejects. */
export async function commit(shared: Shared, message: Message): Promise<QueueOutcome> {
  if (message.trouble === null && message.search.found !== null) {
    message.trouble = looping(message.search.found);
  }
  try {
    if (message.trouble === null) {
      await writeCopies(shared, message);
      await linkCopies(shared, message);
      await syncDirectories(message);
    }
  } catch (error) {
    fail(message, error);
  }
  if (message.trouble !== null) takeBack(shared, message, message.trouble.reason);
  else promise(shared, message);
  discardFiles(shared, message);
  for (const group of message.groups.values()) group.release();
  if (message.trouble !== null) return message.trouble;
  return { kind: "queued", id: baseName(message.copies[0]?.linked ?? "nothing to deliver") };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The outcome of a message that has such a line already. */
export const looping = (line: string): Exclude<QueueOutcome, { kind: "queued" }> => ({
  kind: "refused",
  code: "5.4.6",
  reason: `This message is looping: it already has the line "${line.trimEnd()}"`,
  isPublic: true,
});

/** Asks for the sync group before anything is written that it must answer for. */
function acquireGroup(shared: Shared, message: Message, copy: Copy): SyncGroup {
  const { maildir, owner } = copy.target;
  const directory = `${maildir}/new`;
  try {
    const group = shared.ops.as(owner, () => shared.groups.acquire(directory));
    message.groups.set(copy, group);
    return group;
  } catch (error) {
    throw new Error(`Cannot use "${directory}": ${errorText(error)}`);
  }
}

/** All copies in tmp/, complete and on disk. */
async function writeCopies(shared: Shared, message: Message): Promise<void> {
  if (message.spilled) return await copyFromFirst(shared, message);
  const body = message.memory.empty();
  await allSettled(message.copies.map((copy) =>
    // Nothing may come between the write and the question for its sync: an error of the disk spoils what has asked.
    shared.asOwner(copy.target, () => {
      const group = acquireGroup(shared, message, copy);
      const entering = enterCopy(shared, message, copy, group, body);
      if (entering !== null) return entering;
      if (group.whole) putTmp(shared.ops, copy, shared.name, body);
      else {
        createTmp(shared.ops, copy, shared.name);
        writeNow(copy, joined(copy.head, body));
      }
      return syncCopy(copy, group);
    })
  ));
  giveBack(body);
}

/** Writes the copy and enters it into the journal; null: it takes none now. The caller is the owner. @throws {CopyError} */
function enterCopy(
  shared: Shared,
  message: Message,
  copy: Copy,
  { device }: SyncGroup,
  body: Uint8Array,
): Promise<void> | null {
  const journal = shared.journal();
  if (journal === null) return null;
  const { owner, maildir } = copy.target;
  const name = shared.name(sizesOf(message, copy));
  const entry = { owner, maildir, name, head: copy.head, body };
  const openSystem = () => shared.ops.fileSystem(`${maildir}/new`);
  if (!journal.admits(device, openSystem, entry)) return null;
  copy.final = name;
  putTmp(shared.ops, copy, shared.name, body);
  return enter(copy, journal.append(device, entry));
}

async function enter(copy: Copy, appending: Promise<Entered>): Promise<void> {
  try {
    copy.entered = await appending;
  } catch (error) {
    throw new Error(`Cannot enter "${copy.tmp}" into the journal: ${errorText(error)}`);
  }
}

function sizesOf(message: Message, copy: Copy): NamedSizes {
  const bytes = copy.head.length + message.bytes;
  return { bytes, wireBytes: bytes + copy.headLines + message.lines };
}

/** Makes one written copy safe: with the others, or by its own descriptor, and then closed. */
async function syncCopy(copy: Copy, group: SyncGroup): Promise<void> {
  try {
    if (copy.file === null) await group.syncWritten();
    else {
      await group.syncFile(copy.file);
      closeCopy(copy);
    }
  } catch (error) {
    throw new Error(`Cannot sync "${copy.tmp}": ${errorText(error)}`);
  }
}

/**
 * Writes a piece of a long message: in place as long as the system takes it at once, which spares two wakes of a thread for each; by a
 * thread where others would have to wait for the disk.
 * @throws {CopyError}, or rejects with it
 */
export function writePiece(
  { writing }: Shared,
  copy: Copy,
  piece: Uint8Array<ArrayBuffer>,
): void | Promise<void> {
  if (writing.isSlow) return writeLater(copy, piece);
  writing.time(() => writeNow(copy, piece));
}

/** A long message: the rest into the first tmp/ file, then from there into the others, piece by piece. */
async function copyFromFirst(shared: Shared, message: Message): Promise<void> {
  const [first, ...others] = message.copies;
  if (first === undefined) return;
  for (const copy of message.copies) acquireGroup(shared, message, copy);
  await writePiece(shared, first, message.memory.empty());
  for (const copy of others) {
    await copyFile(shared, first, copy);
    await syncLong(message, copy);
  }
  await syncLong(message, first);
}

/** Written over a longer time: a write-back error may already have been told to somebody else's syncfs. */
async function syncLong(message: Message, copy: Copy): Promise<void> {
  try {
    if (copy.file !== null) await groupOf(message, copy).syncFile(copy.file);
  } catch (error) {
    throw new Error(`Cannot sync "${copy.tmp}": ${errorText(error)}`);
  }
  closeCopy(copy);
}

async function copyFile(shared: Shared, from: Copy, to: Copy): Promise<void> {
  createTmp(shared.ops, to, shared.name);
  writeNow(to, to.head);
  const buffer = new Uint8Array(MEMORY_BYTES);
  rewind(from);
  for (let n = await readSome(from, buffer); n > 0; n = await readSome(from, buffer)) {
    await writePiece(shared, to, buffer.subarray(0, n));
  }
}

async function linkCopies(shared: Shared, message: Message): Promise<void> {
  await allSettled(message.copies.map((copy) =>
    shared.asOwner(copy.target, () =>
      linkCopy(
        shared.ops,
        copy,
        () => copy.final ?? shared.name(sizesOf(message, copy)),
      ))
  ));
}

/** The new names are on disk. */
async function syncDirectories(message: Message): Promise<void> {
  await allSettled(message.copies.map(async (copy) => {
    // Its name is in the journal.
    if (copy.final !== null) return;
    const directory = `${copy.target.maildir}/new`;
    try {
      await groupOf(message, copy).syncDirectory(directory, copy.target.owner);
    } catch (error) {
      throw new Error(`Cannot sync "${directory}": ${errorText(error)}`);
    }
  }));
}

function groupOf(message: Message, copy: Copy): SyncGroup {
  const group = message.groups.get(copy);
  if (group === undefined) throw new Error("A copy is written before its sync group was asked for");
  return group;
}

/** Waits for all, then rejects with the first trouble: no sync may still run when files are taken back. */
async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  if (promises.length === 1) return await promises[0];
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}

/** Removes the links of a message that failed. */
function takeBack(shared: Shared, message: Message, reason: string): void {
  for (const copy of message.copies) {
    copy.entered?.withdrawn();
    const file = copy.linked;
    if (file === "") continue;
    const still = unlinkCopy(shared.ops, copy);
    if (shared.trace.level < 1) continue;
    if (still === null) shared.trace.emit(message.session, QUEUE_EVENTS.undone, { file, reason });
    else shared.trace.emit(message.session, QUEUE_EVENTS.leftBehind, { file, reason: still });
  }
}

/** Closes and removes the tmp/ files. One that can't be removed stays for qmail-pop3d's cleaning after 36 hours. */
export function discardFiles(shared: Shared, message: Message): void {
  for (const copy of message.copies) {
    const file = copy.tmp;
    try {
      closeCopy(copy);
    } catch {
      // The file is thrown away: what close would tell matters no more.
    }
    const still = removeTmp(shared.ops, copy);
    if (still !== null && shared.trace.level >= 1) {
      shared.trace.emit(message.session, QUEUE_EVENTS.leftBehind, { file, reason: still });
    }
  }
}

/** Every copy has its name. */
function promise(shared: Shared, message: Message): void {
  for (const copy of message.copies) copy.entered?.linked();
  traceCopies(shared, message);
}

function traceCopies(shared: Shared, message: Message): void {
  if (shared.trace.level < 2) return;
  for (const copy of message.copies) {
    const bytes = copy.head.length + message.bytes;
    shared.trace.emit(message.session, QUEUE_EVENTS.delivered, { file: copy.linked, bytes });
  }
}
