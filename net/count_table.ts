/**
 * How many sessions each of many keys has: one open-addressing table in shared memory, without a lock.
 *
 * A slot's key may change only while its count is FREE or CLAIMED, and every step is one atomic operation. In the narrow
 * race of two workers seeing the same new key at the same moment it may be counted in two slots, which makes its limit
 * a little generous and is gone with its sessions. Hashes are seeded, so nobody can choose colliding keys.
 */

/** Slots looked at for one key; the table is at most a quarter full. */
const WINDOW = 32;
const FREE = 0;
const CLAIMED = -1;
/** Stands for a slot where there is none: all of the key's window was taken. Also when counting out. */
export const NO_SLOT = 0x7fffffff;

/** Cells that a table of `capacity` slots (a power of two) takes. */
export const tableCells = (capacity: number): number => capacity * 2;

/** Two hashes of a key's text: where it stands in the table, and what is kept of it there (never 0). */
function hash(seed: number, text: string): { index: number; key: number } {
  let a = seed | 0;
  let b = ~seed | 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995) + (b >>> 15);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  a ^= a >>> 13;
  b = Math.imul(b ^ (b >>> 15), 0xc2b2ae35 | 0);
  b ^= b >>> 16;
  return { index: a >>> 0, key: b === 0 ? 1 : b };
}

/** One worker's view of a table. */
export class CountTable {
  readonly #cells: Int32Array;
  readonly #seed: number;
  readonly #mask: number;
  readonly #keys: number;
  readonly #counts: number;

  /** The table begins at cell `first` of `cells`. */
  constructor(cells: Int32Array, first: number, capacity: number, seed: number) {
    this.#cells = cells;
    this.#seed = seed;
    this.#mask = capacity - 1;
    this.#keys = first;
    this.#counts = first + capacity;
  }

  /** The count of a key. */
  countOf(text: string): number {
    const { index, key } = hash(this.#seed, text);
    let sum = 0;
    for (let i = 0; i < WINDOW; i++) {
      const slot = (index + i) & this.#mask;
      const n = Atomics.load(this.#cells, this.#counts + slot);
      if (n > 0 && Atomics.load(this.#cells, this.#keys + slot) === key) sum += n;
    }
    return sum;
  }

  /** Adds one to a key: the slot, for `release`; NO_SLOT: it could not be counted; null: it has `most` already. */
  add(text: string, most: number): number | null {
    const { index, key } = hash(this.#seed, text);
    for (let attempt = 0; attempt < 8; attempt++) {
      let free = -1;
      for (let i = 0; i < WINDOW; i++) {
        const slot = (index + i) & this.#mask;
        const n = Atomics.load(this.#cells, this.#counts + slot);
        if (n === FREE) {
          if (free < 0) free = slot;
        } else if (n !== CLAIMED && Atomics.load(this.#cells, this.#keys + slot) === key) {
          if (n >= most) return null;
          if (this.#swap(slot, n, n + 1)) return slot;
          free = -2;
          break;
        }
      }
      if (free === -1) return NO_SLOT;
      if (free >= 0 && this.#claim(free, key)) return free;
    }
    return NO_SLOT;
  }

  /** Takes one away from the slot that `add` gave. */
  release(slot: number): void {
    if (slot !== NO_SLOT) Atomics.sub(this.#cells, this.#counts + slot, 1);
  }

  #claim(slot: number, key: number): boolean {
    if (!this.#swap(slot, FREE, CLAIMED)) return false;
    Atomics.store(this.#cells, this.#keys + slot, key);
    Atomics.store(this.#cells, this.#counts + slot, 1);
    return true;
  }

  #swap(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, this.#counts + slot, from, to) === from;
  }
}
