/** The first 64 KiB of a message: what waits in memory before a file or a program takes it. */

/** Message bytes that wait in memory. */
export const MEMORY_BYTES = 65536;

export interface Memory {
  /** Keeps a copy of `chunk`; false, and nothing kept, when it no longer fits. */
  take(chunk: Uint8Array): boolean;
  /** Everything that was kept, which is then no longer in here. */
  empty(): Uint8Array<ArrayBuffer>;
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
        const size = Math.min(MEMORY_BYTES, Math.max(8192, needed, bytes.length * 2));
        const grown = new Uint8Array(size);
        grown.set(bytes.subarray(0, used));
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
