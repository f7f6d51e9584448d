/**
 * Question 3: open the maildrop of this login, as its owner; read its messages; remove what was deleted.
 *
 * A maildrop is opened by the token of a login and by nothing else. Listings travel in pages, messages in pieces of at most
 * 64 KiB that the front asks for one by one, so neither side's memory grows with either. A message that fits
 * in the first piece is closed at once.
 */
import { type Maildrop, MaildropError } from "../pop3/maildrop.ts";
import type { Listing } from "../pop3/listing.ts";
import type { OpenMessage } from "../pop3/maildrop_files.ts";
import { bytesOf, MAX_PAYLOAD_BYTES } from "./frames.ts";
import type { Tokens } from "./logins.ts";
import { type Answer, type KeeperServices, makeHandles, type Operations } from "./operations.ts";
import { ProtocolError, Trouble } from "./protocol.ts";

interface OpenDrop {
  readonly maildrop: Maildrop;
  /** Messages to be removed by `update`. */
  readonly marked: Set<number>;
}

const SIZE_BYTES = 8;
const INDEX_BYTES = 4;

/** A MaildropError as an answer; anything else is a fault of this message alone. */
export function troubleOf(error: unknown): unknown {
  return error instanceof MaildropError ? new Trouble(error.kind, error.message) : error;
}

async function settled<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw troubleOf(error);
  }
}

/** Reads until `into` is full or the message at its end. */
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

/** The operations, and their end: everything that is open is closed. */
export function dropOperations(
  services: () => KeeperServices,
  tokens: Tokens,
): { readonly operations: Operations; close(): void } {
  const limit = () => services().maxDrops;
  const drops = makeHandles<OpenDrop>("maildrop", limit);
  const messages = makeHandles<OpenMessage>("open message", limit);
  const numbers = new WeakMap<Listing, number>();
  let lastListing = 0;

  const numberOf = (listing: Listing): number => {
    const number = numbers.get(listing) ?? ++lastListing;
    numbers.set(listing, number);
    return number;
  };

  function addDrop(maildrop: Maildrop): number {
    try {
      return drops.add({ maildrop, marked: new Set() });
    } catch (error) {
      maildrop.close?.();
      throw error;
    }
  }

  /** The next piece; the end closes the message. */
  async function piece(handle: number, message: OpenMessage): Promise<Answer> {
    const into = new Uint8Array(MAX_PAYLOAD_BYTES);
    try {
      const length = await fill(message, into);
      const isEnd = length < into.length;
      if (isEnd) messages.remove(handle)?.close();
      return { header: { message: handle, end: isEnd }, payload: into.subarray(0, length) };
    } catch (error) {
      messages.remove(handle)?.close();
      const why = error instanceof Error ? error.message : String(error);
      throw new Trouble("permanent", why);
    }
  }

  const operations: Operations = {
    "drop.open": (values) =>
      settled(async () => {
        const account = tokens.take(values.text("token"));
        const maildrop = await services().openMaildrop(account, values.number("session"));
        const { listing, cached, path } = maildrop;
        const drop = addDrop(maildrop);
        const facts = {
          count: listing.messages.length,
          rawBytes: listing.rawBytes,
          octets: listing.octets,
        };
        return { header: { drop, listing: numberOf(listing), cached, path, ...facts } };
      }),
    "drop.ids": (values) =>
      idPage(drops.get(values.number("drop")).maildrop.listing, values.number("from")),
    "drop.sizes": (values) =>
      settled(async () => {
        const { maildrop } = drops.get(values.number("drop"));
        await maildrop.settleSizes();
        return sizePage(maildrop.listing, values.number("from"));
      }),
    "drop.message": (values) =>
      settled(async () => {
        const { maildrop } = drops.get(values.number("drop"));
        const index = values.number("index");
        if (index >= maildrop.listing.messages.length) {
          throw new ProtocolError("A question is about a message that is not there");
        }
        const message = await maildrop.open(index);
        let handle: number;
        try {
          handle = messages.add(message);
        } catch (error) {
          message.close();
          throw error;
        }
        return await piece(handle, message);
      }),
    "drop.read": (values) => {
      const handle = values.number("message");
      return piece(handle, messages.get(handle));
    },
    "drop.shut": (values) => {
      messages.remove(values.number("message"))?.close();
      return { header: {} };
    },
    "drop.mark": (values, payload) => {
      const { maildrop, marked } = drops.get(values.number("drop"));
      for (const index of readIndices(payload, maildrop.listing.messages.length)) marked.add(index);
      return { header: {} };
    },
    "drop.update": (values) =>
      settled(async () => {
        const { maildrop, marked } = drops.get(values.number("drop"));
        return { header: { ...await maildrop.update(marked) } };
      }),
    "drop.close": (values) => {
      drops.remove(values.number("drop"))?.maildrop.close?.();
      return { header: {} };
    },
  };
  return {
    operations,
    close: () => {
      for (const message of messages.values()) message.close();
    },
  };
}
