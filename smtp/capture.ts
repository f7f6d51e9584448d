/**
 * Clients that a list refuses (RBLSMTPD, lists of the DNS) may say all they came for where rbl_capture is on: their
 * recipients get 250, the data 354, the header goes to the trace, and the answer behind the final dot is the verdict. So
 * an administrator sees whom a list keeps out. Nothing is handed to the queue.
 *
 * Mirrors rblsmtpd's logging patch, which traced a blocked client's commands, and mailfront's RBL_QUEUEDIR. A message
 * that also has recipients who get it is not captured: 250 would be a lie to its sender. The body is read and dropped.
 */
import type { AgainstVerdict, CheckName } from "../policy/types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { sayAgainst } from "./judging.ts";
import { REPLIES } from "./replies.ts";
import { say, type Session } from "./state.ts";
import type { Capture, Transaction } from "./transaction.ts";
import { latin1 } from "./text.ts";
import { goAheadExamined } from "./transfer.ts";

/** Of a header this much is kept, and so many lines of it are traced. */
const HEADER_BYTES = 32_768;
const HEADER_LINES = 200;

/** Answers RCPT with a verdict against, or captures. */
export function sayOrCapture(
  session: Session,
  transaction: Transaction,
  recipient: string,
  verdict: AgainstVerdict,
  check: CheckName | null,
): void {
  const isLists = check === "rblsmtpd" || check === "dnsbl";
  const hasOthers = transaction.recipients.length + transaction.decoys > 0;
  if (!session.policy.captures || !isLists || verdict.ends || hasOthers) {
    return sayAgainst(session, verdict);
  }
  const capture = transaction.capture ??= { verdict, recipients: [] };
  capture.recipients.push(recipient);
  const { tracer } = session.deps;
  if (tracer.level >= SMTP_EVENTS.captureRcpt.level) {
    tracer.emit(session.peer.session, SMTP_EVENTS.captureRcpt, {
      ip: session.peer.remoteIp,
      helo: session.helo ?? "",
      sender: transaction.sender,
      recipient,
      rule: verdict.rule,
    });
  }
  say(session, REPLIES.recipient_ok);
}

/** Answers DATA of a captured transaction with 354, and its end with the verdict. */
export function beginCaptured(session: Session, transaction: Transaction, capture: Capture): void {
  const header = new HeaderTap();
  const tell = () => traceCaptured(session, transaction, capture, header);
  goAheadExamined(session, transaction, {
    write: (chunk) => header.take(chunk),
    commit() {
      tell();
      return Promise.resolve({ kind: "against", verdict: capture.verdict });
    },
    abort: tell,
  });
}

/** Keeps the header of what flows by. */
class HeaderTap {
  #text = "";
  #isDone = false;

  take(chunk: Uint8Array): void {
    if (this.#isDone) return;
    const from = Math.max(0, this.#text.length - 1);
    const room = HEADER_BYTES - this.#text.length;
    this.#text += latin1(chunk, 0, Math.min(chunk.length, room));
    const end = this.#text.startsWith("\n") ? 0 : this.#text.indexOf("\n\n", from);
    if (end >= 0) this.#text = this.#text.slice(0, end);
    this.#isDone = end >= 0 || this.#text.length >= HEADER_BYTES;
  }

  /** The fields, continuation lines as lines of their own. */
  get lines(): readonly string[] {
    return this.#text.split("\n").filter((line) => line !== "").slice(0, HEADER_LINES);
  }
}

function traceCaptured(
  session: Session,
  { sender }: Transaction,
  { verdict, recipients }: Capture,
  header: HeaderTap,
): void {
  const { deps: { tracer }, peer, helo } = session;
  const ip = peer.remoteIp;
  const { lines } = header;
  if (tracer.level >= SMTP_EVENTS.captured.level) {
    tracer.emit(peer.session, SMTP_EVENTS.captured, {
      ip,
      helo: helo ?? "",
      sender,
      recipients: recipients.length,
      lines: lines.length,
      reply: `${verdict.reply.code} ${verdict.reply.id}`,
      rule: verdict.rule,
    });
  }
  if (tracer.level < SMTP_EVENTS.captureHeader.level) return;
  for (const line of lines) {
    tracer.emit(peer.session, SMTP_EVENTS.captureHeader, { ip, line });
  }
}
