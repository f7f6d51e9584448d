/**
 * One recipient after the other: judged by policy and validate/judge.ts, answered (QMTP) or weighed for the answer to all (QMQP).
 *
 * QMTP answers each recipient for itself. QMQP has one answer: a recipient that is refused for good refuses the whole
 * message, one that can't be decided now defers it; after the first refusal nobody is looked up any more.
 */
import { judgeMessages } from "../policy/limits.ts";
import { relayApart } from "../policy/mailrules.ts";
import type { Judgement } from "../policy/mod.ts";
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import { judgeRecipient, type RecipientVerdict, splitAddress } from "../validate/judge.ts";
import {
  answerOf,
  applyEffects,
  clientOf,
  isAsked,
  judgeStage,
  mailFacts,
  note,
  rcptFacts,
  relayClientOf,
  softened,
  takeLimit,
} from "./judging.ts";
import { aboutRecipient, REPLIES, type Reply } from "./replies.ts";
import type { Session } from "./state.ts";
import { traceLookup, wantsSteps } from "../validate/steps.ts";

/** An address of this many bytes or more is refused, RELAYCLIENT included (qmail-qmtpd's limit). */
export const ADDRESS_BYTES = 1000;

/** The sender is known: is mail of his wanted? A verdict against refuses the whole message. */
export function takeSender(session: Session): void | Promise<void> {
  const { pack, policy, deps } = session;
  if (pack.sender === null) return;
  pack.sender = policy.qualify?.(pack.sender) ?? pack.sender;
  const over = judgeMessages(session.packages, pack.limits);
  if (over !== null) {
    pack.refusal ??= takeLimit(session, "mail", over);
    session.ending ??= "message_limit";
    return;
  }
  const effects = policy.mailRules?.sender(pack.sender);
  if (effects !== undefined) applyEffects(session, effects);
  if (policy.watches.rates) deps.policy?.state.noteMessage(clientOf(session).ip);
  if (!isAsked(session, "mail")) return;
  const take = ({ verdict }: Judgement): void => {
    if (verdict.kind === "accept") pack.isSenderFinal = verdict.final;
    if (verdict.kind === "defer" || verdict.kind === "refuse") pack.refusal ??= answerOf(verdict);
  };
  const judged = judgeStage(session, "mail", mailFacts(session));
  if (judged instanceof Promise) return judged.then(take);
  take(judged);
}

/** Takes the recipient that is complete in `pack.address`. */
export function takeRecipient(session: Session): void | Promise<void> {
  const { pack } = session;
  const isQmtp = session.reading.grammar === "qmtp";
  pack.named++;
  if (pack.named > pack.limits.maxRecipients) return refuseExcess(session, isQmtp);
  // Nothing changes any more: the message is refused for good.
  if (pack.worst?.letter === "D") return;
  if (pack.address === null || pack.address.includes("\0")) {
    return answer(session, REPLIES.bad_recipient, "");
  }
  const address = session.policy.qualify?.(pack.address) ?? pack.address;
  traceRecipient(session, address);
  if (!isAsked(session, "rcpt")) return lookUp(session, address);
  const effects = session.policy.mailRules?.recipient(pack.sender ?? "", address);
  if (effects !== undefined) {
    const { relay, rest } = relayApart(effects);
    pack.recipientRelay = relay;
    applyEffects(session, rest);
  }
  const wanted = address + (effects?.relayClient ?? "");
  const judged = judgeStage(session, "rcpt", rcptFacts(session, address));
  if (judged instanceof Promise) {
    return judged.then((late) => concludeRcpt(session, address, wanted, late));
  }
  return concludeRcpt(session, address, wanted, judged);
}

/** What policy says before anybody is looked up. `wanted`: with what a mail rule appends. */
function concludeRcpt(
  session: Session,
  address: string,
  wanted: string,
  { verdict, check }: Judgement,
): void | Promise<void> {
  switch (verdict.kind) {
    case "none":
      return lookUp(session, wanted);
    case "accept":
      if (check === "decoy") return takeDecoy(session, address);
      return verdict.final ? accept(session, wanted) : lookUp(session, wanted);
    case "defer":
    case "refuse":
      if (check === "badrcptto") session.pack.refusedBad++;
      return answer(session, answerOf(verdict), address);
  }
}

/** Looks like any other, marks who named it, and gets no mail. */
function takeDecoy(session: Session, recipient: string): void {
  const { pack, deps, peer } = session;
  pack.decoys++;
  if (deps.tracer.level >= 1) {
    const fields = { ip: peer.remoteIp, recipient, sender: pack.sender ?? "" };
    deps.tracer.emit(peer.session, POLICY_EVENTS.decoyHit, fields);
  }
  note(session, "decoy");
  if (session.reading.grammar === "qmtp") pack.answers.push(null);
}

function lookUp(session: Session, address: string): void | Promise<void> {
  const { config, deps } = session;
  const verdict = judgeRecipient({
    lookup: deps.lookup,
    address,
    relayClient: relayClientOf(session),
    validate: config.settings.validate,
    explain: wantsSteps(deps.tracer),
  });
  if (verdict instanceof Promise) return verdict.then((late) => conclude(session, late));
  return conclude(session, verdict);
}

/** qmail would deliver; does anything else speak against it? */
function judgeValid(
  session: Session,
  { recipient, result }: RecipientVerdict,
): void | Promise<void> {
  if (!isAsked(session, "rcpt_valid")) return accept(session, recipient);
  const isListPosting = session.pack.sender === "" && result !== null &&
    session.deps.isListPosting?.(result) === true;
  const facts = { ...rcptFacts(session, recipient), isListPosting };
  const take = ({ verdict }: Judgement): void | Promise<void> => {
    if (verdict.kind === "none" || verdict.kind === "accept") return accept(session, recipient);
    answer(session, answerOf(verdict), recipient);
  };
  const judged = judgeStage(session, "rcpt_valid", facts);
  return judged instanceof Promise ? judged.then(take) : take(judged);
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
      return judgeValid(session, verdict);
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
  if (session.policy.isAlwaysAccepted(recipient)) pack.alwaysAccepted++;
  note(session, "valid");
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

/**
 * A guesser's session ends once the package is answered. A relay client's users only mistype, and a
 * forwarder passes on what others sent.
 */
function refuseUnknown(session: Session, recipient: string): void {
  const { config: { settings }, policy, peer } = session;
  session.unknownRecipients++;
  session.pack.refusedInvalid++;
  note(session, "invalid");
  const isStranger = relayClientOf(session) === null && !policy.isForwarder(peer.remoteIp);
  const isHard = settings.on_invalid_rcpt === "terminate" && !policy.policy.softReject;
  const terminates = isHard && isStranger;
  const most = settings.max_unknown_recipients;
  if (terminates) session.ending = "invalid_rcpt";
  else if (isStranger && most > 0 && session.unknownRecipients > most) {
    session.ending ??= "unknown_limit";
  }
  traceUnknown(session, recipient, terminates);
  answer(session, softened(session, REPLIES.unknown_recipient), recipient);
}

function refuseRelay(session: Session, recipient: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    const fields = { recipient, sender: session.pack.sender ?? "", ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, session.events.rcptRelay, fields);
  }
  const isSpared = session.policy.isForwarder(session.peer.remoteIp);
  if (++session.relayAttempts > session.config.settings.max_relay_attempts && !isSpared) {
    session.ending ??= "relay_limit";
  }
  session.pack.refusedRelay++;
  answer(session, softened(session, REPLIES.relay_refused), recipient);
}

function refuseUndecided(session: Session, recipient: string, reason: string): void {
  traceUndecided(session, recipient, reason);
  const refuses = session.config.settings.on_undecided === "reject";
  const reply = refuses ? REPLIES.undecided_refused : REPLIES.undecided;
  answer(session, softened(session, reply), recipient);
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
