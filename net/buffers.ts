/**
 * Read buffers: a small one that a session keeps, large ones that pass from session to session.
 *
 * A waiting read holds its buffer, so an idle session must wait with a small one. Small ones are cut from slabs
 * (one allocation for 64) and reused; large ones are lent while mail data flows, and at most LARGE_LENT of them, so
 * that slow senders cannot take memory without bound: beyond that mail is read through the small buffer.
 */

/** A pipelined envelope or a command line of usual length fits. */
export const SMALL_BYTES = 1024;
export const LARGE_BYTES = 65536;
/** 32 MiB in all. */
const LARGE_LENT = 512;
const LARGE_KEPT = 32;
const SLAB = 64;

type Buffer = Uint8Array<ArrayBuffer>;

const small: Buffer[] = [];
const large: Buffer[] = [];
let lent = 0;

/** A buffer of SMALL_BYTES; never fails. */
export function takeSmall(): Buffer {
  const ready = small.pop();
  if (ready !== undefined) return ready;
  const slab = new Uint8Array(SLAB * SMALL_BYTES);
  for (let i = SLAB - 1; i > 0; i--) {
    small.push(slab.subarray(i * SMALL_BYTES, (i + 1) * SMALL_BYTES));
  }
  return slab.subarray(0, SMALL_BYTES);
}

/** Gives back what `takeSmall` lent. No read may be waiting on it. */
export function giveSmall(buffer: Buffer): void {
  small.push(buffer);
}

/** A buffer of LARGE_BYTES, or null when too many are lent. */
export function takeLarge(): Buffer | null {
  if (lent >= LARGE_LENT) return null;
  lent++;
  return large.pop() ?? new Uint8Array(LARGE_BYTES);
}

/** Gives back what `takeLarge` lent. No read may be waiting on it. */
export function giveLarge(buffer: Buffer): void {
  lent--;
  if (large.length < LARGE_KEPT) large.push(buffer);
}

/** Large buffers lent now, for tests and statistics. */
export function largeLent(): number {
  return lent;
}
