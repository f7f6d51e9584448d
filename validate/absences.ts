/**
 * Dot-qmail files that are known not to be there.
 *
 * A directory's times change with every name made in it, and the home is looked at in each look-up
 * anyway; so what was absent is absent while the home is the same. A home that changed within the
 * last second is not trusted. `.qmail` and defaults are remembered by name; names that strangers
 * choose are never asked for twice, so a home that is asked for several of them is listed once. A
 * listing shows no names that are not UTF-8: it answers for ASCII names only.
 */
import { type Hints, makeHints } from "./hints.ts";
import { atRest, type Failed, type Found, same } from "./sight.ts";
import type { Stat } from "./system.ts";

export interface Absences {
  has(home: Found, name: string): boolean;
  /**
   * Certainly none of the files of an extension: neither its own nor any default. The names that findDotQmail would ask
   * for one by one, without making them. `safe`: as it stands in file names.
   */
  hasNoneOf(home: Found, dash: string, safe: string): boolean;
  /** The opening of `name` below `home` failed. */
  note(home: Found, name: string, failure: Failed): void;
}

/** The dot-qmail files of a directory; null when it can't be listed or has too many names. */
export type ListDotQmail = (home: Found, limit: number) => ReadonlySet<string> | null;

const HOMES = 20_000;
const NAMES = 8;
/** Strangers' names asked for before a home is listed. */
const MISSES = 3;
/** Names in a directory beyond which it is not listed, and names kept of all homes together. */
const LISTED = 20_000;
const LISTED_TOTAL = 200_000;

interface Known {
  readonly stat: Stat;
  readonly names: string[];
  misses: number;
  listed: Listed | null;
}

/** A home's dot-qmail files. */
interface Listed {
  readonly names: ReadonlySet<string>;
  /** What follows ".qmail-" in each. */
  readonly extensions: Hints;
  readonly hasDefault: boolean;
  /** There are defaults of longer extensions. */
  readonly hasMoreDefaults: boolean;
}

const STEM = ".qmail-";

function listedOf(names: ReadonlySet<string>): Listed {
  const extensions = [...names].filter((name) => name.startsWith(STEM))
    .map((name) => name.slice(STEM.length));
  return {
    names,
    extensions: makeHints(extensions, extensions.length),
    hasDefault: extensions.includes("default"),
    hasMoreDefaults: extensions.some((one) => one.endsWith("-default")),
  };
}

const isCommon = (name: string): boolean => name === ".qmail" || name.endsWith("default");

/** Could a listing show this name, if it were there? */
function isListable(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0x7f || code === 0x2f) return false;
  }
  return true;
}

export function rememberAbsences(list: ListDotQmail): Absences {
  const homes = new Map<string, Known>();
  let total = 0;

  /** What is known of a home that has not changed. */
  function knownOf(home: Found): Known | null {
    const known = homes.get(home.path);
    if (known === undefined) return null;
    return known.stat === home.stat || same(known.stat, home.stat) ? known : null;
  }

  function learn(home: Found): Known | null {
    if (!atRest(home.stat, Date.now())) return null;
    if (homes.size >= HOMES || total >= LISTED_TOTAL) {
      homes.clear();
      total = 0;
    }
    const known: Known = { stat: home.stat, names: [], misses: 0, listed: null };
    homes.set(home.path, known);
    return known;
  }

  return {
    has(home, name) {
      const known = knownOf(home);
      if (known === null || name.includes("/")) return false;
      if (known.listed !== null && isListable(name)) return !known.listed.names.has(name);
      return known.names.includes(name);
    },
    hasNoneOf(home, dash, safe) {
      const listed = dash === "-" ? knownOf(home)?.listed ?? null : null;
      if (listed === null || listed.hasDefault || !isListable(safe)) return false;
      if (listed.hasMoreDefaults && safe.includes("-")) return false;
      return !listed.extensions.mayHave(safe);
    },
    note(home, name, failure) {
      // A dangling link is absent as well, but what it points to lies elsewhere.
      if (failure.errno !== "ENOENT" || failure.at !== `${home.path}/${name}`) return;
      if (name.includes("/")) return;
      const known = knownOf(home) ?? learn(home);
      if (known === null) return;
      if (isCommon(name)) {
        if (known.names.length < NAMES) known.names.push(name);
      } else if (++known.misses === MISSES) {
        const names = list(home, LISTED);
        known.listed = names === null ? null : listedOf(names);
        total += names?.size ?? 0;
      }
    },
  };
}
