/**
 * qmail-send's story of each message: arrival, deliveries, bounce - and, by the number that qmail-queue's process had ("qp"),
 * the session that brought it.
 *
 * Message numbers are inodes and process ids come again, so a number means what it meant last, and a session and a message
 * belong together only within ten minutes. Whatever is still open is kept in maps of fixed size.
 */
import type { Facts } from "./facts.ts";
import { LruMap } from "./lru.ts";
import { type Mail, recipientOf, tellWhenOver } from "./mail.ts";
import type { BounceMade, DeliveryEnd, DeliveryStart, MessageInfo } from "./record.ts";

const MOST_MESSAGES = 20_000;
const MOST_ENDED = 5_000;
const MOST_FAILURES = 50;
const JOIN_WINDOW_MS = 600_000;

interface Message {
  readonly infoMs: number | null;
  readonly sender: string;
  readonly qp: number;
  mail: Mail | null;
  /** Results that came before the session's line did. */
  readonly results: { readonly recipient: string; readonly isDelivered: boolean }[];
  /** Recipients that failed, as qmail-send has them. */
  readonly failed: string[];
  /** The message that failed, when this is a bounce. Its session may still be unknown: qmail-send can be faster than the trace. */
  readonly bounceOf: Message | null;
  /** Told as backscatter: once, however often it is tried. */
  isTold: boolean;
  isOver: boolean;
}

interface Delivery {
  readonly message: Message;
  readonly recipient: string;
  readonly channel: "local" | "remote";
  readonly startMs: number | null;
}

const span = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

export class MessageJoin {
  readonly #facts: Facts;
  readonly #messages = new LruMap<number, Message>(
    MOST_MESSAGES,
    (message) => this.#endMessage(message),
  );
  readonly #byQp = new LruMap<number, Message>(MOST_ENDED);
  readonly #mails = new LruMap<number, Mail>(MOST_MESSAGES, (mail) => this.#endMail(mail));
  readonly #deliveries = new LruMap<number, Delivery>(MOST_MESSAGES);
  readonly #bounces = new LruMap<number, Message>(MOST_MESSAGES);

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** The logs have come to this time, in order: mail that still waits for its message waits in vain. */
  passed(nowMs: number): void {
    for (let mail = this.#mails.oldest; mail !== undefined; mail = this.#mails.oldest) {
      if (mail.whenMs === null || nowMs - mail.whenMs <= JOIN_WINDOW_MS) return;
      this.#mails.take(mail.qp ?? 0);
      this.#endMail(mail);
    }
  }

  /** A session says that the queue took a message. */
  accepted(mail: Mail): void {
    if (mail.qp === null) return this.#endMail(mail);
    const message = this.#byQp.take(mail.qp);
    const isNear = (span(message?.infoMs ?? null, mail.whenMs) ?? 0) <= JOIN_WINDOW_MS;
    const before = this.#mails.take(mail.qp);
    if (before !== undefined) this.#endMail(before);
    if (message === undefined || message.mail !== null || !isNear) {
      this.#mails.set(mail.qp, mail);
      return;
    }
    message.mail = mail;
    for (const { recipient, isDelivered } of message.results) note(mail, recipient, isDelivered);
    if (message.isOver) this.#endMail(mail);
  }

  info(record: MessageInfo, whenMs: number | null): void {
    const { message: number, sender, bytes, qp } = record;
    const old = this.#messages.take(number);
    if (old !== undefined) this.#endMessage(old);
    const bounceOf = this.#bounces.take(qp) ?? null;
    const waiting = this.#mails.take(qp);
    const isNear = waiting !== undefined && (span(waiting.whenMs, whenMs) ?? 0) <= JOIN_WINDOW_MS;
    if (waiting !== undefined && !isNear) this.#endMail(waiting);
    const message: Message = {
      infoMs: whenMs,
      sender,
      qp,
      mail: isNear ? waiting : null,
      results: [],
      failed: [],
      bounceOf,
      isTold: false,
      isOver: false,
    };
    this.#messages.set(number, message);
    this.#byQp.set(qp, message);
    if (bounceOf === null) this.#facts.arrival(sender, bytes);
    else this.#facts.bounce(sender === "#@[]" ? "double" : "bounce");
  }

  start(record: DeliveryStart, whenMs: number | null): void {
    const { delivery, message: number, recipient, channel } = record;
    const message = this.#messages.get(number) ?? unknownMessage();
    this.#messages.set(number, message);
    this.#deliveries.set(delivery, { message, recipient, channel, startMs: whenMs });
    if (message.bounceOf === null || channel === "local" || message.isTold) return;
    message.isTold = true;
    const { failed, mail } = message.bounceOf;
    const recipients = failed.map((one) => namedBy(mail, one));
    this.#facts.backscatter({ whenMs, victim: recipient, recipients, ip: mail?.ip ?? "" });
  }

  end(record: DeliveryEnd, whenMs: number | null): void {
    const delivery = this.#deliveries.take(record.delivery);
    if (delivery === undefined) return;
    const { message, channel, recipient, startMs } = delivery;
    const { result, text } = record;
    if (result === "failure" && message.failed.length < MOST_FAILURES) {
      message.failed.push(recipient);
    }
    if (result !== "deferral") {
      const isDelivered = result === "success";
      if (message.results.length < MOST_FAILURES) message.results.push({ recipient, isDelivered });
      if (message.mail !== null) note(message.mail, recipient, isDelivered);
    }
    this.#facts.delivery({
      whenMs,
      channel,
      result,
      recipient: namedBy(message.mail, recipient),
      sender: message.sender,
      text,
      tookMs: span(startMs, whenMs),
      sinceArrivalMs: span(message.infoMs, whenMs),
      isBounce: message.bounceOf !== null,
    });
  }

  bounce(record: BounceMade): void {
    this.#bounces.set(record.qp, this.#messages.get(record.message) ?? unknownMessage());
  }

  over(number: number): void {
    const message = this.#messages.take(number);
    if (message !== undefined) this.#endMessage(message);
  }

  /** The logs are at their end. */
  finish(): void {
    for (const message of this.#messages.drain()) this.#endMessage(message);
    for (const mail of this.#mails.drain()) this.#endMail(mail);
  }

  #endMessage(message: Message): void {
    message.isOver = true;
    if (message.mail !== null) this.#endMail(message.mail);
  }

  #endMail(mail: Mail): void {
    if (mail.isMessageOver) return;
    mail.isMessageOver = true;
    tellWhenOver(mail, this.#facts);
  }
}

/** A message whose arrival stands in an older log. */
const unknownMessage = (): Message => ({
  infoMs: null,
  sender: "",
  qp: 0,
  mail: null,
  results: [],
  failed: [],
  bounceOf: null,
  isTold: false,
  isOver: false,
});

/** A recipient of qmail-send's in the words of the client, where they are known. */
const namedBy = (mail: Mail | null, recipient: string): string =>
  recipientOf(mail, recipient)?.address ?? recipient;

function note(mail: Mail, recipient: string, isDelivered: boolean): void {
  const found = recipientOf(mail, recipient);
  if (found !== null) found.delivered = isDelivered;
}
