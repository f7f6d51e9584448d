/** POP3 of a site: the protocol with the maildrops that its sessions open. */
import type { Protocol } from "../net/types.ts";
import { createPop3Protocol, type Pop3Service } from "../pop3/protocol.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { SiteLookup } from "../validate/types.ts";
import { type OpenMaildrop, openMaildropCache, openMaildrops } from "./maildrops.ts";
import { openOwnMaildrop } from "./own_maildrop.ts";
import type { SiteOptions } from "./site_options.ts";
import type { SitePlace } from "./site_place.ts";

/** What maildrops are opened with where no keeper does it. */
export interface DropParts {
  readonly place: SitePlace;
  readonly settings: Settings;
  readonly lookup: SiteLookup;
  readonly tracer: Tracer;
  readonly options: SiteOptions;
}

/** How maildrops are opened without a keeper. */
function openDrops({ place, settings, lookup, tracer, options }: DropParts): OpenMaildrop {
  const becomesOwner = options.asRoot === "become_owner" && Deno.uid() === 0 &&
    place.closedAt === "";
  return becomesOwner
    ? openOwnMaildrop(place.root, lookup, openMaildropCache(settings, tracer))
    : openMaildrops(place, settings, lookup, tracer);
}

/** POP3; `keepers`: how its keeper opens maildrops, undefined for none. */
export function openPop3(
  service: Omit<Pop3Service, "openMaildrop">,
  keepers: OpenMaildrop | undefined,
  parts: DropParts,
): Protocol {
  return createPop3Protocol({ ...service, openMaildrop: keepers ?? openDrops(parts) });
}
