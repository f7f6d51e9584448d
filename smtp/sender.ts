/**
 * MAIL and DATA, once their syntax and their turn are right: limits of the message, mail rules,
 * checks; then the transaction begins, or the data comes.
 *
 * A sender in badmailfrom is not refused here but at RCPT, as qmail-smtpd does.
 */
import { judgeBytes, judgeMessages, judgeOffered } from "../policy/limits.ts";
import type { Judgement } from "../policy/mod.ts";
import { against, POLICY_REPLIES } from "../policy/replies.ts";
import type { AgainstVerdict } from "../policy/types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { beginCaptured } from "./capture.ts";
import { dataFacts, mailFacts } from "./facts.ts";
import { applyEffects, isAsked, judgeStage, sayAgainst, takeLimit } from "./judging.ts";
import { REPLIES, withText } from "./replies.ts";
import { clientOf, say, type Session } from "./state.ts";
import type { Transaction } from "./transaction.ts";
import { beginData } from "./transfer.ts";

/** Judges MAIL and answers it. A transaction that was open before is over, whatever the answer. */
export function takeSender(session: Session, transaction: Transaction): void | Promise<void> {
  const { policy, messages, deps } = session;
  session.transaction = transaction;
  if (deps.tracer.level >= SMTP_EVENTS.mail.level) traceSender(session, transaction);
  const effects = policy.mailRules?.sender(transaction.sender);
  if (effects !== undefined) applyEffects(session, transaction, effects);
  const { limits, sizeBytes } = transaction;
  const over = judgeMessages(messages, limits) ?? judgeBytes(sizeBytes, limits);
  if (over !== null) return refuseWhole(session, takeLimit(session, "mail", over));
  if (policy.watches.rates) {
    const { ip, login } = clientOf(session);
    deps.policy?.state.noteMessage(ip, login);
  }
  if (!isAsked(session, "mail")) return begin(session, "");
  const judged = judgeStage(session, "mail", mailFacts(session, transaction));
  if (judged instanceof Promise) return judged.then((late) => conclude(session, transaction, late));
  return conclude(session, transaction, judged);
}

function conclude(session: Session, transaction: Transaction, { verdict }: Judgement): void {
  if (session.isOver) return;
  switch (verdict.kind) {
    case "none":
      return begin(session, "");
    case "accept":
      transaction.isSenderFinal = verdict.final;
      return begin(session, verdict.text);
    case "defer":
    case "refuse":
      return refuseWhole(session, verdict);
  }
}

function traceSender({ deps, peer, helo }: Session, { sender }: Transaction): void {
  const fields = { ip: peer.remoteIp, helo: helo ?? "", sender };
  deps.tracer.emit(peer.session, SMTP_EVENTS.mail, fields);
}

/** `text`: of the 250 instead of ours; "" for ours. */
function begin(session: Session, text: string): void {
  say(session, text === "" ? REPLIES.sender_ok : withText(REPLIES.sender_ok, text));
}

/** Judges DATA; what is refused here is over as a whole. */
export function judgeData(session: Session, transaction: Transaction): void | Promise<void> {
  transaction.recipientRelay = null;
  const over = judgeOffered(transaction.offered, transaction.limits);
  if (over !== null) return refuseWhole(session, takeLimit(session, "data", over));
  if (transaction.capture !== null) return beginCaptured(session, transaction, transaction.capture);
  if (transaction.recipients.length === 0) return refuseDecoys(session, transaction);
  if (!isAsked(session, "data")) return beginData(session, transaction);
  const answer = ({ verdict }: Judgement): void | Promise<void> => {
    if (session.isOver) return;
    if (verdict.kind === "none" || verdict.kind === "accept") {
      return beginData(session, transaction);
    }
    refuseWhole(session, verdict);
  };
  const judged = judgeStage(session, "data", dataFacts(session, transaction));
  return judged instanceof Promise ? judged.then(answer) : answer(judged);
}

/**
 * Nobody of the recipients exists: a message that is taken and thrown away would be lost without a
 * word, should somebody innocent have sent it.
 */
function refuseDecoys(session: Session, transaction: Transaction): void {
  const reason = `All ${transaction.decoys} recipients are in control/trapto`;
  const verdict = against(POLICY_REPLIES.decoy_only, "decoy: nobody else", reason);
  refuseWhole(session, takeLimit(session, "data", verdict, "decoy"));
}

/** The transaction is over with this answer. */
function refuseWhole(session: Session, verdict: AgainstVerdict): void {
  session.transaction = null;
  sayAgainst(session, verdict);
}
