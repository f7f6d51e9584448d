/** A map that keeps the keys used last, and hands over what it lets go. */

export class LruMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #most: number;
  readonly #onEvict: (value: V, key: K) => void;

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
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    for (const [oldest, evicted] of this.#entries) {
      this.#entries.delete(oldest);
      this.#onEvict(evicted, oldest);
      return;
    }
  }

  /** Removes and returns. */
  take(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#entries.delete(key);
    return value;
  }

  /** Removes and returns everything, the oldest first. */
  *drain(): Generator<V> {
    for (const [key, value] of this.#entries) {
      this.#entries.delete(key);
      yield value;
    }
  }
}
