/**
 * Things that come and go with every session or question, by the number of their place.
 *
 * Not a Map and not a Set. When one of those makes room it leaves its old table behind, which refers to the new one; an old
 * table that the collector has taken for long-lived keeps all later tables, and whatever was in them, until the whole heap is
 * gone through: kilobytes of every session that should have been forgotten at once. An array leaves nothing behind.
 */
export class Held<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#things.length - this.#free.length;
  }

  /** The number is from 0, and somebody else's once the thing was taken out. */
  add(thing: T): number {
    const place = this.#free.pop() ?? this.#things.length;
    this.#things[place] = thing;
    return place;
  }

  get(place: number): T | undefined {
    return this.#things[place];
  }

  /** Takes it out; undefined when there is nothing. */
  remove(place: number): T | undefined {
    const thing = this.#things[place];
    if (thing === undefined) return undefined;
    this.#things[place] = undefined;
    this.#free.push(place);
    return thing;
  }

  /** All that is there now. */
  values(): T[] {
    return this.#things.filter((thing) => thing !== undefined);
  }
}
