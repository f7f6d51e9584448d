/**
 * Deliveries that the keeper makes, as SMTP sees them. A message that fits into one frame with its envelope, as most do, is one
 * question. The file of a longer one is handed over and written here; where that can't be, its pieces go to the keeper as they
 * come, at most WRITE_WINDOW of 64 KiB ahead of it. The first trouble is remembered and becomes the outcome.
 */
import { createHandCount, traceOutcome } from "../queue/hand_count.ts";
import type { Delivery, Envelope, Queue, QueueOutcome } from "../queue/types.ts";
import type { FileReceiver } from "../net/hand_over.ts";
import { looping } from "../queue/maildir_commit.ts";
import type { Tracer } from "../trace/tracer.ts";
import { ReceivedFile } from "./client_file.ts";
import type { Asking, Reply } from "./connection.ts";
import { giveBack, openMemory } from "../queue/memory.ts";
import { bytesOf, MAX_PAYLOAD_BYTES, type Parts } from "./frames.ts";
import { MAX_ENVELOPE_BYTES, WRITE_WINDOW } from "./protocol.ts";

const deferred = (reason: string): QueueOutcome => ({ kind: "deferred", code: "4.3.0", reason });

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error);

function readOutcome(reply: Reply): QueueOutcome {
  const kind = reply.text("kind");
  if (kind === "queued") return { kind, id: reply.text("id") };
  const trouble = { code: reply.text("code"), reason: reply.text("reason") };
  const whose = reply.flag("isPublic") ? { isPublic: true as const } : {};
  return { kind: kind === "refused" ? "refused" : "deferred", ...trouble, ...whose };
}

/** One message on its way. Not one byte of it is kept once the keeper has it. */
class KeeperDelivery {
  readonly #keeper: Asking;
  readonly #files: FileReceiver | null;
  readonly #mail: number;
  /** What waits to be sent: a message that fits into one frame, or a piece that is not full yet. */
  readonly #gathered = openMemory();
  #waiting = 0;
  #room: PromiseWithResolvers<void> | null = null;
  readonly #session: number;
  /** Sender and recipients, as JSON. */
  readonly #envelope: string;
  /** The keeper knows of it. */
  #isOpen = false;
  /** What takes the message, once it is long. */
  #file: ReceivedFile | null = null;
  /** It was given up: whoever still waits to send a piece need not. */
  #isOver = false;
  trouble: string | null = null;
  /** The outcome is not the keeper's, which therefore does not trace it. */
  isOwnOutcome = false;
  bytes = 0;

  constructor(
    { keeper, files = null }: Pick<KeeperQueueOptions, "keeper" | "files">,
    mail: number,
    session: number,
    envelope: Envelope,
  ) {
    this.#keeper = keeper;
    this.#files = files;
    this.#mail = mail;
    this.#session = session;
    this.#envelope = JSON.stringify([envelope.sender, ...envelope.recipients]);
    if (this.#envelope.length > MAX_ENVELOPE_BYTES) {
      this.trouble = `An envelope of ${this.#envelope.length} bytes is too long for the keeper`;
    }
  }

  /** Tells the keeper who gets it: pieces follow. */
  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const whole = this.#envelope;
    for (let at = 0; at === 0 || at < whole.length; at += MAX_PAYLOAD_BYTES) {
      const last = at + MAX_PAYLOAD_BYTES >= whole.length;
      const op = at === 0 ? "mail.open" : "mail.more";
      const values = { session: this.#session, last };
      this.#ask(op, values, bytesOf(whole.slice(at, at + MAX_PAYLOAD_BYTES)));
    }
  }

  /** Takes a copy. A promise means: wait. */
  write(chunk: Uint8Array, lines?: number): void | Promise<void> {
    this.bytes += chunk.length;
    if (this.#file !== null) return this.#file.write(chunk, lines);
    return this.#take(chunk);
  }

  /** Nothing looks at `chunk` after the call: what waits is a copy. */
  #take(chunk: Uint8Array): void | Promise<void> {
    if (this.trouble !== null || chunk.length === 0) return;
    if (this.#file !== null) return this.#file.write(chunk);
    const piece = chunk.subarray(0, MAX_PAYLOAD_BYTES);
    const isWhole = piece.length > MAX_PAYLOAD_BYTES / 2 && this.#isOpen;
    const waiting = isWhole && this.#gathered.bytes === 0
      // Sent as it came: what it would be gathered with makes no better piece.
      ? this.#send(piece)
      : this.#gather(piece);
    const rest = chunk.subarray(piece.length);
    if (waiting === undefined) return this.#take(rest);
    const kept = rest.slice();
    return waiting.then(() => this.#take(kept));
  }

  #gather(piece: Uint8Array): void | Promise<void> {
    if (this.#gathered.take(piece)) {
      return this.#gathered.bytes === MAX_PAYLOAD_BYTES ? this.#flush() : undefined;
    }
    const waiting = this.#flush();
    if (waiting === undefined) return this.#take(piece);
    const kept = piece.slice();
    return waiting.then(() => this.#take(kept));
  }

  async commit(): Promise<QueueOutcome> {
    const fitsOne = !this.#isOpen &&
      this.#envelope.length + this.#gathered.bytes <= MAX_PAYLOAD_BYTES;
    if (!fitsOne && this.trouble === null) {
      await this.#flush();
      this.#open();
    }
    const refusal = this.#endFile();
    if (refusal !== null) {
      this.isOwnOutcome = true;
      await this.abort();
      return refusal;
    }
    try {
      const outcome = readOutcome(await (fitsOne ? this.#askWhole() : this.#askCommit()));
      return this.trouble === null || outcome.kind !== "queued" ? outcome : deferred(this.trouble);
    } catch (error) {
      return deferred(this.trouble ?? reasonOf(error));
    }
  }

  /** Closes the file that was written here; null, or why the message can't be queued. */
  #endFile(): QueueOutcome | null {
    const file = this.#file;
    file?.close();
    this.trouble ??= file?.trouble ?? null;
    if (this.trouble !== null) return deferred(this.trouble);
    const loop = file?.loop ?? null;
    return loop === null ? null : looping(loop);
  }

  #askCommit(): Promise<Reply> {
    const mail = this.#mail;
    return this.#file === null
      ? this.#keeper.ask("mail", "mail.commit", { mail })
      : this.#keeper.ask("mail", "mail.handed", {
        mail,
        bytes: this.bytes,
        lines: this.#file.lines,
      });
  }

  /** Envelope and message in one frame. */
  #askWhole(): Promise<Reply> {
    const values = { session: this.#session, envelope: this.#envelope.length };
    const body = this.#gathered.empty();
    const reply = this.#keeper.ask("mail", "mail.whole", values, [bytesOf(this.#envelope), body]);
    // It is in the frame by now.
    giveBack(body);
    return reply;
  }

  async abort(): Promise<void> {
    this.#isOver = true;
    giveBack(this.#gathered.empty());
    this.#file?.close();
    if (!this.#isOpen) return;
    await this.#keeper.ask("mail", "mail.abort", { mail: this.#mail }).catch(() => undefined);
  }

  /** Sends what was gathered; a promise when too much is on its way. */
  #flush(): void | Promise<void> {
    if (this.#gathered.bytes === 0) return;
    const piece = this.#gathered.empty();
    const sent = this.#send(piece);
    if (sent === undefined) giveBack(piece);
    else return sent.then(() => giveBack(piece));
  }

  /** Sends a copy of `piece`; a promise when too much is on its way. */
  #send(piece: Uint8Array): void | Promise<void> {
    if (this.trouble !== null || this.#isOver) return;
    if (!this.#isOpen) {
      this.#open();
      if (this.#files !== null) return this.#openFile(this.#files, piece.slice());
    }
    if (this.#waiting >= WRITE_WINDOW) {
      this.#room ??= Promise.withResolvers();
      const kept = piece.slice();
      return this.#room.promise.then(() => this.#send(kept));
    }
    this.#waiting++;
    this.#ask("mail.write", {}, piece, () => {
      this.#waiting--;
      this.#room?.resolve();
      this.#room = null;
    });
  }

  /** Asks for the message's file, and writes `piece` to it, or sends it where none comes. */
  async #openFile(files: FileReceiver, piece: Uint8Array): Promise<void> {
    try {
      const reply = await this.#keeper.ask("mail", "mail.file", { mail: this.#mail });
      const file = ReceivedFile.take(files, this.#mail, reply);
      if (this.#isOver) file?.close();
      else this.#file = file;
    } catch (error) {
      this.trouble ??= reasonOf(error);
    }
    if (this.#isOver) return;
    await (this.#file === null ? this.#send(piece) : this.#file.write(piece));
  }

  #ask(
    op: string,
    values: Readonly<Record<string, unknown>>,
    payload: Uint8Array | Parts,
    done: () => void = () => {},
  ): void {
    this.#keeper.ask("mail", op, { ...values, mail: this.#mail }, payload).then(done, (error) => {
      this.trouble ??= reasonOf(error);
      done();
    });
  }
}

export interface KeeperQueueOptions {
  readonly keeper: Asking;
  readonly trace: Tracer;
  /** Where files are handed over; null: they are not. */
  readonly files?: FileReceiver | null;
  /** Names a message to the keeper; one for all queues of this front. */
  readonly nextMail: () => number;
}

/** The keeper's Maildir delivery as a queue. */
export function openKeeperQueue(options: KeeperQueueOptions): Queue {
  const { keeper, trace, nextMail } = options;
  const hand = createHandCount();
  /** Who asks what is being asked already waits for that answer. A new one whenever it is empty, as net/held.ts says. */
  let asking = new Map<string, Promise<string | null>>();
  const answered = (address: string) => {
    asking.delete(address);
    if (asking.size === 0) asking = new Map();
  };
  return {
    name: "maildir",
    get inHand() {
      return hand.count;
    },
    open(session, envelope): Delivery {
      hand.took();
      const delivery = new KeeperDelivery(options, nextMail(), session, envelope);
      return {
        write: (chunk, lines) => delivery.write(chunk, lines),
        async commit() {
          const outcome = await delivery.commit();
          // What the keeper made of it stands in the trace by its own word.
          if (delivery.trouble !== null || delivery.isOwnOutcome) {
            traceOutcome(trace, "maildir", session, envelope, outcome, delivery.bytes);
          }
          hand.gave();
          return outcome;
        },
        async abort() {
          await delivery.abort();
          hand.gave();
        },
      };
    },
    idle: () => hand.idle(),
    canDeliver(address) {
      const known = asking.get(address);
      if (known !== undefined) return known;
      const asked = keeper.ask("mail", "mail.can", { address })
        .then(({ header }) => header["reason"] as string | null, reasonOf)
        .finally(() => answered(address));
      asking.set(address, asked);
      return asked;
    },
  };
}
