/**
 * One QMTP or QMQP session as an engine: bytes in, answers out, no socket, no timer.
 *
 * Mirrors qmail-qmtpd (any number of packages, each answered when it is complete) and qmail-qmqpd (one request). As in
 * the SMTP session, a chunk is gone through without a promise unless a look-up, the spool or the queue has to be waited
 * for. Bytes that are no netstrings end the session without an answer, as with qmail.
 */
import type { EndReason, Engine, Output, Peer, Wants } from "../net/types.ts";
import type { Judgement } from "../policy/mod.ts";
import { answerOf, clientOf, connectFacts, isAsked, judgeStage, relayClientOf } from "./judging.ts";
import { enter, type Grammar, isBetween, readNext } from "./reading.ts";
import { ADDRESS_BYTES, takeRecipient, takeSender } from "./recipients.ts";
import { REPLIES, type Reply } from "./replies.ts";
import {
  type Address,
  endMalformed,
  endSession,
  type QmtpDeps,
  say,
  type Session,
  startSession,
  traceRefusal,
} from "./state.ts";
import { endMessage, finishPackage, takeMessage } from "./transfer.ts";

/** What a QMQP client is told whose session is ended from the outside. QMTP has no words for it. */
const LAST_REPLIES: Readonly<Record<EndReason, Reply | null>> = {
  eof: null,
  idle: REPLIES.too_slow,
  session_time: REPLIES.too_slow,
  shutdown: REPLIES.shutdown,
  stalled: null,
  io_error: null,
};

/** The engine of one session. */
export function createQmtpEngine(
  grammar: Grammar,
  deps: QmtpDeps,
  peer: Peer,
  output: Output,
): Engine {
  return new QmtpEngine(startSession(grammar, deps, peer, output));
}

class QmtpEngine implements Engine {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get wants(): Wants {
    return this.#session.wants;
  }

  get busy(): boolean {
    const { commit, isOver, reading } = this.#session;
    return commit !== null || (!isOver && !isBetween(reading));
  }

  get idleSeconds(): number {
    return this.#session.config.settings.qmtp_idle_seconds;
  }

  get sessionSeconds(): number {
    return this.#session.config.settings.qmtp_session_seconds;
  }

  /** There is no greeting. */
  start(): void | Promise<void> {
    const session = this.#session;
    const { deps, peer, events, policy } = session;
    if (deps.tracer.level >= 1) {
      deps.tracer.emit(peer.session, events.remoteip, { ip: peer.remoteIp });
    }
    if (policy.watches.rates) deps.policy?.state.noteConnection(clientOf(session).ip);
    if (!isAsked(session, "connect")) return;
    const judged = judgeStage(session, "connect", connectFacts(session));
    if (judged instanceof Promise) return judged.then((late) => takeConnect(session, late));
    takeConnect(session, judged);
  }

  receive(chunk: Uint8Array): void | Promise<void> {
    this.#session.reading.next = 0;
    return feed(this.#session, chunk);
  }

  end(reason: EndReason): void | Promise<void> {
    const session = this.#session;
    // What is being made safe gets its answer first: a client that is told nothing sends it again.
    if (session.commit !== null) return session.commit.then(() => this.end(reason));
    if (session.isOver) return;
    if (!isBetween(session.reading)) traceRefusal(session, reason, "the message was not complete");
    const last = session.reading.grammar === "qmqp" ? LAST_REPLIES[reason] : null;
    if (last !== null) say(session, last);
    endSession(session, reason);
  }
}

/** Who is not wanted is hung up on: QMTP has no words before the first message, QMQP its one. */
function takeConnect(session: Session, { verdict }: Judgement): void {
  if (verdict.kind === "none" || verdict.kind === "accept") return;
  const reply = answerOf(verdict);
  if (session.reading.grammar === "qmqp") say(session, reply);
  const { tracer } = session.deps;
  if (tracer.level >= 1) {
    const fields = { reply: reply.id, ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, session.events.limit, fields);
  }
  endSession(session, reply.id);
}

/** Handles the chunk from `reading.next` on. A promise suspends, and it goes on where it was. */
function feed(session: Session, chunk: Uint8Array): void | Promise<void> {
  while (session.wants === "input") {
    const met = readNext(session.reading, chunk);
    if (met === "more") return;
    const pause = met === "begin"
      ? begin(session)
      : met === "content"
      ? take(session, chunk)
      : met === "end"
      ? finish(session)
      : endMalformed(session, session.reading.fault);
    if (pause !== undefined) return pause.then(() => feed(session, chunk));
  }
}

/** A field's length is known: is it one that is taken? */
function begin(session: Session): void {
  const { reading, pack, config } = session;
  const { qmtp_message_bytes: message, qmtp_recipients_bytes: recipients } = config.settings;
  switch (reading.field) {
    case "message":
      checkLength(session, message);
      return;
    case "request":
      if (!checkLength(session, message)) return;
      return enter(reading);
    case "recipients":
      if (!checkLength(session, recipients)) return;
      return enter(reading);
    case "sender":
      pack.sender = startAddress(reading.length);
      return;
    case "recipient":
      pack.address = startAddress(reading.length + (relayClientOf(session) ?? "").length);
  }
}

/** False when that ended the session. */
function checkLength(session: Session, most: number): boolean {
  const { field, length } = session.reading;
  if (length <= most) return true;
  endMalformed(session, `the ${field} is longer than ${most} bytes`);
  return false;
}

function startAddress(bytes: number): Address {
  return bytes >= ADDRESS_BYTES ? null : "";
}

/** Content of a field. */
function take(session: Session, chunk: Uint8Array): void | Promise<void> {
  const { reading, pack } = session;
  const { start, next } = reading;
  if (reading.field === "message") return takeMessage(session, chunk, start, next);
  if (reading.field === "sender") pack.sender = extend(pack.sender, chunk, start, next);
  else pack.address = extend(pack.address, chunk, start, next);
}

/** Addresses are short: one call makes text of all there is. */
function extend(address: Address, chunk: Uint8Array, start: number, end: number): Address {
  return address === null ? null : address + String.fromCharCode(...chunk.subarray(start, end));
}

/** A field is complete. */
function finish(session: Session): void | Promise<void> {
  const { pack } = session;
  switch (session.reading.ended) {
    case "message":
      return endMessage(session);
    case "sender":
      if (pack.sender?.includes("\0") === true) pack.sender = null;
      return takeSender(session);
    case "recipient":
      return takeRecipient(session);
    case "recipients":
    case "request":
      return finishPackage(session);
  }
}
