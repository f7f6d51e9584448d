/**
 * One recipient after the other: judged by validate/judge.ts, answered (QMTP) or weighed for the answer to all (QMQP).
 *
 * QMTP answers each recipient for itself. QMQP has one answer: a recipient that is refused for good refuses the whole
 * message, one that can't be decided now defers it; after the first refusal nobody is looked up any more.
 */
import { judgeRecipient, type RecipientVerdict, splitAddress } from "../validate/judge.ts";
import { aboutRecipient, REPLIES, type Reply } from "./replies.ts";
import type { Session } from "./state.ts";
import { traceLookup, wantsSteps } from "../validate/steps.ts";

/** An address of this many bytes or more is refused, RELAYCLIENT included (qmail-qmtpd's limit). */
export const ADDRESS_BYTES = 1000;

/** Takes the recipient that is complete in `pack.address`. */
export function takeRecipient(session: Session): void | Promise<void> {
  const { pack, config, deps } = session;
  const { settings, relayClient } = config;
  const isQmtp = session.reading.grammar === "qmtp";
  const most = isQmtp ? settings.max_recipients : settings.qmqp_max_recipients;
  pack.named++;
  if (pack.named > most) return refuseExcess(session, isQmtp);
  // Nothing changes any more: the message is refused for good.
  if (pack.worst?.letter === "D") return;
  const { address } = pack;
  if (address === null || address.includes("\0")) return answer(session, REPLIES.bad_recipient, "");
  traceRecipient(session, address);
  const verdict = judgeRecipient({
    lookup: deps.lookup,
    address,
    relayClient,
    validate: settings.validate,
    explain: wantsSteps(deps.tracer),
  });
  if (verdict instanceof Promise) return verdict.then((late) => conclude(session, late));
  return conclude(session, verdict);
}

/** DIFFERS: qmail takes any number; one message must not cost without bounds (RFC 5321, 4.5.3.1.10). */
function refuseExcess(session: Session, isQmtp: boolean): void {
  if (isQmtp) session.pack.excess++;
  else session.pack.worst ??= REPLIES.too_many_recipients;
}

function conclude(session: Session, verdict: RecipientVerdict): void | Promise<void> {
  const { recipient } = verdict;
  if (verdict.result !== null) {
    traceLookup(session.deps.tracer, session.peer.session, verdict.result);
  }
  switch (verdict.kind) {
    case "accepted":
      return accept(session, recipient);
    case "invalid":
      return refuseUnknown(session, recipient);
    case "no_address":
      return answer(session, REPLIES.bad_recipient, recipient);
    case "relay_refused":
      return refuseRelay(session, recipient);
    case "undecided":
      return refuseUndecided(session, recipient, verdict.reason);
    case "unusable":
      traceUndecided(session, recipient, "control/rcpthosts or morercpthosts.cdb can't be read");
      return answer(session, REPLIES.undecided, recipient);
  }
}

/** Nothing speaks against the recipient; can the queue do its part? */
function accept(session: Session, recipient: string): void | Promise<void> {
  const trouble = session.deps.queue.canDeliver?.(recipient) ?? null;
  if (trouble instanceof Promise) {
    return trouble.then((late) => acceptUnless(session, recipient, late));
  }
  acceptUnless(session, recipient, trouble);
}

function acceptUnless(session: Session, recipient: string, trouble: string | null): void {
  const { pack, deps } = session;
  if (trouble !== null) {
    if (deps.tracer.level >= 2) {
      const fields = { ...splitAddress(recipient), reason: trouble };
      deps.tracer.emit(session.peer.session, session.events.rcptNoDelivery, fields);
    }
    return answer(session, REPLIES.no_delivery, recipient);
  }
  session.recipients++;
  pack.recipients.push(recipient);
  if (session.reading.grammar === "qmtp") pack.answers.push(null);
}

/** Keeps the answer to a recipient that is not accepted. */
function answer(session: Session, reply: Reply, recipient: string): void {
  const { pack } = session;
  if (session.reading.grammar === "qmtp") pack.answers.push(reply);
  else if (pack.worst === null || reply.letter === "D") {
    pack.worst = recipient === "" ? reply : aboutRecipient(reply, recipient);
  }
}

/** A guesser's session ends once the package is answered. A relay client's users only mistype. */
function refuseUnknown(session: Session, recipient: string): void {
  const { settings, relayClient } = session.config;
  session.unknownRecipients++;
  const isStranger = relayClient === null;
  const terminates = settings.on_invalid_rcpt === "terminate" && isStranger;
  const most = settings.max_unknown_recipients;
  if (terminates) session.ending = "invalid_rcpt";
  else if (isStranger && most > 0 && session.unknownRecipients > most) {
    session.ending ??= "unknown_limit";
  }
  traceUnknown(session, recipient, terminates);
  answer(session, REPLIES.unknown_recipient, recipient);
}

function refuseRelay(session: Session, recipient: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { recipient, sender: session.pack.sender ?? "", ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, session.events.rcptRelay, fields);
  }
  if (++session.relayAttempts > session.config.settings.max_relay_attempts) {
    session.ending ??= "relay_limit";
  }
  answer(session, REPLIES.relay_refused, recipient);
}

function refuseUndecided(session: Session, recipient: string, reason: string): void {
  traceUndecided(session, recipient, reason);
  const refuses = session.config.settings.on_undecided === "reject";
  answer(session, refuses ? REPLIES.undecided_refused : REPLIES.undecided, recipient);
}

function traceRecipient(session: Session, address: string): void {
  const { tracer } = session.deps;
  if (tracer.level < 2) return;
  tracer.emit(session.peer.session, session.events.rcpt, splitAddress(address));
}

function traceUnknown(session: Session, recipient: string, terminates: boolean): void {
  const { tracer } = session.deps;
  if (tracer.level < 2) return;
  const { rcptInvalid, rcptUnknown } = session.events;
  const fields = { ...splitAddress(recipient), ip: session.peer.remoteIp };
  tracer.emit(session.peer.session, terminates ? rcptInvalid : rcptUnknown, fields);
}

function traceUndecided(session: Session, recipient: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level < 2) return;
  const fields = { ...splitAddress(recipient), reason };
  tracer.emit(session.peer.session, session.events.rcptUndecided, fields);
}
