/**
 * RETR and TOP: a message goes from its file to the client in pieces of 64 KiB, each taken by the client before the
 * next is read, so that memory does not grow with the message (RFC 1939, section 5).
 *
 * As in qmail-pop3d, "RETR n k" is "TOP n k" and TOP without a count sends everything.
 * DIFFERS: no extra blank line ends the message (setting pop3_extra_line); a message without its last line end
 * gets one. DIFFERS: a message that can't be read any more is an error of this message, not the session's end.
 */
import { POP3_EVENTS } from "../trace/events.ts";
import { linesArgument, messageArgument, replyWrong } from "./arguments.ts";
import type { Pop3Context } from "./context.ts";
import { type Maildrop, MaildropError } from "./maildrop.ts";
import { fillNow, type OpenMessage } from "./maildrop_files.ts";
import { END, REPLIES } from "./replies.ts";
import { endsOpen, newWireState, toWire, wireBytes, type WireState } from "./wire.ts";

const PIECE_BYTES = 65536;

/** A piece as read and as sent; sessions that wait for their client hold one each. */
interface Buffers {
  readonly read: Uint8Array<ArrayBuffer>;
  readonly wire: Uint8Array<ArrayBuffer>;
}

const KEEP_BUFFERS = 8;
const pool: Buffers[] = [];

function takeBuffers(): Buffers {
  return pool.pop() ??
    { read: new Uint8Array(PIECE_BYTES), wire: new Uint8Array(wireBytes(PIECE_BYTES)) };
}

function giveBuffers(buffers: Buffers): void {
  if (pool.length < KEEP_BUFFERS) pool.push(buffers);
}

/** One running RETR or TOP. */
interface Sending {
  readonly context: Pop3Context;
  readonly message: OpenMessage;
  readonly buffers: Buffers;
  readonly state: WireState;
  readonly isTop: boolean;
  /** Octets written so far, stuffed dots included. */
  written: number;
}

export function retr(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  return send(context, argument);
}

export function top(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  return send(context, argument);
}

function send(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  const found = messageArgument(context, argument);
  if ("id" in found) return replyWrong(context, found);
  const lines = linesArgument(argument, found.end);
  const failed = (error: unknown) => fail(context, found.index, error);
  const { maildrop } = context.drop!;
  if (maildrop.readWhole !== undefined && sendWhole(context, maildrop, found.index, lines)) return;
  try {
    const message = maildrop.open(found.index);
    if (!(message instanceof Promise)) return begin(context, message, lines, failed);
    return message.then((m) => begin(context, m, lines, failed), failed);
  } catch (error) {
    failed(error);
  }
}

/** Nearly every message is read with one call. False: this one isn't. */
function sendWhole(
  context: Pop3Context,
  maildrop: Maildrop,
  index: number,
  lines: number,
): boolean {
  const buffers = takeBuffers();
  const length = maildrop.readWhole?.(index, buffers.read) ?? -1;
  if (length < 0) {
    giveBuffers(buffers);
    return false;
  }
  const state = newWireState(lines);
  const isTop = lines >= 0;
  const sending = { context, message: READ_ALREADY, buffers, state, isTop, written: 0 };
  context.reply(REPLIES.ok);
  sendPiece(sending, length);
  end(sending);
  return true;
}

const READ_ALREADY: OpenMessage = {
  readNow: () => 0,
  read: () => Promise.resolve(0),
  close() {},
};

/** The first piece decides the reply: what can't be read at all is an error. Most messages have no second one. */
function begin(
  context: Pop3Context,
  message: OpenMessage,
  lines: number,
  failed: (error: unknown) => void,
): void | Promise<void> {
  const buffers = takeBuffers();
  let length: number;
  try {
    length = fillNow(message, buffers.read);
  } catch (error) {
    giveBuffers(buffers);
    message.close();
    return failed(error);
  }
  const state = newWireState(lines);
  const sending = { context, message, buffers, state, isTop: lines >= 0, written: 0 };
  context.reply(REPLIES.ok);
  sendPiece(sending, length);
  if (length < PIECE_BYTES || state.done) return end(sending);
  return sendRest(sending);
}

function sendPiece(sending: Sending, length: number): void {
  const { state, buffers: { read, wire }, context } = sending;
  const bytes = toWire(state, read, length, wire);
  context.output.bytes(wire.subarray(0, bytes));
  sending.written += bytes;
}

/** A read error in the middle can't be told to the client any more: the session ends without the final dot. */
async function sendRest(sending: Sending): Promise<void> {
  const { context: { output }, message, buffers, state } = sending;
  try {
    while (!state.done) {
      await output.drain();
      const length = await message.read(buffers.read);
      if (length === 0) break;
      sendPiece(sending, length);
    }
  } catch (error) {
    giveBuffers(buffers);
    message.close();
    sending.context.close("message broke off");
    throw error;
  }
  return end(sending);
}

function end(sending: Sending): void {
  const { context, message, buffers, state, isTop } = sending;
  message.close();
  giveBuffers(buffers);
  const { output, counters } = context;
  if (endsOpen(state)) {
    output.text("\r\n");
    sending.written += 2;
  }
  if (context.deps.config.extraLine) output.text("\r\n");
  output.bytes(END);
  const octets = sending.written - state.stuffed;
  if (isTop) {
    counters.top++;
    counters.topBytes += octets;
  } else {
    counters.retr++;
    counters.retrBytes += octets;
  }
}

function fail(context: Pop3Context, index: number, error: unknown): void {
  const { tracer } = context.deps;
  const reason = error instanceof Error ? error.message : String(error);
  if (tracer.level >= 2) {
    const unique_id = context.drop!.maildrop.listing.uniqueIds[index]!;
    tracer.emit(context.peer.session, POP3_EVENTS.messageFailed, { unique_id, reason });
  }
  const isGone = error instanceof MaildropError && error.kind === "gone";
  context.reply(isGone ? REPLIES.gone : REPLIES.unreadable);
}
