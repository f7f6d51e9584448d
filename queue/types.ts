/**
 * The seam between "the client has sent a message" and "it is safe": one interface, several ways.
 *
 * qmail_queue.ts hands over to a qmail-queue program, maildir.ts delivers by itself, qmqp.ts hands over to
 * queue hosts. All keep rule 5 of the house: "queued" is said only when the message is safe on disk
 * (file and directory synced) or the other side has said so; local trouble is always temporary.
 */

/** Who gets the message. Binary strings, one char a byte; the sender may be empty (a bounce). */
export interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** How a hand-over ended. */
export type QueueOutcome =
  /** Safe. `id`: "qp 1234" or a file name, for the reply and the trace. */
  | { readonly kind: "queued"; readonly id: string }
  | NotQueued;

/** `reason`: a sentence without final period; `code`: enhanced status such as "4.3.0". */
export interface NotQueued {
  /** deferred: temporary, 4xx. refused: permanent, 5xx. */
  readonly kind: "deferred" | "refused";
  readonly code: string;
  readonly reason: string;
  /** The reason was written for clients. Others name files and machines of ours, and stand in the trace only. */
  readonly isPublic?: true;
}

/** One message on its way. After `commit` or `abort` it takes no more calls. */
export interface Delivery {
  /**
   * Takes the next bytes of the message (LF line ends, header first). `chunk` is only valid during the call:
   * keep a copy or have it written. A promise means "wait before the next": back-pressure. Never rejects; trouble is
   * remembered and becomes the outcome.
   * @param lines the line feeds in `chunk`, from a caller who knows: whoever needs their number counts them otherwise
   */
  write(chunk: Uint8Array, lines?: number): void | Promise<void>;
  /** The message is complete: make it safe. Never rejects. */
  commit(): Promise<QueueOutcome>;
  /** The message will never be complete: leave no trace of it. Never rejects. */
  abort(): void | Promise<void>;
}

/** A session's environment for a program that is started, or what makes it: most ways start none. */
export type Environment =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>>);

/** A way to hand messages over. */
export interface Queue {
  readonly name: "qmail-queue" | "maildir" | "qmqp";
  /** Messages opened and neither committed nor aborted; the net layer answers 421 beyond max_deliveries. */
  readonly inHand: number;
  /**
   * Begins a message. Trouble at this point is remembered and becomes the outcome of `commit`.
   * `env`: the session's environment (TCPREMOTEIP, RELAYCLIENT, QMAILQUEUE ...) for a program that is started.
   */
  open(
    session: number,
    envelope: Envelope,
    env?: Environment,
  ): Delivery | Promise<Delivery>;
  /**
   * Before the message comes: null, or one sentence why it could only be deferred for this recipient. Ways that take
   * every recipient have no such answer.
   */
  canDeliver?(address: string): string | null | Promise<string | null>;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}
