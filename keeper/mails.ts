/**
 * Question 4: deliver this message to those recipients, as the owner of each Maildir.
 *
 * The front gives envelope and bytes; who the recipients are, and where their Maildirs lie, is looked up here. A
 * message's pieces are worked on one after the other, and each is answered when it is taken: the front has no more than
 * WRITE_WINDOW unanswered. A long message's file may be handed to the front, which then writes it itself: it gets that one
 * file, new and open for appending. What is not complete when the front is gone is taken back.
 */
import { Held } from "../net/held.ts";
import { closeDescriptor, type FileSender } from "../net/hand_over.ts";
import type { MaildirDelivery } from "../queue/maildir.ts";
import type { Envelope, QueueOutcome } from "../queue/types.ts";
import { binaryOf } from "./frames.ts";
import type { Answer, KeeperServices, Operations } from "./operations.ts";
import {
  MAX_ENVELOPE_BYTES,
  MAX_ENVELOPES_BYTES,
  ProtocolError,
  Trouble,
  WRITE_WINDOW,
} from "./protocol.ts";

interface Mail {
  readonly session: number;
  envelope: string;
  envelopeBytes: number;
  /** What was asked so far, one after the other; null until the envelope is complete. */
  delivery: Promise<MaildirDelivery> | null;
  tail: Promise<unknown>;
  /** Pieces that are not written yet. */
  waiting: number;
}

type BegunMail = Mail & { readonly delivery: Promise<MaildirDelivery> };

/** More than this the front can't look for in a header: the message comes in pieces. */
const MAX_FORBIDDEN_CHARS = 8192;

const TAKEN: Answer = { header: {} };

/** @throws {ProtocolError} */
export function parseEnvelope(text: string): Envelope {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new ProtocolError("An envelope is not JSON");
  }
  if (!Array.isArray(list) || !list.every((word): word is string => typeof word === "string")) {
    throw new ProtocolError("An envelope is not a list of addresses");
  }
  const [sender, ...recipients] = list;
  if (sender === undefined) throw new ProtocolError("An envelope has no sender");
  return { sender, recipients };
}

/** The messages in hand. */
class Mails {
  readonly #services: () => KeeperServices;
  readonly #files: FileSender | null;
  /** By the front's own numbers: it need not wait for an answer before it goes on. */
  readonly #mails = new Map<number, Mail>();
  /** What is waited for at the keeper's end. */
  readonly #ending = new Held<Promise<unknown>>();
  #envelopeBytes = 0;
  /** Messages in hand that came in one frame. */
  #wholes = 0;

  constructor(services: () => KeeperServices, files: FileSender | null) {
    this.#services = services;
    this.#files = files;
  }

  open(number: number, session: number, payload: Uint8Array, isLast: boolean): Answer {
    if (this.#mails.has(number)) throw new ProtocolError("Two messages have one number");
    this.#requireRoom();
    this.#mails.set(number, {
      session,
      envelope: "",
      envelopeBytes: 0,
      delivery: null,
      tail: Promise.resolve(),
      waiting: 0,
    });
    return this.more(number, payload, isLast);
  }

  /** Takes a piece of the envelope; the last one begins the delivery. */
  more(number: number, payload: Uint8Array, isLast: boolean): Answer {
    const mail = this.#get(number);
    if (mail.delivery !== null) throw new ProtocolError("An envelope goes on behind its end");
    const inHand = this.#envelopeBytes;
    if (inHand + payload.length > MAX_ENVELOPES_BYTES) {
      throw new Trouble("temporary", `The keeper has ${inHand} bytes of envelopes in hand`);
    }
    mail.envelope += binaryOf(payload);
    mail.envelopeBytes += payload.length;
    this.#envelopeBytes += payload.length;
    if (mail.envelopeBytes > MAX_ENVELOPE_BYTES) {
      throw new ProtocolError("An envelope is too long");
    }
    if (isLast) {
      const envelope = parseEnvelope(mail.envelope);
      mail.envelope = "";
      mail.delivery = Promise.resolve(this.#services().queue.open(mail.session, envelope));
      mail.tail = mail.delivery.catch(() => undefined);
    }
    return TAKEN;
  }

  /** A message that came with its envelope, the first `envelopeBytes` of the payload. */
  async whole(session: number, envelopeBytes: number, payload: Uint8Array): Promise<Answer> {
    if (envelopeBytes > payload.length) {
      throw new ProtocolError("An envelope is longer than its frame");
    }
    const envelope = parseEnvelope(binaryOf(payload.subarray(0, envelopeBytes)));
    this.#requireRoom();
    this.#wholes++;
    try {
      const done = this.#deliver(session, envelope, payload.subarray(envelopeBytes));
      this.#waitFor(done);
      return { header: { isPublic: false, ...await done } };
    } finally {
      this.#wholes--;
    }
  }

  async #deliver(session: number, envelope: Envelope, bytes: Uint8Array): Promise<QueueOutcome> {
    const delivery = await this.#services().queue.open(session, envelope);
    await delivery.write(bytes);
    return await delivery.commit();
  }

  #requireRoom(): void {
    const inHand = this.#mails.size + this.#wholes;
    if (inHand < this.#services().maxMails) return;
    throw new Trouble("temporary", `The keeper has ${inHand} messages in hand already`);
  }

  async write(number: number, payload: Uint8Array): Promise<Answer> {
    const mail = this.#begun(number);
    if (++mail.waiting > WRITE_WINDOW) {
      throw new ProtocolError("A message comes faster than it is taken");
    }
    await behind(mail, async () => (await mail.delivery).write(payload));
    mail.waiting--;
    return TAKEN;
  }

  /** Hands the file over, if that can be: before the first piece. An answer without a path: pieces, please. */
  async file(number: number): Promise<Answer> {
    const mail = this.#begun(number);
    const files = this.#files;
    const handed = files === null
      ? null
      : await behind(mail, async () => (await mail.delivery).handOver());
    if (handed === null) return TAKEN;
    const { fd, path, forbidden } = handed;
    const isShort = forbidden.join("").length <= MAX_FORBIDDEN_CHARS;
    const isSent = isShort && files?.send(number, fd) === true;
    closeDescriptor(fd);
    return isSent ? { header: { path, forbidden } } : TAKEN;
  }

  async commitHanded(number: number, bytes: number, lines: number): Promise<Answer> {
    const outcome = await this.#end(number, (delivery) => delivery.commitHanded(bytes, lines));
    return { header: { isPublic: false, ...outcome } };
  }

  async commit(number: number): Promise<Answer> {
    const outcome: QueueOutcome = await this.#end(number, (delivery) => delivery.commit());
    return { header: { isPublic: false, ...outcome } };
  }

  async abort(number: number): Promise<Answer> {
    const mail = this.#mails.get(number);
    if (mail?.delivery === null) this.#forget(number);
    else if (mail !== undefined) await this.#end(number, (delivery) => delivery.abort());
    return TAKEN;
  }

  async can(address: string): Promise<Answer> {
    return { header: { reason: await this.#services().queue.canDeliver(address) } };
  }

  /** Aborts what is incomplete, waits for what is complete. */
  async close(): Promise<void> {
    for (const [number, mail] of [...this.#mails]) {
      this.#forget(number);
      if (mail.delivery === null) continue;
      this.#ending.add(behind(mail, async () => (await mail.delivery)?.abort()));
    }
    await Promise.allSettled(this.#ending.values());
  }

  #get(number: number): Mail {
    const mail = this.#mails.get(number);
    if (mail === undefined) throw new Trouble("temporary", "The keeper has no such message");
    return mail;
  }

  #begun(number: number): BegunMail {
    const mail = this.#get(number);
    if (mail.delivery === null) {
      throw new ProtocolError("A message begins before its envelope ends");
    }
    return mail as BegunMail;
  }

  #forget(number: number): void {
    this.#envelopeBytes -= this.#mails.get(number)?.envelopeBytes ?? 0;
    this.#mails.delete(number);
  }

  /** Ends a mail; what it does is waited for at the keeper's end. */
  #end<T>(number: number, how: (delivery: MaildirDelivery) => T | Promise<T>): Promise<T> {
    const mail = this.#begun(number);
    this.#forget(number);
    const done = behind(mail, async () => how(await mail.delivery));
    this.#waitFor(done);
    return done;
  }

  /** The keeper's end comes behind it. */
  #waitFor(work: Promise<unknown>): void {
    const place = this.#ending.add(work);
    const over = () => void this.#ending.remove(place);
    work.then(over, over);
  }
}

/** Runs `work` behind everything that was asked about this mail before. */
function behind<T>(mail: Mail, work: () => T | Promise<T>): Promise<T> {
  const done = mail.tail.then(work);
  mail.tail = done.catch(() => undefined);
  return done;
}

/** The operations, and their end: resolves when nothing incomplete is left and what was complete is delivered. */
export function mailOperations(
  services: () => KeeperServices,
  files: FileSender | null,
): { readonly operations: Operations; close(): Promise<void> } {
  const mails = new Mails(services, files);
  return {
    operations: {
      "mail.open": (v, payload) =>
        mails.open(v.number("mail"), v.number("session"), payload, v.flag("last")),
      "mail.more": (v, payload) => mails.more(v.number("mail"), payload, v.flag("last")),
      "mail.whole": (v, payload) => mails.whole(v.number("session"), v.number("envelope"), payload),
      "mail.write": (v, payload) => mails.write(v.number("mail"), payload),
      "mail.file": (v) => mails.file(v.number("mail")),
      "mail.handed": (v) =>
        mails.commitHanded(v.number("mail"), v.number("bytes"), v.number("lines")),
      "mail.commit": (v) => mails.commit(v.number("mail")),
      "mail.abort": (v) => mails.abort(v.number("mail")),
      "mail.can": (v) => mails.can(v.text("address")),
    },
    close: () => mails.close(),
  };
}
