/**
 * DATA: from 354 to the reply that says where the message is (RFC 5321, section 4.1.1.4).
 *
 * The queue is opened before 354, as qmail-smtpd does. Data streams through with its back-pressure;
 * once a message can't be accepted any more the hand-over is given up and the rest is read and
 * dropped. "250" only follows the queue's word that the message is safe. A message that somebody
 * wants to look into is kept instead, and the queue opened when nothing speaks against it
 * (content.ts).
 */
import type { ExaminedDelivery, ExaminedOutcome } from "../content/mod.ts";
import type { EndReason } from "../net/types.ts";
import { addedFields, publicReason, receivedLine } from "../queue/incoming.ts";
import { judgeBytes, judgeHops } from "../policy/limits.ts";
import type { AgainstVerdict } from "../policy/types.ts";
import type { Delivery, NotQueued } from "../queue/types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { beginExamined } from "./content.ts";
import { PIECE_BYTES, startMailData, takeData } from "./data.ts";
import { protocolWord } from "./received.ts";
import { sayAgainst, softened, takeLimit } from "./judging.ts";
import { REPLIES, type Reply, replyOf, withText } from "./replies.ts";
import { messageEnvironment, spfTold } from "./spf_told.ts";
import { endSession, type Incoming, say, type Session } from "./state.ts";
import type { Transaction } from "./transaction.ts";
import { bytesOf } from "./text.ts";

/**
 * Where a piece of decoded data stands until the queue has taken it. One for all: `write` keeps
 * what it needs.
 */
const piece = new Uint8Array(PIECE_BYTES + 8);

/** Answers DATA. */
export function beginData(session: Session, transaction: Transaction): void | Promise<void> {
  const { sender, recipients } = transaction;
  const { deps, peer } = session;
  if (deps.content !== undefined) {
    const top = () => received(session, transaction);
    const examined = beginExamined(session, transaction, deps.content, top);
    if (examined !== null) return goAheadExamined(session, transaction, examined);
  }
  session.transaction = null;
  const opened = deps.queue.open(
    peer.session,
    { sender, recipients },
    () => messageEnvironment(session, transaction),
  );
  if (opened instanceof Promise) {
    return opened.then((delivery) => goAhead(session, transaction, delivery));
  }
  return goAhead(session, transaction, opened);
}

function goAhead(
  session: Session,
  transaction: Transaction,
  delivery: Delivery,
): void | Promise<void> {
  if (session.isOver) return delivery.abort();
  session.incoming = {
    transaction,
    data: startMailData(session.tolerantLf),
    delivery,
    refusal: null,
  };
  say(session, REPLIES.go_ahead);
  return delivery.write(bytesOf(received(session, transaction)));
}

/** 354 to a message that is not for the queue yet, or not at all. */
export function goAheadExamined(
  session: Session,
  transaction: Transaction,
  delivery: ExaminedDelivery,
): void {
  session.transaction = null;
  const data = startMailData(session.tolerantLf);
  session.incoming = { transaction, data, delivery, refusal: null };
  say(session, REPLIES.go_ahead);
}

function received(session: Session, transaction: Transaction): string {
  const { peer, helo, extended, login, tls, deps } = session;
  const { utf8, sender } = transaction;
  const protocol = protocolWord({ extended, utf8, authenticated: login !== null, tls });
  const spf = spfTold(session, sender)?.field ?? "";
  const added = addedFields(
    transaction.env["HEADER_ADD"] === undefined ? peer.env : transaction.env,
  );
  return spf + receivedLine(peer, { helo, protocol, tls }, deps.clock()) + added;
}

/** Takes mail data from `chunk`; `incoming.data.next` says how far. */
export function takeMailData(
  session: Session,
  incoming: Incoming,
  chunk: Uint8Array,
  from: number,
): void | Promise<void> {
  const { data } = incoming;
  const linesBefore = data.lines;
  const filled = takeData(data, chunk, from, piece);
  const given = checkLimits(session, incoming);
  if (given !== undefined) return given.then(() => finishIfEnded(session, incoming));
  if (incoming.delivery !== null && filled > 0) {
    const written = incoming.delivery.write(
      piece.subarray(0, filled),
      data.lines - linesBefore,
    );
    if (written !== undefined) return written.then(() => finishIfEnded(session, incoming));
  }
  return finishIfEnded(session, incoming);
}

/** Gives the hand-over up when a limit is passed; the promise of an abort, if it takes time. */
function checkLimits(session: Session, incoming: Incoming): Promise<void> | undefined {
  if (incoming.refusal !== null) return undefined;
  const { hops, bytes } = incoming.data;
  const { limits } = incoming.transaction;
  const tooManyHops = judgeHops(hops, limits);
  if (tooManyHops !== null) return passLimit(session, incoming, "data_header", tooManyHops);
  const tooBig = judgeBytes(bytes, limits);
  if (tooBig !== null) return passLimit(session, incoming, "data_end", tooBig);
  return undefined;
}

function passLimit(
  session: Session,
  incoming: Incoming,
  stage: "data_header" | "data_end",
  verdict: AgainstVerdict,
): Promise<void> | undefined {
  return giveUp(incoming, replyOf(takeLimit(session, stage, verdict).reply));
}

function giveUp(incoming: Incoming, refusal: Reply): Promise<void> | undefined {
  incoming.refusal = refusal;
  const { delivery } = incoming;
  incoming.delivery = null;
  return delivery?.abort() ?? undefined;
}

function finishIfEnded(session: Session, incoming: Incoming): void | Promise<void> {
  if (session.isOver) return;
  switch (incoming.data.end) {
    case "open":
      return;
    case "bare_lf":
      return refuseBareLf(session, incoming);
    case "complete":
      return finish(session, incoming);
  }
}

/**
 * RFC 5321, section 2.3.8: a message whose line ends two servers might read differently goes no
 * further.
 */
function refuseBareLf(session: Session, incoming: Incoming): void | Promise<void> {
  session.incoming = null;
  const aborted = giveUp(incoming, REPLIES.bare_lf);
  traceRefusal(session, incoming, REPLIES.bare_lf.id, REPLIES.bare_lf.text);
  endSession(session, REPLIES.bare_lf, REPLIES.bare_lf.id);
  return aborted;
}

function finish(session: Session, incoming: Incoming): void | Promise<void> {
  const { delivery, refusal } = incoming;
  session.messages++;
  session.incoming = null;
  traceDialogue(session, incoming);
  if (refusal !== null || delivery === null) {
    const reply = refusal ?? REPLIES.queue_deferred;
    traceRefusal(session, incoming, reply.id, reply.text);
    return say(session, reply);
  }
  session.commit = delivery.commit().then((outcome) => {
    session.commit = null;
    answerOutcome(session, incoming, outcome);
  });
  return session.commit;
}

function answerOutcome(session: Session, incoming: Incoming, outcome: ExaminedOutcome): void {
  switch (outcome.kind) {
    case "queued": {
      const seconds = Math.floor(session.deps.clock() / 1000);
      session.accepted++;
      traceAccepted(session, incoming, outcome.id);
      return say(session, withText(REPLIES.accepted, `ok ${seconds} ${outcome.id}`));
    }
    case "deferred":
      return sayNotQueued(session, incoming, REPLIES.queue_deferred, outcome);
    case "refused":
      return sayNotQueued(session, incoming, softened(session, REPLIES.queue_refused), outcome);
    case "against": {
      const { reply, rule, reason } = outcome.verdict;
      traceRefusal(session, incoming, reply.id, `${rule}: ${reason}`);
      return sayAgainst(session, outcome.verdict);
    }
  }
}

/** The trace has the queue's reason, whatever the client may hear of it. */
function sayNotQueued(
  session: Session,
  incoming: Incoming,
  general: Reply,
  outcome: NotQueued,
): void {
  traceRefusal(session, incoming, general.id, outcome.reason);
  const text = publicReason(outcome, general.text, session.peer.session);
  say(session, withText(general, text, outcome.code));
}

/** The client is gone, or too slow: the message will never be complete. */
export function abandonData(session: Session, why: EndReason): void | Promise<void> {
  const { incoming } = session;
  if (incoming === null) return;
  session.incoming = null;
  traceRefusal(session, incoming, why, "data was not complete");
  return giveUp(incoming, REPLIES.queue_deferred);
}

/** The dialogue has the mail data's place, not its bytes. */
function traceDialogue(session: Session, incoming: Incoming): void {
  const { tracer } = session.deps;
  if (tracer.level < 4) return;
  const line = `(mail data, ${incoming.data.bytes} bytes)`;
  tracer.emit(session.peer.session, SMTP_EVENTS.fromClient, { line });
}

function traceAccepted(session: Session, incoming: Incoming, id: string): void {
  const { tracer } = session.deps;
  if (tracer.level < 1) return;
  const { transaction, data } = incoming;
  tracer.emit(session.peer.session, SMTP_EVENTS.accepted, {
    id,
    sender: transaction.sender,
    recipients: transaction.recipients.length,
    bytes: data.bytes,
  });
}

function traceRefusal(session: Session, incoming: Incoming, reply: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level < 1) return;
  tracer.emit(session.peer.session, SMTP_EVENTS.notAccepted, {
    reply,
    sender: incoming.transaction.sender,
    bytes: incoming.data.bytes,
    reason,
  });
}
