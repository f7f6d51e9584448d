/**
 * May this recipient be had? (RFC 5321, section 4.1.1.3; the order of the questions is
 * qmail-smtpd's.)
 *
 * badmailfrom, then relay client or rcpthosts, then - where qmail-smtpd would say yes to anything -
 * the look-up. An answer that is known at once is given at once; only a look-up that must wait
 * suspends the session.
 *
 * DIFFERS: a missing rcpthosts makes qmail-smtpd an open relay. Here it means: what the look-up
 * calls local or virtual, and nothing else.
 */
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { answerOf, type LookupResult } from "../validate/types.ts";
import { splitAddress } from "./path.ts";
import { REPLIES, type Reply } from "./replies.ts";
import {
  endByLimit,
  endSession,
  refuse,
  relayClientOf,
  say,
  type Session,
  type Transaction,
} from "./state.ts";

/** Judges a recipient whose syntax is right and answers RCPT. */
export function judgeRecipient(
  session: Session,
  transaction: Transaction,
  address: string,
): void | Promise<void> {
  const { config } = session;
  traceRecipient(session, address);
  // DIFFERS: qmail-smtpd takes any number of recipients; one message must not cost without bounds
  // (RFC 5321, 4.5.3.1.10).
  if (transaction.recipients.length >= config.maxRecipients) {
    return say(session, REPLIES.too_many_recipients);
  }
  if (transaction.hasBadSender) return refuseSender(session, transaction, address);
  const relayClient = relayClientOf(session);
  if (relayClient !== null) {
    const recipient = address + relayClient;
    if (!config.validate) return accept(session, transaction, recipient);
    return lookUp(session, transaction, recipient, false);
  }
  switch (session.deps.lookup.rcptHosts(address)) {
    case "refused":
      return refuseRelay(session, transaction, address);
    case "undecided":
      // As qmail-smtpd: a site whose rcpthosts can't be read serves nobody.
      return endSession(session, REPLIES.site_unusable, "rcpthosts");
    case "missing":
      return lookUp(session, transaction, address, true);
    case "allowed":
      if (!config.validate) return accept(session, transaction, address);
      return lookUp(session, transaction, address, false);
  }
}

/** Asks the look-up; `mustBeOurs`: remote addresses are relay attempts. */
function lookUp(
  session: Session,
  transaction: Transaction,
  address: string,
  mustBeOurs: boolean,
): void | Promise<void> {
  // DIFFERS: qmail-smtpd takes "RCPT TO:<>", and the message is delivered to nobody without a word.
  if (address === "" && session.config.validate) {
    return refuse(session, REPLIES.bad_recipient_syntax);
  }
  const result = session.deps.lookup.lookup(address, session.deps.tracer.level >= 3);
  if (result instanceof Promise) {
    return result.then((late) => conclude(session, transaction, address, late, mustBeOurs));
  }
  return conclude(session, transaction, address, result, mustBeOurs);
}

function conclude(
  session: Session,
  transaction: Transaction,
  address: string,
  result: LookupResult,
  mustBeOurs: boolean,
): void | Promise<void> {
  if (session.isOver) return;
  traceSteps(session, result);
  if (mustBeOurs && result.route === "remote") {
    return refuseRelay(session, transaction, address);
  }
  if (mustBeOurs && result.route === "error") return refuseUndecided(session, result);
  if (!session.config.validate) return accept(session, transaction, address);
  switch (answerOf(result)) {
    case "deliverable":
      return accept(session, transaction, address);
    case "undeliverable":
      return refuseUnknown(session, transaction, address);
    case "undecided":
      return refuseUndecided(session, result);
  }
}

/** Nothing speaks against the recipient; can the queue do its part? */
function accept(
  session: Session,
  transaction: Transaction,
  address: string,
): void | Promise<void> {
  const trouble = session.deps.deliverability?.(address) ?? null;
  if (trouble instanceof Promise) {
    return trouble.then((late) => acceptUnless(session, transaction, address, late));
  }
  acceptUnless(session, transaction, address, trouble);
}

function acceptUnless(
  session: Session,
  transaction: Transaction,
  address: string,
  trouble: string | null,
): void {
  if (session.isOver) return;
  if (trouble !== null) return deferRecipient(session, address, trouble);
  transaction.recipients.push(address);
  session.recipients++;
  say(session, REPLIES.recipient_ok);
}

/** The site's trouble, not the client's: he shall try again. */
function deferRecipient(session: Session, address: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { ...splitAddress(address), reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptNoDelivery, fields);
  }
  say(session, REPLIES.no_delivery);
}

function refuseSender(session: Session, transaction: Transaction, recipient: string): void {
  say(session, REPLIES.bad_sender);
  const { tracer } = session.deps;
  if (tracer.level < 2) return;
  const fields = { recipient, sender: transaction.sender, ip: session.peer.remoteIp };
  tracer.emit(session.peer.session, SMTP_EVENTS.rcptBadSender, fields);
}

function refuseRelay(session: Session, transaction: Transaction, recipient: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { recipient, sender: transaction.sender, ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptRelay, fields);
  }
  say(session, REPLIES.relay_refused);
  if (++session.relayAttempts > session.config.maxRelayAttempts) {
    endByLimit(session, REPLIES.relay_limit);
  }
}

/**
 * An unknown recipient: the session ends, or at least counts it. A relay client's users only
 * mistype: refused.
 */
function refuseUnknown(session: Session, transaction: Transaction, address: string): void {
  const { config } = session;
  session.unknownRecipients++;
  const isTrusted = relayClientOf(session) !== null;
  const terminates = config.onInvalidRcpt === "terminate" && !isTrusted;
  traceUnknown(session, transaction, address, terminates);
  say(session, REPLIES.unknown_recipient);
  if (terminates) return endSession(session, REPLIES.session_closed, REPLIES.session_closed.id);
  const most = config.maxUnknownRecipients;
  if (!isTrusted && most > 0 && session.unknownRecipients > most) {
    endByLimit(session, REPLIES.unknown_limit);
  }
}

function refuseUndecided(session: Session, result: LookupResult): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { ...splitAddress(result.address), reason: result.reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptUndecided, fields);
  }
  const answers: Readonly<Record<"defer" | "reject", Reply>> = {
    defer: REPLIES.undecided,
    reject: REPLIES.undecided_refused,
  };
  say(session, answers[session.config.onUndecided]);
}

function traceRecipient(session: Session, address: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    tracer.emit(session.peer.session, SMTP_EVENTS.rcpt, splitAddress(address));
  }
}

function traceUnknown(
  session: Session,
  transaction: Transaction,
  address: string,
  terminates: boolean,
): void {
  const { tracer } = session.deps;
  if (tracer.level < 2) return;
  const number = session.peer.session;
  const fields = { ...splitAddress(address), ip: session.peer.remoteIp };
  if (!terminates) return tracer.emit(number, SMTP_EVENTS.rcptUnknown, fields);
  tracer.emit(number, SMTP_EVENTS.rcptInvalid, fields);
  for (const recipient of transaction.recipients) {
    tracer.emit(number, SMTP_EVENTS.rcptLost, { recipient, sender: transaction.sender });
  }
}

/** The steps are only put into words when somebody reads them. */
function traceSteps(session: Session, result: LookupResult): void {
  const { tracer } = session.deps;
  if (tracer.level < 3) return;
  for (const { step, file, key, found } of result.steps ?? []) {
    tracer.emit(session.peer.session, SMTP_EVENTS.lookupStep, { step, file, key, found });
  }
  const { verdict, route, reason } = result;
  tracer.emit(session.peer.session, SMTP_EVENTS.lookupResult, { verdict, route, reason });
}
