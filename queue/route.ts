/**
 * The look-up as the Maildir delivery needs it: results, instructions and places of validate/, put together.
 *
 * Runs nothing and delivers nothing. Paths are those of this system: below --root where the site has one.
 */
import type { LookupResult, SiteLookup } from "../validate/types.ts";
import type { Owner } from "./libc.ts";
import type { Instruction, LocalRoute, Routing } from "./plan.ts";

/** The part of the look-up that is used here. */
export type RouteSource = Pick<SiteLookup, "lookup" | "readInstructions" | "maildirsOf">;

/**
 * A routing over the look-up. `asOwner`: Maildir files are made with the rights of the user they are for, which only root
 * can do; otherwise with those of this process.
 */
export function routeBy(site: RouteSource, asOwner: () => boolean): Routing {
  return (address) => routeOf(site, site.lookup(address), asOwner());
}

function routeOf(site: RouteSource, result: LookupResult, asOwner: boolean): LocalRoute {
  const outcome = OUTCOMES[result.verdict];
  const nowhere = {
    outcome,
    reason: result.reason,
    rewritten: result.rewritten ?? result.address,
    owner: null,
    home: "/",
    instructions: [],
    forwardSender: (sender: string) => sender,
  } satisfies LocalRoute;
  if (outcome !== "deliver") return nowhere;
  const read = site.readInstructions(result);
  if (read.trouble !== null) return { ...nowhere, outcome: "undecided", reason: read.trouble };
  const places = site.maildirsOf(result);
  const instructions = withPlaces(read.instructions, places?.maildirs ?? []);
  if (instructions === null) {
    return {
      ...nowhere,
      outcome: "undecided",
      reason: `The instructions for "${result.address}" changed`,
    };
  }
  return {
    ...nowhere,
    owner: asOwner ? ownerOf(result) : null,
    home: places?.home ?? "/",
    instructions,
    forwardSender: read.forwardSender,
  };
}

const OUTCOMES = {
  deliverable: "deliver",
  discarded: "discard",
  remote: "remote",
  "no-mailbox": "undeliverable",
  bounced: "undeliverable",
  deferred: "undecided",
} as const satisfies Record<LookupResult["verdict"], LocalRoute["outcome"]>;

function ownerOf(result: LookupResult): Owner | null {
  const { uid, gid } = result;
  return uid === undefined || gid === undefined ? null : { uid, gid };
}

/** Maildir lines with their absolute places; null when the two don't belong together. */
function withPlaces(
  instructions: readonly Instruction[],
  maildirs: readonly string[],
): readonly Instruction[] | null {
  let next = 0;
  const placed = instructions.map((instruction) =>
    instruction.kind === "maildir" ? { ...instruction, text: maildirs[next++] ?? "" } : instruction
  );
  return next === maildirs.length ? placed : null;
}
