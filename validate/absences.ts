/**
 * Dot-qmail files that are known not to be there: the names that every address of a home asks for.
 *
 * A directory's times change with every name made in it, and the home is looked at in each look-up
 * anyway; so what was absent is absent while the home is the same. A home that changed within the
 * last second is not trusted. Only `.qmail` and defaults are kept, because names that strangers
 * choose would never be asked for twice.
 */
import { atRest, type Failed, type Found, same } from "./sight.ts";
import type { Stat } from "./system.ts";

export interface Absences {
  has(home: Found, name: string): boolean;
  /** The opening of `name` below `home` failed. */
  note(home: Found, name: string, failure: Failed): void;
}

const HOMES = 20_000;
const NAMES = 8;

export function rememberAbsences(): Absences {
  const homes = new Map<string, { readonly stat: Stat; readonly names: string[] }>();
  return {
    has(home, name) {
      const known = homes.get(home.path);
      return known !== undefined && known.names.includes(name) && same(known.stat, home.stat);
    },
    note(home, name, failure) {
      // A dangling link is absent as well, but what it points to lies elsewhere.
      if (failure.errno !== "ENOENT" || failure.at !== `${home.path}/${name}`) return;
      if (name.includes("/") || !(name === ".qmail" || name.endsWith("default"))) return;
      const known = homes.get(home.path);
      if (known !== undefined && same(known.stat, home.stat)) {
        if (known.names.length < NAMES) known.names.push(name);
      } else if (atRest(home.stat, Date.now())) {
        if (homes.size >= HOMES) homes.clear();
        homes.set(home.path, { stat: home.stat, names: [name] });
      }
    },
  };
}
