/**
 * RCPT, once its syntax is right (RFC 5321, section 4.1.1.3): asks whether the recipient can be had and is wanted,
 * answers and counts.
 *
 * Mirrors qmail-smtpd's order: what lists say (badmailfrom and the other checks of stage rcpt), then relay client or
 * rcpthosts, then - where qmail-smtpd would say yes to anything - the look-up (validate/judge.ts); for recipients that
 * exist, the checks that cost more (stage rcpt_valid). An answer that is known at once is given at once; only what must
 * wait suspends the session.
 */
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { judgeRecipient, type RecipientVerdict, splitAddress } from "../validate/judge.ts";
import { judgeRecipients } from "../policy/limits.ts";
import type { Judgement } from "../policy/mod.ts";
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import { sayOrCapture } from "./capture.ts";
import { rcptFacts, rcptValidFacts } from "./facts.ts";
import { relayApart } from "../policy/mailrules.ts";
import { applyEffects, isAsked, judgeStage, sayAgainst, takeLimit } from "./judging.ts";
import { deferRecipient, note, refuseRelay, refuseUndecided, refuseUnknown } from "./refusals.ts";
import { REPLIES, withText } from "./replies.ts";
import { endSession, refuse, relayClientOf, say, type Session } from "./state.ts";
import type { Transaction } from "./transaction.ts";
import { traceLookup, wantsSteps } from "../validate/steps.ts";

/** What mail rules said of the recipient in hand. */
interface Said {
  /** Of the 250 instead of ours; "" for ours. */
  readonly text: string;
  /** Appended to the recipient. */
  readonly suffix: string;
}

const NOTHING_SAID: Said = { text: "", suffix: "" };

/** Judges a recipient whose syntax is right and answers RCPT. */
export function takeRecipient(
  session: Session,
  transaction: Transaction,
  address: string,
): void | Promise<void> {
  traceRecipient(session, address);
  transaction.offered++;
  // DIFFERS: qmail-smtpd takes any number of recipients; one message must not cost without bounds
  // (RFC 5321, 4.5.3.1.10).
  const { recipients, decoys, capture, limits } = transaction;
  const captured = capture === null ? 0 : capture.recipients.length;
  const over = judgeRecipients(recipients.length + decoys + captured, limits);
  if (over !== null) return sayAgainst(session, takeLimit(session, "rcpt", over));
  if (!isAsked(session, "rcpt")) return lookUp(session, transaction, address, NOTHING_SAID);
  const effects = session.policy.mailRules?.recipient(transaction.sender, address);
  if (effects !== undefined) {
    const { relay, rest } = relayApart(effects);
    transaction.recipientRelay = relay;
    applyEffects(session, transaction, rest);
  }
  const suffix = effects?.relayClient ?? "";
  const judged = judgeStage(session, "rcpt", rcptFacts(session, transaction, address));
  if (judged instanceof Promise) {
    return judged.then((late) => concludeRcpt(session, transaction, address, suffix, late));
  }
  return concludeRcpt(session, transaction, address, suffix, judged);
}

/** What policy says before anybody is looked up. */
function concludeRcpt(
  session: Session,
  transaction: Transaction,
  address: string,
  suffix: string,
  { verdict, check }: Judgement,
): void | Promise<void> {
  if (session.isOver) return;
  switch (verdict.kind) {
    case "none":
      return lookUp(session, transaction, address, { text: "", suffix });
    case "accept":
      if (check === "decoy") return takeDecoy(session, transaction, address);
      if (!verdict.final) {
        return lookUp(session, transaction, address, { text: verdict.text, suffix });
      }
      return accept(session, transaction, address + suffix, verdict.text);
    case "defer":
    case "refuse":
      if (check === "badrcptto") transaction.refusedBad++;
      return sayOrCapture(session, transaction, address, verdict, check);
  }
}

/** Looks like any other, marks who named it, and gets no mail. */
function takeDecoy(session: Session, transaction: Transaction, recipient: string): void {
  const { tracer } = session.deps;
  transaction.decoys++;
  if (tracer.level >= 1) {
    const fields = { ip: session.peer.remoteIp, recipient, sender: transaction.sender };
    tracer.emit(session.peer.session, POLICY_EVENTS.decoyHit, fields);
  }
  note(session, transaction, "decoy");
  say(session, REPLIES.recipient_ok);
}

function lookUp(
  session: Session,
  transaction: Transaction,
  address: string,
  said: Said,
): void | Promise<void> {
  const { config, deps } = session;
  const verdict = judgeRecipient({
    lookup: deps.lookup,
    address: said === NOTHING_SAID ? address : address + said.suffix,
    relayClient: relayClientOf(session),
    validate: config.validate,
    explain: wantsSteps(deps.tracer),
  });
  // On the hot path: "in" costs less than "instanceof".
  if ("kind" in verdict) return conclude(session, transaction, verdict, said.text);
  return verdict.then((late) => conclude(session, transaction, late, said.text));
}

function conclude(
  session: Session,
  transaction: Transaction,
  verdict: RecipientVerdict,
  text: string,
): void | Promise<void> {
  if (session.isOver) return;
  const { recipient, result } = verdict;
  if (result !== null) traceLookup(session.deps.tracer, session.peer.session, result);
  switch (verdict.kind) {
    case "accepted":
      return judgeValid(session, transaction, verdict, text);
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

/** qmail would deliver; does anything else speak against it? */
function judgeValid(
  session: Session,
  transaction: Transaction,
  { recipient, result }: RecipientVerdict,
  text: string,
): void | Promise<void> {
  if (!isAsked(session, "rcpt_valid")) return accept(session, transaction, recipient, text);
  const isList = transaction.sender === "" && result !== null &&
    session.deps.isListPosting?.(result) === true;
  const facts = rcptValidFacts(session, transaction, recipient, isList);
  const answer = ({ verdict, check }: Judgement): void | Promise<void> => {
    if (session.isOver) return;
    if (verdict.kind === "none" || verdict.kind === "accept") {
      return accept(session, transaction, recipient, text);
    }
    sayOrCapture(session, transaction, recipient, verdict, check);
  };
  const judged = judgeStage(session, "rcpt_valid", facts);
  return judged instanceof Promise ? judged.then(answer) : answer(judged);
}

/** Nothing speaks against the recipient; can the queue do its part? */
function accept(
  session: Session,
  transaction: Transaction,
  address: string,
  text: string,
): void | Promise<void> {
  const trouble = session.deps.deliverability?.(address) ?? null;
  if (trouble instanceof Promise) {
    return trouble.then((late) => acceptUnless(session, transaction, address, text, late));
  }
  acceptUnless(session, transaction, address, text, trouble);
}

function acceptUnless(
  session: Session,
  transaction: Transaction,
  address: string,
  text: string,
  trouble: string | null,
): void {
  if (session.isOver) return;
  if (trouble !== null) return deferRecipient(session, address, trouble);
  if (transaction.capture !== null) {
    // The others of this message are captured; it comes again for this one.
    return deferRecipient(session, address, "this message is captured");
  }
  transaction.recipients.push(address);
  if (session.policy.isAlwaysAccepted(address)) transaction.alwaysAccepted++;
  session.recipients++;
  note(session, transaction, "valid");
  say(session, text === "" ? REPLIES.recipient_ok : withText(REPLIES.recipient_ok, text));
}

function traceRecipient(session: Session, address: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 2) {
    tracer.emit(session.peer.session, SMTP_EVENTS.rcpt, splitAddress(address));
  }
}
