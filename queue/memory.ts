/** The first 64 KiB of a message: what waits in memory before a file or a program takes it. */

/** Message bytes that wait in memory. */
export const MEMORY_BYTES = 65536;

export interface Memory {
  /** Keeps a copy of `chunk`; false, and nothing kept, when it no longer fits. */
  take(chunk: Uint8Array): boolean;
  /** Everything that was kept, which is then no longer in here. */
  empty(): Uint8Array<ArrayBuffer>;
}

/** What most messages fit into. */
const FIRST_BYTES = 8192;
/** Pieces of FIRST_BYTES that were used and will be again. */
const KEPT = 256;
const kept: Uint8Array<ArrayBuffer>[] = [];

/** Takes what `empty` gave and nobody looks at any more: the next message can have the room. */
export function giveBack(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.buffer.byteLength === FIRST_BYTES && kept.length < KEPT) {
    kept.push(new Uint8Array(bytes.buffer));
  }
}

function room(bytes: number): Uint8Array<ArrayBuffer> {
  return bytes === FIRST_BYTES ? kept.pop() ?? new Uint8Array(bytes) : new Uint8Array(bytes);
}

/** An empty memory. It grows by doubling: a short message takes little, a long one is rarely copied. */
export function openMemory(): Memory {
  let bytes = new Uint8Array(0);
  let used = 0;
  return {
    take(chunk) {
      const needed = used + chunk.length;
      if (needed > MEMORY_BYTES) return false;
      if (needed > bytes.length) {
        const grown = room(Math.min(MEMORY_BYTES, Math.max(FIRST_BYTES, needed, bytes.length * 2)));
        grown.set(bytes.subarray(0, used));
        giveBack(bytes);
        bytes = grown;
      }
      bytes.set(chunk, used);
      used = needed;
      return true;
    },
    empty() {
      const kept = bytes.subarray(0, used);
      bytes = new Uint8Array(0);
      used = 0;
      return kept;
    },
  };
}
