/**
 * Question 3: open the maildrop of this login, as its owner; read its messages; remove what was deleted.
 *
 * A maildrop is opened by the token of a login and by nothing else. Listings travel in pages, messages in pieces of at most
 * 64 KiB that the front asks for one by one, so neither side's memory grows with either. A message that fits
 * in the first piece is closed at once.
 */
import type { Account } from "../auth/types.ts";
import { type Maildrop, MaildropError } from "../pop3/maildrop.ts";
import type { Listing } from "../pop3/listing.ts";
import { fillNow, type OpenMessage } from "../pop3/maildrop_files.ts";
import { bytesOf, MAX_PAYLOAD_BYTES } from "./frames.ts";
import type { OpenFor, Tokens } from "./logins.ts";
import {
  type Answer,
  type Handles,
  type KeeperServices,
  makeHandles,
  type Operations,
} from "./operations.ts";
import { ProtocolError, Trouble } from "./protocol.ts";

interface OpenDrop {
  readonly maildrop: Maildrop;
  /** Messages to be removed by `update`. */
  readonly marked: Set<number>;
}

const SIZE_BYTES = 8;
const INDEX_BYTES = 4;

/** A MaildropError as an answer; anything else is a fault of this message alone. */
function troubleOf(error: unknown): unknown {
  return error instanceof MaildropError ? new Trouble(error.kind, error.message) : error;
}

/** `work`, a promise only if it is one, whose errors are answers. */
function settled<T>(work: () => T | Promise<T>): T | Promise<T> {
  try {
    const done = work();
    return done instanceof Promise
      ? done.catch((error) => {
        throw troubleOf(error);
      })
      : done;
  } catch (error) {
    throw troubleOf(error);
  }
}

/** The first piece of every message is read here; as in a session without a keeper this may wait for a disk. */
const firstPiece = new Uint8Array(MAX_PAYLOAD_BYTES);

/** Reads until `into` is full or the message at its end, without holding up others. */
async function fill(message: OpenMessage, into: Uint8Array): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const count = await message.read(into.subarray(length));
    if (count === 0) break;
    length += count;
  }
  return length;
}

/** Unique-ids from message `from` on, as many as a payload takes. */
function idPage({ uniqueIds }: Listing, from: number): Answer {
  let text = "";
  let next = from;
  for (; next < uniqueIds.length; next++) {
    const id = uniqueIds[next]!;
    if (text.length + id.length + 1 > MAX_PAYLOAD_BYTES) break;
    text += `${id}\n`;
  }
  return { header: { next }, payload: bytesOf(text) };
}

/** Octets of the messages from `from` on. */
function sizePage({ messages }: Listing, from: number): Answer {
  const count = Math.max(0, Math.min(messages.length - from, MAX_PAYLOAD_BYTES / SIZE_BYTES));
  const view = new DataView(new ArrayBuffer(count * SIZE_BYTES));
  for (let i = 0; i < count; i++) view.setFloat64(i * SIZE_BYTES, messages[from + i]!.octets);
  return { header: { next: from + count }, payload: new Uint8Array(view.buffer) };
}

/** Indices of messages, four bytes each, most significant first. */
function readIndices(payload: Uint8Array<ArrayBuffer>, count: number): number[] {
  if (payload.length % INDEX_BYTES !== 0) throw new ProtocolError("A list of messages is torn");
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const indices: number[] = [];
  for (let at = 0; at < payload.length; at += INDEX_BYTES) indices.push(view.getUint32(at));
  if (indices.some((index) => index >= count)) {
    throw new ProtocolError("A list of messages names one that is not there");
  }
  return indices;
}

/** What the front is told of a listing. */
interface ListingFacts {
  /** Its number. */
  readonly listing: number;
  readonly count: number;
  /** Messages in new/, which QUIT moves. */
  readonly fresh: number;
  readonly rawBytes: number;
}

/** What the front has open. */
class Drops {
  readonly #services: () => KeeperServices;
  readonly #tokens: Tokens;
  readonly #drops: Handles<OpenDrop>;
  readonly #messages: Handles<OpenMessage>;
  /** The front keeps listings by these. */
  readonly #numbers = new WeakMap<Listing, ListingFacts>();
  #lastListing = 0;

  constructor(services: () => KeeperServices, tokens: Tokens) {
    const limit = () => services().maxDrops;
    this.#services = services;
    this.#tokens = tokens;
    this.#drops = makeHandles<OpenDrop>("maildrop", limit);
    this.#messages = makeHandles<OpenMessage>("open message", limit);
  }

  open(token: string, session: number): Answer | Promise<Answer> {
    return this.openFor(this.#tokens.take(token), session);
  }

  /** Opens the maildrop of an account whose login was proven here. */
  openFor(account: Account, session: number): Answer | Promise<Answer> {
    const maildrop = this.#services().openMaildrop(account, session);
    return maildrop instanceof Promise ? maildrop.then((m) => this.#add(m)) : this.#add(maildrop);
  }

  #add(maildrop: Maildrop): Answer {
    const { listing, cached, path } = maildrop;
    const drop = addOrClose(this.#drops, { maildrop, marked: new Set() }, () => maildrop.close?.());
    return { header: { drop, cached, path, ...this.#factsOf(listing) } };
  }

  ids(drop: number, from: number): Answer {
    return idPage(this.#drops.get(drop).maildrop.listing, from);
  }

  async sizes(drop: number, from: number): Promise<Answer> {
    const { maildrop } = this.#drops.get(drop);
    await maildrop.settleSizes();
    return sizePage(maildrop.listing, from);
  }

  message(drop: number, index: number): Answer | Promise<Answer> {
    const { maildrop } = this.#drops.get(drop);
    if (index >= maildrop.listing.messages.length) {
      throw new ProtocolError("A question is about a message that is not there");
    }
    const whole = maildrop.readWhole?.(index, firstPiece) ?? -1;
    // A view will do: the answer is a frame before anything else is read.
    if (whole >= 0) return { header: WHOLE, payload: firstPiece.subarray(0, whole) };
    const message = maildrop.open(index);
    return message instanceof Promise
      ? message.then((m) => this.#firstPiece(m))
      : this.#firstPiece(message);
  }

  #firstPiece(message: OpenMessage): Answer {
    const handle = addOrClose(this.#messages, message, () => message.close());
    try {
      const length = fillNow(message, firstPiece);
      return this.#piece(handle, firstPiece.slice(0, length), length < firstPiece.length);
    } catch (error) {
      throw this.#broken(handle, error);
    }
  }

  /** The next piece; the end closes the message. */
  async read(handle: number): Promise<Answer> {
    const message = this.#messages.get(handle);
    const into = new Uint8Array(MAX_PAYLOAD_BYTES);
    try {
      const length = await fill(message, into);
      return this.#piece(handle, into.subarray(0, length), length < into.length);
    } catch (error) {
      throw this.#broken(handle, error);
    }
  }

  #piece(handle: number, payload: Uint8Array, isEnd: boolean): Answer {
    if (isEnd) this.shut(handle);
    return { header: { message: handle, end: isEnd }, payload };
  }

  #broken(handle: number, error: unknown): Trouble {
    this.shut(handle);
    return new Trouble("permanent", error instanceof Error ? error.message : String(error));
  }

  shut(handle: number): Answer {
    this.#messages.remove(handle)?.close();
    return DONE;
  }

  mark(drop: number, payload: Uint8Array<ArrayBuffer>): Answer {
    const { maildrop, marked } = this.#drops.get(drop);
    for (const index of readIndices(payload, maildrop.listing.messages.length)) marked.add(index);
    return DONE;
  }

  /** Does what QUIT is for, and closes: nothing comes behind it. */
  async update(drop: number): Promise<Answer> {
    const { maildrop, marked } = this.#drops.get(drop);
    try {
      return { header: { ...await maildrop.update(marked) } };
    } finally {
      this.close(drop);
    }
  }

  close(drop: number): Answer {
    this.#drops.remove(drop)?.maildrop.close?.();
    return DONE;
  }

  closeAll(): void {
    for (const message of this.#messages.values()) message.close();
  }

  #factsOf(listing: Listing): ListingFacts & { readonly octets: number } {
    const { messages, rawBytes, octets } = listing;
    let facts = this.#numbers.get(listing);
    if (facts === undefined) {
      const fresh = messages.reduce((count, { inNew }) => count + Number(inNew), 0);
      facts = { listing: ++this.#lastListing, count: messages.length, fresh, rawBytes };
      this.#numbers.set(listing, facts);
    }
    return { ...facts, octets };
  }
}

/** A message that was never open. */
const WHOLE = { message: 0, end: true };
const DONE: Answer = { header: {} };

/** Adds to `handles`; what is over the limit is closed. @throws {Trouble} */
function addOrClose<T>(handles: Handles<T>, thing: T, close: () => void): number {
  try {
    return handles.add(thing);
  } catch (error) {
    close();
    throw error;
  }
}

/** The operations, and their end: everything that is open is closed. */
export function dropOperations(
  services: () => KeeperServices,
  tokens: Tokens,
): { readonly operations: Operations; readonly openFor: OpenFor; close(): void } {
  const drops = new Drops(services, tokens);
  return {
    operations: {
      "drop.open": (v) => settled(() => drops.open(v.text("token"), v.number("session"))),
      "drop.ids": (v) => drops.ids(v.number("drop"), v.number("from")),
      "drop.sizes": (v) => settled(() => drops.sizes(v.number("drop"), v.number("from"))),
      "drop.message": (v) => settled(() => drops.message(v.number("drop"), v.number("index"))),
      "drop.read": (v) => drops.read(v.number("message")),
      "drop.shut": (v) => drops.shut(v.number("message")),
      "drop.mark": (v, payload) => drops.mark(v.number("drop"), payload),
      "drop.update": (v) => settled(() => drops.update(v.number("drop"))),
      "drop.close": (v) => drops.close(v.number("drop")),
    },
    openFor: (account, session) => settled(() => drops.openFor(account, session)),
    close: () => drops.closeAll(),
  };
}
