/**
 * RCPT, once its syntax is right (RFC 5321, section 4.1.1.3): asks whether the recipient can be had, answers and counts.
 *
 * Mirrors qmail-smtpd's order: badmailfrom, then relay client or rcpthosts, then - where qmail-smtpd would say yes to
 * anything - the look-up; all but the first are validate/judge.ts. An answer that is known at once is given at once; only
 * a look-up that must wait suspends the session.
 */
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { judgeRecipient, type RecipientVerdict, splitAddress } from "../validate/judge.ts";
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
import { traceLookup, wantsSteps } from "../validate/steps.ts";

/** Judges a recipient whose syntax is right and answers RCPT. */
export function takeRecipient(
  session: Session,
  transaction: Transaction,
  address: string,
): void | Promise<void> {
  const { config, deps } = session;
  traceRecipient(session, address);
  // DIFFERS: qmail-smtpd takes any number of recipients; one message must not cost without bounds
  // (RFC 5321, 4.5.3.1.10).
  if (transaction.recipients.length >= config.maxRecipients) {
    return say(session, REPLIES.too_many_recipients);
  }
  if (transaction.hasBadSender) return refuseSender(session, transaction, address);
  const verdict = judgeRecipient({
    lookup: deps.lookup,
    address,
    relayClient: relayClientOf(session),
    validate: config.validate,
    explain: wantsSteps(deps.tracer),
  });
  // On the hot path: "in" costs less than "instanceof".
  if ("kind" in verdict) return conclude(session, transaction, verdict);
  return verdict.then((late) => conclude(session, transaction, late));
}

function conclude(
  session: Session,
  transaction: Transaction,
  verdict: RecipientVerdict,
): void | Promise<void> {
  if (session.isOver) return;
  const { recipient, result } = verdict;
  if (result !== null) traceLookup(session.deps.tracer, session.peer.session, result);
  switch (verdict.kind) {
    case "accepted":
      return accept(session, transaction, recipient);
    case "invalid":
      return refuseUnknown(session, transaction, recipient);
    case "no_address":
      return refuse(session, REPLIES.bad_recipient_syntax);
    case "relay_refused":
      return refuseRelay(session, transaction, recipient);
    case "undecided":
      return refuseUndecided(session, recipient, verdict.reason);
    case "unusable":
      // As qmail-smtpd: a site whose rcpthosts can't be read serves nobody.
      return endSession(session, REPLIES.site_unusable, "rcpthosts");
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

function refuseUndecided(session: Session, recipient: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { ...splitAddress(recipient), reason };
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
