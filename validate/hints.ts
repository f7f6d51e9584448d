/**
 * Names that a set may have: a field of bits in front of a large Map or Set.
 *
 * Most names that strangers ask for are in none of a site's lists, and a string that was just cut out of an address is
 * expensive to look up: the engine makes it flat, hashes it and walks cold memory. A bit says "certainly not" for nearly
 * all of them in a twentieth of the time. A bit that is set says nothing; ask the set.
 */

/** Bits for each name: of names that are not there, one in sixteen finds its bit set. */
const BITS_PER_NAME = 16;
const LEAST_BITS = 1024;
const MOST_BITS = 1 << 24;

/** Tells what is certainly not among the names it was made of. */
export interface Hints {
  mayHave(name: string): boolean;
}

/**
 * Is a name in `set`? Remembers the last one that was: recipients of a session are mostly of one domain, and to compare a
 * string with another costs a tenth of looking it up.
 */
export function memberOf(set: ReadonlySet<string>): (name: string) => boolean {
  let last: string | null = null;
  return (name) => {
    if (name === last) return true;
    if (!set.has(name)) return false;
    last = name;
    return true;
  };
}

function hashOf(name: string): number {
  let hash = 5381;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash, 33) ^ name.charCodeAt(i);
  return hash ^ (hash >>> 15);
}

/** The hints of `count` names. */
export function makeHints(names: Iterable<string>, count: number): Hints {
  let bits = LEAST_BITS;
  while (bits < count * BITS_PER_NAME && bits < MOST_BITS) bits *= 2;
  const words = new Uint32Array(bits / 32);
  const last = bits - 1;
  for (const name of names) {
    const bit = hashOf(name) & last;
    words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }
  return {
    mayHave(name) {
      const bit = hashOf(name) & last;
      return ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
    },
  };
}

/** Questions after which a Map is worth its hints: a session on standard input asks one. */
const MANY = 64;

/** Looks names up in `map`; null: it has none of that name. */
export function finderIn<T>(map: ReadonlyMap<string, T>): (name: string) => T | null {
  let asked = 0;
  let hints: Hints | null = null;
  return (name) => {
    if (hints === null && ++asked > MANY) hints = makeHints(map.keys(), map.size);
    return hints === null || hints.mayHave(name) ? map.get(name) ?? null : null;
  };
}
