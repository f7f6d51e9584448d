/** The first 64 KiB of a message: what waits in memory before a file or a program takes it. */

/** Message bytes that wait in memory. */
export const MEMORY_BYTES = 65536;

export interface Memory {
  /** How many are kept. */
  readonly bytes: number;
  /** Keeps a copy of `chunk`; false, and nothing kept, when it no longer fits. */
  take(chunk: Uint8Array): boolean;
  /** Everything that was kept, which is then no longer in here. */
  empty(): Uint8Array<ArrayBuffer>;
}

/** What most messages fit into. */
const SHORT_BYTES = 8192;

/** Pieces that were used and will be again: 2 MiB of each size at most. */
const KEPT_BYTES = 2 * 1024 * 1024;
const kept: ReadonlyMap<number, Uint8Array<ArrayBuffer>[]> = new Map([
  [SHORT_BYTES, []],
  [MEMORY_BYTES, []],
]);

/** Takes what `empty` gave and nobody looks at any more: the next message can have the room. */
export function giveBack(bytes: Uint8Array<ArrayBuffer>): void {
  const size = bytes.buffer.byteLength;
  const same = kept.get(size);
  if (same !== undefined && same.length * size < KEPT_BYTES) {
    same.push(new Uint8Array(bytes.buffer));
  }
}

/** Room for SHORT_BYTES or MEMORY_BYTES. What was in it before is still there. */
function room(bytes: number): Uint8Array<ArrayBuffer> {
  return kept.get(bytes)?.pop() ?? new Uint8Array(bytes);
}

/** What a message is written in, once it is long: a full memory and what came behind it. */
const LONG_BYTES = 2 * MEMORY_BYTES;
const LONG_KEPT = 16;
const longKept: Uint8Array<ArrayBuffer>[] = [];

/** `head` and `body` in one piece; `write` is given it, and nobody has it any more when that is over. */
export async function inOnePiece(
  head: Uint8Array,
  body: Uint8Array,
  write: (piece: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const bytes = head.length + body.length;
  const fits = bytes <= LONG_BYTES;
  const room = fits ? longKept.pop() ?? new Uint8Array(LONG_BYTES) : new Uint8Array(bytes);
  room.set(head);
  room.set(body, head.length);
  try {
    await write(room.subarray(0, bytes));
  } finally {
    if (fits && longKept.length < LONG_KEPT) longKept.push(room);
  }
}

/** An empty memory. A short message takes little, a longer one all at once. */
export function openMemory(): Memory {
  let bytes = new Uint8Array(0);
  let used = 0;
  return {
    get bytes() {
      return used;
    },
    take(chunk) {
      const needed = used + chunk.length;
      if (needed > MEMORY_BYTES) return false;
      if (needed > bytes.length) {
        const grown = room(needed <= SHORT_BYTES ? SHORT_BYTES : MEMORY_BYTES);
        grown.set(bytes.subarray(0, used));
        giveBack(bytes);
        bytes = grown;
      }
      bytes.set(chunk, used);
      used = needed;
      return true;
    },
    empty() {
      const all = bytes.subarray(0, used);
      bytes = new Uint8Array(0);
      used = 0;
      return all;
    },
  };
}
