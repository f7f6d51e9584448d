/**
 * Maildrops that the keeper holds open, as POP3 sees them. Listings are shared by sessions as long as the keeper's is the
 * same, so that a client who polls a large maildrop costs one question; messages are read one piece ahead.
 */
import type { Account } from "../auth/types.ts";
import type { Listing, Message } from "../pop3/listing.ts";
import { type Maildrop, MaildropError, type UpdateReport } from "../pop3/maildrop.ts";
import type { OpenMessage } from "../pop3/maildrop_files.ts";
import type { Asking, Reply } from "./connection.ts";
import { binaryOf, MAX_PAYLOAD_BYTES } from "./frames.ts";
import type { Proof, Proofs } from "./proofs.ts";
import { Trouble, type TroubleKind, type Values, valuesOf } from "./protocol.ts";

const SIZE_BYTES = 8;
const INDEX_BYTES = 4;

/** A keeper's trouble in the words of a maildrop. */
function rethrow(error: unknown): never {
  throw error instanceof Trouble ? new MaildropError(error.kind, error.message) : error;
}

const NO_STAMP = { dev: 0, ino: 0, mtimeMs: 0, ctimeMs: 0, size: 0 } as const;

const unknownMessage = (): Message => ({
  name: "",
  inNew: false,
  base: "",
  mtime: 0,
  raw: 0,
  sent: -1,
  octets: -1,
  twin: false,
});

/** Reads a listing page by page: of its files nothing is known here but unique-ids and sizes. */
async function readListing(keeper: Asking, drop: number, facts: Values): Promise<Listing> {
  const count = facts.number("count");
  const uniqueIds: string[] = [];
  for (let from = 0; from < count;) {
    const page = await keeper.ask("drop", "drop.ids", { drop, from });
    const ids = binaryOf(page.payload).split("\n");
    ids.pop();
    for (const id of ids) uniqueIds.push(id);
    const next = page.number("next");
    if (next <= from) throw new Trouble("temporary", "The keeper's listing does not go on");
    from = next;
  }
  return {
    messages: Array.from({ length: count }, unknownMessage),
    uniqueIds,
    byBase: new Map(),
    stamps: [NO_STAMP, NO_STAMP],
    takenMs: 0,
    nextShow: Infinity,
    asked: 0,
    octets: -1,
    rawBytes: facts.number("rawBytes"),
    replies: { list: null, uidl: null },
  };
}

/** Fills in the sizes of a listing. */
async function readSizes(keeper: Asking, drop: number, listing: Listing): Promise<void> {
  const { messages } = listing;
  for (let from = 0; from < messages.length;) {
    const { payload } = await keeper.ask("drop", "drop.sizes", { drop, from });
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const count = payload.length / SIZE_BYTES;
    if (count < 1) throw new Trouble("temporary", "The keeper's sizes do not go on");
    for (let i = 0; i < count; i++) messages[from + i]!.octets = view.getFloat64(i * SIZE_BYTES);
    from += count;
  }
  listing.octets = messages.reduce((sum, message) => sum + message.octets, 0);
}

/** A message of which the first piece is there. */
function openPieces(keeper: Asking, first: Reply): OpenMessage {
  const message = first.number("message");
  let piece = first.payload;
  let isEnd = first.flag("end");
  let ahead: Promise<Reply> | null = null;
  const askAhead = () => {
    if (isEnd) return;
    ahead = keeper.ask("drop", "drop.read", { message });
    ahead.catch(() => undefined);
  };
  const take = (into: Uint8Array): number => {
    const count = Math.min(into.length, piece.length);
    into.set(piece.subarray(0, count));
    piece = piece.subarray(count);
    return count;
  };
  return {
    readNow(into) {
      if (piece.length > 0 || isEnd) return take(into);
      throw new MaildropError("temporary", "The next piece of the message is not here yet");
    },
    async read(into) {
      if (piece.length > 0 || isEnd) return take(into);
      try {
        if (ahead === null) askAhead();
        const reply = await ahead!;
        ahead = null;
        piece = reply.payload;
        isEnd = reply.flag("end");
      } catch (error) {
        rethrow(error);
      }
      askAhead();
      return take(into);
    },
    close() {
      if (isEnd) return;
      isEnd = true;
      keeper.tell("drop.shut", { message });
    },
  };
}

/** Tells the keeper which messages go, then lets it go through with it. */
async function update(
  keeper: Asking,
  drop: number,
  deleted: ReadonlySet<number>,
): Promise<UpdateReport> {
  try {
    const indices = [...deleted];
    const page = MAX_PAYLOAD_BYTES / INDEX_BYTES;
    for (let from = 0; from < indices.length; from += page) {
      const part = indices.slice(from, from + page);
      const view = new DataView(new ArrayBuffer(part.length * INDEX_BYTES));
      part.forEach((index, i) => view.setUint32(i * INDEX_BYTES, index));
      await keeper.ask("drop", "drop.mark", { drop }, new Uint8Array(view.buffer));
    }
    const report = await keeper.ask("drop", "drop.update", { drop });
    return {
      removed: report.number("removed"),
      moved: report.number("moved"),
      notRemoved: report.number("notRemoved"),
      notMoved: report.number("notMoved"),
      reason: report.text("reason"),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { removed: 0, moved: 0, notRemoved: deleted.size, notMoved: 0, reason };
  }
}

const NOTHING_DONE: UpdateReport = {
  removed: 0,
  moved: 0,
  notRemoved: 0,
  notMoved: 0,
  reason: "",
};

export type OpenKeeperDrop = (account: Account, session: number) => Promise<Maildrop>;

/** Opens maildrops by the proofs of their logins; who asked closes them, whenever they come. `maxMessages`: of all listings that are kept here. */
export function openKeeperDrops(
  keeper: Asking,
  proofs: Proofs,
  maxMessages: number,
): OpenKeeperDrop {
  // By the keeper's numbers, in the order of use.
  const listings = new Map<number, Listing>();
  let kept = 0;

  /** The opened maildrop: it came with the login, or is asked for by its token. */
  async function open(proof: Proof, session: number): Promise<Values> {
    if (!("opened" in proof)) return await keeper.ask("drop", "drop.open", { ...proof, session });
    const facts = valuesOf(proof.opened);
    if (!("trouble" in proof.opened)) return facts;
    throw new Trouble(facts.text("trouble") as TroubleKind, facts.text("reason"));
  }

  async function listingOf(drop: number, facts: Values): Promise<Listing> {
    const number = facts.number("listing");
    const known = listings.get(number);
    const listing = known ?? await readListing(keeper, drop, facts);
    if (known === undefined && !listings.has(number)) kept += listing.messages.length + 1;
    listings.delete(number);
    listings.set(number, listing);
    for (const [old, { messages }] of listings) {
      if (kept <= maxMessages) break;
      listings.delete(old);
      kept -= messages.length + 1;
    }
    return listing;
  }

  return async (account, session) => {
    const proof = proofs.take(account);
    if (proof === undefined) {
      const why = "the keeper opens maildrops only for logins whose password it has checked itself";
      throw new MaildropError("permanent", `No maildrop for login "${account.login}": ${why}`);
    }
    try {
      const facts = await open(proof, session);
      const drop = facts.number("drop");
      let isClosed = false;
      const close = () => {
        if (!isClosed) keeper.tell("drop.close", { drop });
        isClosed = true;
      };
      try {
        const listing = await listingOf(drop, facts);
        // QUIT closes on the keeper's side too.
        const ended = () => void (isClosed = true);
        return openDrop(keeper, drop, facts, listing, close, ended);
      } catch (error) {
        close();
        throw error;
      }
    } catch (error) {
      rethrow(error);
    }
  };
}

function openDrop(
  keeper: Asking,
  drop: number,
  facts: Values,
  listing: Listing,
  close: () => void,
  ended: () => void,
): Maildrop {
  return {
    path: facts.text("path"),
    listing,
    cached: facts.flag("cached"),
    settleSizes() {
      if (listing.octets >= 0) return;
      return readSizes(keeper, drop, listing).catch(rethrow);
    },
    async open(index) {
      try {
        return openPieces(keeper, await keeper.ask("drop", "drop.message", { drop, index }));
      } catch (error) {
        rethrow(error);
      }
    },
    update(deleted) {
      // Nothing to remove and nothing to move: nothing to wait for.
      if (deleted.size === 0 && facts.number("fresh") === 0) {
        close();
        return NOTHING_DONE;
      }
      ended();
      return update(keeper, drop, deleted);
    },
    close,
  };
}
