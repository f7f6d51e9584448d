/**
 * The TRANSACTION state without RETR and TOP, and the UPDATE that QUIT begins (RFC 1939, sections 5 and 6;
 * qmail-pop3d). LAST as qmail-pop3d has it: the highest number that was deleted, 0 after RSET.
 *
 * DIFFERS: STAT counts the messages that are not deleted, as RFC 1939 says; qmail-pop3d's number counts all.
 */
import { POP3_EVENTS } from "../trace/events.ts";
import { isEmpty, messageArgument, replyWrong } from "./arguments.ts";
import type { OpenDrop, Pop3Context } from "./context.ts";
import type { Listing } from "./listing.ts";
import type { UpdateReport } from "./maildrop.ts";
import { END, latin1, REPLIES, VALUE_REPLIES } from "./replies.ts";

/** Long lists are given to the client in pieces of about this size. */
const PIECE_BYTES = 65536;
/** Built lists up to this many messages are kept with the listing. */
const KEEP_MESSAGES = 2000;

/** Runs `then` when all sizes are known. */
function withSizes(
  context: Pop3Context,
  then: (drop: OpenDrop) => void | Promise<void>,
): void | Promise<void> {
  const drop = context.drop!;
  const settled = drop.maildrop.settleSizes();
  return settled === undefined ? then(drop) : settled.then(() => then(drop));
}

export function stat(context: Pop3Context): void | Promise<void> {
  return withSizes(context, (drop) => {
    const { listing } = drop.maildrop;
    if (drop.deletedOctets < 0) {
      drop.deletedOctets = 0;
      for (const index of drop.deleted) drop.deletedOctets += octetsOf(listing, index);
    }
    const count = listing.messages.length - drop.deleted.size;
    context.replyText(VALUE_REPLIES.stat.text(count, listing.octets - drop.deletedOctets));
  });
}

export function list(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  if (isEmpty(argument)) {
    return withSizes(context, (drop) => sendList(context, drop, "list", octetsOf));
  }
  const found = messageArgument(context, argument);
  if ("id" in found) return replyWrong(context, found);
  return withSizes(context, ({ maildrop: { listing } }) => {
    const { octets } = listing.messages[found.index]!;
    context.replyText(VALUE_REPLIES.list.text(found.index + 1, octets));
  });
}

export function uidl(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  const drop = context.drop!;
  if (isEmpty(argument)) return sendList(context, drop, "uidl", uniqueIdOf);
  const found = messageArgument(context, argument);
  if ("id" in found) return replyWrong(context, found);
  const id = drop.maildrop.listing.uniqueIds[found.index]!;
  context.replyText(VALUE_REPLIES.uidl.text(found.index + 1, id));
}

const octetsOf = (listing: Listing, index: number) => listing.messages[index]!.octets;
const uniqueIdOf = (listing: Listing, index: number) => listing.uniqueIds[index]!;

/** The whole list: from the listing when it is there already, otherwise in pieces the client has to take. */
function sendList(
  context: Pop3Context,
  drop: OpenDrop,
  kind: "list" | "uidl",
  valueOf: (listing: Listing, index: number) => number | string,
): void | Promise<void> {
  const { listing } = drop.maildrop;
  context.reply(REPLIES.ok);
  if (drop.deleted.size > 0 || listing.messages.length > KEEP_MESSAGES) {
    return sendPieces(context, drop, valueOf);
  }
  let built = listing.replies[kind];
  if (built === null) {
    const lines = listing.messages.map((_, i) => `${i + 1} ${valueOf(listing, i)}\r\n`);
    built = listing.replies[kind] = latin1(lines.join(""));
  }
  context.output.bytes(built);
  context.output.bytes(END);
}

async function sendPieces(
  context: Pop3Context,
  { maildrop: { listing }, deleted }: OpenDrop,
  valueOf: (listing: Listing, index: number) => number | string,
): Promise<void> {
  const { output } = context;
  for (let i = 0; i < listing.messages.length; i++) {
    if (deleted.has(i)) continue;
    output.text(`${i + 1} ${valueOf(listing, i)}\r\n`);
    if (output.pending >= PIECE_BYTES) await output.drain();
  }
  output.bytes(END);
}

export function dele(context: Pop3Context, argument: Uint8Array): void {
  const drop = context.drop!;
  const found = messageArgument(context, argument);
  if ("id" in found) return replyWrong(context, found);
  drop.deleted.add(found.index);
  drop.deletedOctets = -1;
  drop.last = Math.max(drop.last, found.index + 1);
  context.reply(REPLIES.ok);
}

export function rset(context: Pop3Context): void {
  const drop = context.drop!;
  drop.deleted.clear();
  drop.deletedOctets = 0;
  drop.last = 0;
  context.reply(REPLIES.ok);
}

export function last(context: Pop3Context): void {
  context.replyText(VALUE_REPLIES.last.text(context.drop!.last));
}

/**
 * QUIT: the only way into UPDATE. A message that is still there although it was deleted makes the reply an error.
 *
 * DIFFERS: one reply; qmail-pop3d sends +OK behind its -ERR, which the client takes for the next command's.
 */
export function quitTransaction(context: Pop3Context): void | Promise<void> {
  const { maildrop, deleted } = context.drop!;
  context.state = "update";
  const report = maildrop.update(deleted);
  if (!(report instanceof Promise)) return finish(context, report);
  return report.then((r) => finish(context, r));
}

function finish(context: Pop3Context, report: UpdateReport): void {
  const { tracer } = context.deps;
  const { path } = context.drop!.maildrop;
  const { removed, moved, reason } = report;
  const failed = report.notRemoved + report.notMoved;
  context.counters.removed = removed;
  if (failed > 0 && tracer.level >= 2) {
    tracer.emit(context.peer.session, POP3_EVENTS.updateFailed, { path, failed, reason });
  }
  if (tracer.level >= 3) {
    tracer.emit(context.peer.session, POP3_EVENTS.update, { path, removed, moved });
  }
  context.reply(report.notRemoved > 0 ? REPLIES.notAllRemoved : REPLIES.bye);
  context.close("quit");
}
