/**
 * Question 4: deliver this message to those recipients, as the owner of each Maildir.
 *
 * The front gives envelope and bytes; who the recipients are, and where their Maildirs lie, is looked up here. A
 * message's pieces are worked on one after the other, and each is answered when it is taken: the front has no more than
 * WRITE_WINDOW unanswered. What is not complete when the front is gone is taken back.
 */
import type { Delivery, Envelope, QueueOutcome } from "../queue/types.ts";
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
  delivery: Promise<Delivery> | null;
  tail: Promise<unknown>;
  /** Pieces that are not written yet. */
  waiting: number;
}

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

/** The operations, and their end: resolves when nothing incomplete is left and what was complete is delivered. */
export function mailOperations(
  services: () => KeeperServices,
): { readonly operations: Operations; close(): Promise<void> } {
  // By the front's own numbers: it need not wait for an answer before it goes on.
  const mails = new Map<number, Mail>();
  const ending = new Set<Promise<unknown>>();
  let envelopeBytes = 0;

  function forget(number: number): void {
    envelopeBytes -= mails.get(number)?.envelopeBytes ?? 0;
    mails.delete(number);
  }

  function take(mail: Mail, payload: Uint8Array, isLast: boolean): Answer {
    if (mail.delivery !== null) throw new ProtocolError("An envelope goes on behind its end");
    if (envelopeBytes + payload.length > MAX_ENVELOPES_BYTES) {
      throw new Trouble("temporary", `The keeper has ${envelopeBytes} bytes of envelopes in hand`);
    }
    mail.envelope += binaryOf(payload);
    mail.envelopeBytes += payload.length;
    envelopeBytes += payload.length;
    if (mail.envelopeBytes > MAX_ENVELOPE_BYTES) {
      throw new ProtocolError("An envelope is too long");
    }
    if (isLast) {
      const envelope = parseEnvelope(mail.envelope);
      mail.envelope = "";
      mail.delivery = Promise.resolve(services().queue.open(mail.session, envelope));
      mail.tail = mail.delivery.catch(() => undefined);
    }
    return TAKEN;
  }

  function find(number: number): Mail & { readonly delivery: Promise<Delivery> } {
    const mail = mails.get(number);
    if (mail === undefined) throw new Trouble("temporary", "The keeper has no such message");
    if (mail.delivery === null) {
      throw new ProtocolError("A message begins before its envelope ends");
    }
    return mail as Mail & { readonly delivery: Promise<Delivery> };
  }

  /** Runs `work` behind everything that was asked about this mail before. */
  function behind<T>(mail: Mail, work: () => T | Promise<T>): Promise<T> {
    const done = mail.tail.then(work);
    mail.tail = done.catch(() => undefined);
    return done;
  }

  /** Ends a mail; what it does is waited for at the keeper's end. */
  function end<T>(number: number, how: (delivery: Delivery) => T | Promise<T>): Promise<T> {
    const mail = find(number);
    forget(number);
    const done = behind(mail, async () => how(await mail.delivery));
    ending.add(done);
    const over = () => void ending.delete(done);
    done.then(over, over);
    return done;
  }

  const operations: Operations = {
    "mail.open"(values, payload) {
      const number = values.number("mail");
      if (mails.has(number)) throw new ProtocolError("Two messages have one number");
      if (mails.size >= services().maxMails) {
        throw new Trouble("temporary", `The keeper has ${mails.size} messages in hand already`);
      }
      const session = values.number("session");
      const mail: Mail = {
        session,
        envelope: "",
        envelopeBytes: 0,
        delivery: null,
        tail: Promise.resolve(),
        waiting: 0,
      };
      mails.set(number, mail);
      return take(mail, payload, values.flag("last"));
    },
    "mail.more"(values, payload) {
      const mail = mails.get(values.number("mail"));
      if (mail === undefined) throw new Trouble("temporary", "The keeper has no such message");
      return take(mail, payload, values.flag("last"));
    },
    async "mail.write"(values, payload) {
      const mail = find(values.number("mail"));
      if (++mail.waiting > WRITE_WINDOW) {
        throw new ProtocolError("A message comes faster than it is taken");
      }
      await behind(mail, async () => (await mail.delivery).write(payload));
      mail.waiting--;
      return TAKEN;
    },
    async "mail.commit"(values) {
      const outcome: QueueOutcome = await end(values.number("mail"), (d) => d.commit());
      return { header: { ...outcome } };
    },
    async "mail.abort"(values) {
      const number = values.number("mail");
      const mail = mails.get(number);
      if (mail?.delivery === null) forget(number);
      else if (mail !== undefined) await end(number, (d) => d.abort());
      return TAKEN;
    },
    async "mail.can"(values) {
      return { header: { reason: await services().queue.canDeliver(values.text("address")) } };
    },
  };

  return {
    operations,
    async close() {
      for (const [number, mail] of [...mails]) {
        forget(number);
        if (mail.delivery === null) continue;
        ending.add(behind(mail, async () => (await mail.delivery)?.abort()));
      }
      await Promise.allSettled(ending);
    },
  };
}
