/**
 * The embedded default: delivers into Maildirs by itself, where no qmail-queue is installed.
 *
 * Does what qmail-local does with maildir lines, and keeps its order: content on disk, link into new/, directory on disk, and only then
 * "queued". All copies of a message are written and on disk before the first is linked; when one fails, the links are taken back and the
 * message is deferred. Syncs are shared between messages (group_commit.ts). Never lists a directory: the cost of a
 * delivery does not depend on what lies in the Maildir. Never bounces, never retries: the client does.
 * Memory: up to 64 KiB of a message wait here; a longer one goes on to its first tmp/ file, and from there into the others.
 */
import type { Delivery, Envelope, Queue } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type FileOps, FILES } from "./file_ops.ts";
import { openGroupCommit, type SyncWay } from "./group_commit.ts";
import { countLines, searchHeader } from "./local_lines.ts";
import { commit, discardFiles, fail, type Message, type Shared } from "./maildir_commit.ts";
import { createTmp, prepareCopy, writeLater, writeNow } from "./maildir_copy.ts";
import { giveBack, inOnePiece, openMemory } from "./memory.ts";
import { openNames } from "./maildir_name.ts";
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
  readonly ops?: FileOps;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** The Maildir queue, and its answer for a recipient before the message comes. */
export interface MaildirQueue extends Queue {
  /** null, or one sentence why mail for `address` needs qmail-queue: for 451 at RCPT. */
  canDeliver(address: string): string | null | Promise<string | null>;
}

/** Opens the queue. */
export function openMaildirQueue(options: MaildirOptions): MaildirQueue {
  const ops = options.ops ?? FILES;
  const shared: Shared = {
    ops,
    groups: openGroupCommit(ops, options.sync ?? "auto"),
    asOwner: openOwnerTurns(ops),
    name: openNames({
      host: options.host,
      pid: options.pid,
      worker: options.worker ?? 0,
      now: options.now ?? Date.now,
    }),
    trace: options.trace,
  };
  const hand = createHandCount();
  const begin = (session: number, envelope: Envelope, plan: Plan): Delivery => {
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
): Delivery {
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
  return {
    write: (chunk) => takeChunk(shared, message, chunk),
    async commit() {
      const outcome = await commit(shared, message);
      traceOutcome(shared.trace, "maildir", session, envelope, outcome, message.bytes);
      done();
      return outcome;
    },
    abort() {
      discardFiles(shared, message);
      done();
    },
  };
}

function takeChunk(shared: Shared, message: Message, chunk: Uint8Array): void | Promise<void> {
  message.bytes += chunk.length;
  if (message.trouble !== null || message.copies.length === 0) return;
  message.lines += countLines(chunk);
  message.search.feed(chunk);
  if (message.memory.take(chunk)) return;
  return spill(shared, message, chunk);
}

/** Sends what is in memory, and `chunk`, to the first copy's tmp/ file. */
async function spill(shared: Shared, message: Message, chunk: Uint8Array): Promise<void> {
  const first = message.copies[0];
  if (first === undefined) return;
  const waiting = message.memory.empty();
  try {
    if (!message.spilled) {
      message.spilled = true;
      createTmp(shared.ops, first, shared.name);
      writeNow(first, first.head);
    }
    await inOnePiece(waiting, chunk, (piece) => {
      giveBack(waiting);
      return writeLater(first, piece);
    });
  } catch (error) {
    fail(message, error);
  }
}
