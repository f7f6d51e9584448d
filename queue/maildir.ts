/**
 * The embedded default: delivers into Maildirs by itself, where no qmail-queue is installed.
 *
 * Does what qmail-local does with maildir lines, and keeps its order: content on disk, link into new/, directory on disk, and only then
 * "queued". With a delivery journal (journal.ts) the name is on disk there, before the link, and the directory follows. All copies of a message are written and on disk before the first is linked; when one fails, the links are taken back and the
 * message is deferred. Syncs are shared between messages (group_commit.ts). Never lists a directory: the cost of a
 * delivery does not depend on what lies in the Maildir. Never bounces, never retries: the client does.
 * Memory: up to 64 KiB of a message wait here; a longer one goes on to its first tmp/ file, and from there into the others.
 */
import type { Delivery, Envelope, Queue, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type FileOps, FILES } from "./file_ops.ts";
import type { Journal } from "./journal.ts";
import { openGroupCommit, type SyncWay } from "./group_commit.ts";
import { countLines, searchHeader } from "./local_lines.ts";
import { commit, discardFiles, fail, type Message, type Shared } from "./maildir_commit.ts";
import { type Copy, createTmp, prepareCopy, writeLater, writeNow } from "./maildir_copy.ts";
import { giveBack, inOnePiece, openMemory } from "./memory.ts";
import { openNames } from "./maildir_name.ts";
import { writePace } from "./pace.ts";
import { openOwnerTurns } from "./owner_turns.ts";
import { canDeliver, type Plan, planDelivery, type Routing } from "./plan.ts";
import { createHandCount, traceOutcome } from "./hand_count.ts";

export interface MaildirOptions {
  readonly routing: Routing;
  readonly trace: Tracer;
  /** Name of this machine in file names. */
  readonly host: string;
  readonly pid: number;
  /** Number of this worker; 0: the only one. */
  readonly worker?: number;
  readonly sync?: SyncWay;
  /** A quick disk is waited for in place (group_commit.ts). */
  readonly syncInPlace?: boolean;
  readonly ops?: FileOps;
  /** The delivery journal of the moment; absent, or null: there is none. */
  readonly journal?: () => Journal | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed?: () => number;
}

/** The file of a long message, which somebody else writes. */
export interface HandedFile {
  /** For appending; whoever asked closes it. */
  readonly fd: number;
  readonly path: string;
  /** The message must not have one of these lines in its header (local_lines.ts). */
  readonly forbidden: readonly string[];
}

/** A delivery whose message another process may write. */
export interface MaildirDelivery extends Delivery {
  /** Its file, before anything was written; null: it must come by `write`. What is amiss is remembered. */
  handOver(): HandedFile | null;
  /** What was handed over is complete: message bytes, and the line ends in them. Never rejects. */
  commitHanded(bytes: number, lines: number): Promise<QueueOutcome>;
}

/** The Maildir queue, and its answer for a recipient before the message comes. */
export interface MaildirQueue extends Queue {
  open(session: number, envelope: Envelope): MaildirDelivery | Promise<MaildirDelivery>;
  /** null, or one sentence why mail for `address` needs qmail-queue: for 451 at RCPT. */
  canDeliver(address: string): string | null | Promise<string | null>;
}

/** Opens the queue. */
export function openMaildirQueue(options: MaildirOptions): MaildirQueue {
  const ops = options.ops ?? FILES;
  const elapsed = options.elapsed ?? (() => performance.now());
  const shared: Shared = {
    ops,
    groups: openGroupCommit(ops, options.sync ?? "auto", {
      inPlace: options.syncInPlace ?? false,
      now: elapsed,
    }),
    journal: options.journal ?? (() => null),
    asOwner: openOwnerTurns(ops),
    writing: writePace(elapsed),
    name: openNames({
      host: options.host,
      pid: options.pid,
      worker: options.worker ?? 0,
      now: options.now ?? Date.now,
    }),
    trace: options.trace,
  };
  const hand = createHandCount();
  const begin = (session: number, envelope: Envelope, plan: Plan): MaildirDelivery => {
    hand.took();
    return openDelivery(shared, session, envelope, plan, () => hand.gave());
  };
  return {
    name: "maildir",
    get inHand() {
      return hand.count;
    },
    open(session, envelope) {
      const plan = planDelivery(envelope, options.routing);
      return plan instanceof Promise
        ? plan.then((p) => begin(session, envelope, p))
        : begin(session, envelope, plan);
    },
    idle: () => hand.idle(),
    canDeliver: (address) => canDeliver(address, options.routing),
  };
}

function openDelivery(
  shared: Shared,
  session: number,
  envelope: Envelope,
  plan: Plan,
  done: () => void,
): MaildirDelivery {
  const message: Message = {
    session,
    envelope,
    copies: plan.targets.map(prepareCopy),
    search: searchHeader(plan.targets.flatMap((t) => t.deliveredTo)),
    memory: openMemory(),
    bytes: 0,
    lines: 0,
    spilled: false,
    trouble: plan.trouble,
    groups: new Map(),
  };
  const end = async (): Promise<QueueOutcome> => {
    const outcome = await commit(shared, message);
    traceOutcome(shared.trace, "maildir", session, envelope, outcome, message.bytes);
    done();
    return outcome;
  };
  return {
    write: (chunk, lines) => takeChunk(shared, message, chunk, lines),
    commit: end,
    handOver: () => handOver(shared, message),
    commitHanded(bytes, lines) {
      takeHanded(message, bytes, lines);
      return end();
    },
    abort() {
      discardFiles(shared, message);
      done();
    },
  };
}

/** A chunk of a long message that is worth a write of its own. */
const WORTH_A_WRITE = 16_384;

function takeChunk(
  shared: Shared,
  message: Message,
  chunk: Uint8Array,
  lines = countLines(chunk),
): void | Promise<void> {
  message.bytes += chunk.length;
  if (message.trouble !== null || message.copies.length === 0) return;
  message.lines += lines;
  message.search.feed(chunk);
  const goesOn = message.spilled && !shared.writing.isSlow && chunk.length >= WORTH_A_WRITE;
  if (!goesOn && message.memory.take(chunk)) return;
  return spill(shared, message, chunk);
}

/** Sends what is in memory, and `chunk`, to the first copy's tmp/ file. */
function spill(shared: Shared, message: Message, chunk: Uint8Array): void | Promise<void> {
  const first = message.copies[0];
  if (first === undefined) return;
  const waiting = message.memory.empty();
  try {
    beginFile(shared, message, first);
    if (shared.writing.isSlow) return spillLater(message, first, waiting, chunk);
    shared.writing.time(() => {
      if (waiting.length > 0) writeNow(first, waiting);
      writeNow(first, chunk);
    });
    giveBack(waiting);
  } catch (error) {
    fail(message, error);
  }
}

/** The first copy's tmp/ file, with its own lines. @throws {CopyError} */
function beginFile(shared: Shared, message: Message, first: Copy): void {
  if (message.spilled) return;
  message.spilled = true;
  createTmp(shared.ops, first, shared.name);
  writeNow(first, first.head);
}

function handOver(shared: Shared, message: Message): HandedFile | null {
  const first = message.copies[0];
  if (message.trouble !== null || first === undefined || message.bytes > 0) return null;
  try {
    beginFile(shared, message, first);
    const path = first.tmp;
    const fd = shared.ops.as(first.target.owner, () => shared.ops.openAppending(path));
    const forbidden = message.copies.flatMap((copy) => copy.target.deliveredTo);
    return fd === null ? null : { fd, path, forbidden };
  } catch (error) {
    fail(message, error);
    return null;
  }
}

/** What somebody else wrote is in the file, or the message is not queued. */
function takeHanded(message: Message, bytes: number, lines: number): void {
  const first = message.copies[0];
  if (message.trouble !== null || first === undefined) return;
  message.bytes = bytes;
  message.lines = lines;
  const expected = first.head.length + bytes;
  const size = first.file?.size() ?? 0;
  if (size !== expected) {
    fail(message, new Error(`"${first.tmp}" has ${size} bytes and should have ${expected}`));
  }
}

async function spillLater(
  message: Message,
  first: Copy,
  waiting: Uint8Array<ArrayBuffer>,
  chunk: Uint8Array,
): Promise<void> {
  try {
    await inOnePiece(waiting, chunk, (piece) => {
      giveBack(waiting);
      return writeLater(first, piece);
    });
  } catch (error) {
    fail(message, error);
  }
}
