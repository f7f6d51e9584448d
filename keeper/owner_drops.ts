/**
 * Maildrops of many owners: a place for listings per owner, so that what one may see is never shown to another.
 *
 * All together keep at most `maxMessages`; the owner whose maildrops were not asked for longest is forgotten first.
 */
import type { Maildrop } from "../pop3/maildrop.ts";
import { createMaildropCache, type MaildropCache } from "../pop3/maildrop_cache.ts";
import type { Tracer } from "../trace/tracer.ts";
import { dropFiles } from "./drop_files.ts";
import type { Owner, RunAs } from "./owner_files.ts";

export interface OwnerDropsOptions {
  readonly sizes: "exact" | "stat";
  readonly locks: boolean;
  readonly maxMessages: number;
  readonly tracer: Tracer;
  readonly runAs?: RunAs;
}

export type OpenOwnerDrop = (
  path: string,
  owner: Owner,
  session: number,
) => Maildrop | Promise<Maildrop>;

interface Place {
  readonly cache: MaildropCache;
  /** Messages of each Maildir when it was last opened. */
  readonly counts: Map<string, number>;
}

/** Opens maildrops. The function throws, or rejects with, a MaildropError; for root an Error. */
export function openOwnerDrops(options: OwnerDropsOptions): OpenOwnerDrop {
  const { sizes, locks, maxMessages, tracer, runAs } = options;
  // In the order of use, the oldest first.
  const places = new Map<string, Place>();
  /** Messages and Maildirs of all places. */
  let total = 0;

  function placeOf(owner: Owner): Place {
    const key = `${owner.uid}:${owner.gid}`;
    const place = places.get(key) ?? {
      cache: createMaildropCache({
        files: dropFiles(owner, runAs),
        sizes,
        locks,
        maxMessages,
        tracer,
        clock: Date.now,
      }),
      counts: new Map<string, number>(),
    };
    places.delete(key);
    places.set(key, place);
    return place;
  }

  function note(place: Place, maildrop: Maildrop): Maildrop {
    const { path, listing } = maildrop;
    const before = place.counts.get(path);
    total += listing.messages.length - (before ?? -1);
    place.counts.set(path, listing.messages.length);
    for (const [key, old] of places) {
      if (total <= maxMessages || old === place) break;
      places.delete(key);
      for (const count of old.counts.values()) total -= count + 1;
      old.counts.clear();
    }
    return maildrop;
  }

  return (path, owner, session) => {
    const place = placeOf(owner);
    const opened = place.cache.open(path, session);
    return opened instanceof Promise
      ? opened.then((maildrop) => note(place, maildrop))
      : note(place, opened);
  };
}
