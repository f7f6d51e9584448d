/** What other isolates noted, taken into the memory of this one; and all of it at once, for one that begins. */
import type { Bans } from "./bans.ts";
import type { ZoneHealth } from "./dnsbl_health.ts";
import type { Greylist } from "./greylist.ts";
import type { Guesses } from "./guesses.ts";
import type { Rates } from "./rates.ts";
import type { SharedBatch, SharedCount, SharedFact, StateSnapshot } from "./state_share.ts";
import type { SlidingWindow } from "./windows.ts";

/** All that is remembered. */
export interface Stores {
  readonly bans: Bans;
  readonly guesses: Guesses;
  readonly rates: Rates;
  readonly greylist: Greylist;
  readonly waited: SlidingWindow;
  readonly zones: ZoneHealth;
}

/** Takes what another isolate noted; says which files have to be written anew. */
export function receiveBatch(
  stores: Stores,
  { atMs, counts, facts }: SharedBatch,
): { readonly bans: boolean; readonly greylist: boolean } {
  for (const count of counts) receiveCount(stores, count, atMs);
  for (const fact of facts) receiveFact(stores, fact);
  return {
    bans: counts.some(([kind]) => kind === "invalid") ||
      facts.some(({ kind }) => kind === "ban" || kind === "lift"),
    greylist: facts.some(({ kind }) => kind === "triplet"),
  };
}

function receiveCount({ guesses, rates, waited }: Stores, count: SharedCount, atMs: number): void {
  if (count.length === 4) {
    const [kind, network, domain, by] = count;
    return guesses.add(network, domain, kind === "valid", atMs, by);
  }
  const [kind, address, by] = count;
  if (kind === "waited") waited.add(address, atMs, by);
  else rates.note(kind, address, atMs, by);
}

function receiveFact({ bans, greylist, zones }: Stores, fact: SharedFact): void {
  switch (fact.kind) {
    case "ban":
      return bans.take(fact.ban);
    case "lift":
      return void bans.lift(fact.network);
    case "triplet":
      return void greylist.meet(fact.triplet, fact.atMs);
    case "zone": {
      const { zone, reason } = fact;
      zones.take(zone, reason === null ? { kind: "alive" } : { kind: "dead", reason });
    }
  }
}

/** All that is remembered. */
export function takeSnapshot(stores: Stores, nowMs: number): StateSnapshot {
  const { bans, guesses, rates, greylist, waited, zones } = stores;
  return {
    bans: [...bans.kept(nowMs)],
    guesses: [...guesses.rows(nowMs)],
    rates: rates.rows(nowMs),
    waited: [...waited.rows(nowMs)],
    greylist: greylist.toText(nowMs),
    deadZones: zones.dead,
  };
}

/** Takes it into an empty memory. */
export function restoreSnapshot(stores: Stores, snapshot: StateSnapshot): void {
  const { bans, guesses, rates, greylist, waited, zones } = stores;
  for (const ban of snapshot.bans) bans.take(ban);
  for (const row of snapshot.guesses) guesses.take(row);
  rates.take(snapshot.rates);
  for (const row of snapshot.waited) waited.take(row);
  greylist.takeText(snapshot.greylist);
  for (const [zone, reason] of snapshot.deadZones) zones.take(zone, { kind: "dead", reason });
}
