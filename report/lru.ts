/**
 * A map that keeps the keys used last, and hands over what it lets go.
 *
 * The order is a list through the entries: to find the oldest key of a Map, its iterator passes over every hole that a
 * deletion left, which costs more than all else here once the map is full.
 */

interface Entry<K, V> {
  readonly key: K;
  value: V;
  older: Entry<K, V> | null;
  younger: Entry<K, V> | null;
}

export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #most: number;
  readonly #onEvict: (value: V, key: K) => void;
  #oldest: Entry<K, V> | null = null;
  #youngest: Entry<K, V> | null = null;

  /** `onEvict` is called for what leaves because there is no room, not for what is deleted. */
  constructor(most: number, onEvict: (value: V, key: K) => void = () => {}) {
    this.#most = most;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which becomes the youngest. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#unlink(entry);
    this.#append(entry);
    return entry.value;
  }

  set(key: K, value: V): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      this.#unlink(known);
      return this.#append(known);
    }
    const entry = { key, value, older: null, younger: null };
    this.#entries.set(key, entry);
    this.#append(entry);
    const oldest = this.#oldest;
    if (this.#entries.size <= this.#most || oldest === null) return;
    this.take(oldest.key);
    this.#onEvict(oldest.value, oldest.key);
  }

  /** The value of the key used longest ago. */
  get oldest(): V | undefined {
    return this.#oldest?.value;
  }

  /** Removes and returns. */
  take(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#unlink(entry);
    return entry.value;
  }

  /** Removes and returns everything, the oldest first. */
  *drain(): Generator<V> {
    for (let entry = this.#oldest; entry !== null; entry = this.#oldest) {
      this.take(entry.key);
      yield entry.value;
    }
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#youngest;
    if (this.#youngest === null) this.#oldest = entry;
    else this.#youngest.younger = entry;
    this.#youngest = entry;
  }

  #unlink(entry: Entry<K, V>): void {
    if (entry.older === null) this.#oldest = entry.younger;
    else entry.older.younger = entry.younger;
    if (entry.younger === null) this.#youngest = entry.older;
    else entry.younger.older = entry.older;
    entry.older = null;
    entry.younger = null;
  }
}
