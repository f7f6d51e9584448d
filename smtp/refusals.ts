/**
 * Recipients that are not had: unknown, not ours, not decidable, not deliverable now - the answer,
 * the count, the trace, what the memory is told, and when it ends the session.
 */
import { domainOf } from "../policy/addresses.ts";
import type { RecipientOutcome } from "../policy/state_types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { splitAddress } from "../validate/judge.ts";
import { softened } from "./judging.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { clientOf, endByLimit, endSession, relayClientOf, say, type Session } from "./state.ts";
import type { Transaction } from "./transaction.ts";

/** Tells the memory what became of a recipient. */
export function note(session: Session, transaction: Transaction, outcome: RecipientOutcome): void {
  const { rates, guesses } = session.policy.watches;
  if (!rates && !guesses && outcome !== "decoy") return;
  const client = clientOf(session);
  const { ip, network } = client;
  const domain = domainOf(transaction.sender);
  session.deps.policy?.state.noteRecipient(ip, network, domain, outcome, client);
}

/** The site's trouble, not the client's: he shall try again. */
export function deferRecipient(session: Session, address: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { ...splitAddress(address), reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptNoDelivery, fields);
  }
  say(session, REPLIES.no_delivery);
}

/** A relay attempt; so many end the session. */
export function refuseRelay(session: Session, transaction: Transaction, recipient: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { recipient, sender: transaction.sender, ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptRelay, fields);
  }
  transaction.refusedRelay++;
  say(session, softened(session, REPLIES.relay_refused));
  const isSpared = session.policy.isForwarder(session.peer.remoteIp);
  if (++session.relayAttempts > session.config.maxRelayAttempts && !isSpared) {
    endByLimit(session, REPLIES.relay_limit);
  }
}

/**
 * An unknown recipient: the session ends, or at least counts it. A relay client's users only
 * mistype, and a forwarder passes on what others sent: refused, and the session goes on. Where
 * refusals are soft, the first one ends no session either.
 */
export function refuseUnknown(
  session: Session,
  transaction: Transaction,
  address: string,
): void | Promise<void> {
  const { config, policy, peer } = session;
  session.unknownRecipients++;
  transaction.refusedInvalid++;
  const isSpared = relayClientOf(session) !== null || policy.isForwarder(peer.remoteIp);
  const terminates = config.onInvalidRcpt === "terminate" && !isSpared &&
    !policy.policy.softReject;
  traceUnknown(session, transaction, address, terminates);
  note(session, transaction, "invalid");
  const wait = policy.tarpit.stepSeconds === 0 || isSpared ? undefined : holdBack(session);
  if (wait !== undefined) return wait.then(() => sayUnknown(session, terminates, isSpared));
  sayUnknown(session, terminates, isSpared);
}

/** The tarpit: waits before the answer; undefined: there is nothing to wait for. */
function holdBack({ deps, unknownRecipients }: Session): Promise<void> | undefined {
  const { policy, pause } = deps;
  if (policy === undefined || pause === undefined) return undefined;
  const seconds = policy.state.tarpit(unknownRecipients);
  return seconds === 0 ? undefined : pause(seconds).finally(() => policy.state.tarpitDone());
}

function sayUnknown(session: Session, terminates: boolean, isSpared: boolean): void {
  say(session, softened(session, REPLIES.unknown_recipient));
  if (terminates) return endSession(session, REPLIES.session_closed, REPLIES.session_closed.id);
  const most = session.config.maxUnknownRecipients;
  if (!isSpared && most > 0 && session.unknownRecipients > most) {
    endByLimit(session, REPLIES.unknown_limit);
  }
}

/** Nobody can say now whether there is such a recipient. */
export function refuseUndecided(session: Session, recipient: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { ...splitAddress(recipient), reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.rcptUndecided, fields);
  }
  const answers: Readonly<Record<"defer" | "reject", Reply>> = {
    defer: REPLIES.undecided,
    reject: REPLIES.undecided_refused,
  };
  say(session, softened(session, answers[session.config.onUndecided]));
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
  const { user, domain } = splitAddress(address);
  const fields = { user, domain, ip: session.peer.remoteIp };
  if (!terminates) return tracer.emit(number, SMTP_EVENTS.rcptUnknown, fields);
  tracer.emit(number, SMTP_EVENTS.rcptInvalid, fields);
  for (const recipient of transaction.recipients) {
    tracer.emit(number, SMTP_EVENTS.rcptLost, { recipient, sender: transaction.sender });
  }
}
