/**
 * The keeper as the rest of the house sees it: a look-up, an authenticator, maildrops and a queue, the same interfaces
 * that are there without it.
 */
import type { Tracer } from "../trace/tracer.ts";
import { KEEPER_EVENTS } from "../trace/events.ts";
import type { LookupResult, LookupService } from "../validate/types.ts";
import type { Asking } from "./connection.ts";
import { binaryOf } from "./frames.ts";

export { openKeeperAuth, openKeeperResponses, openKeeperSecrets } from "./client_logins.ts";
export { Proofs } from "./proofs.ts";
export { openKeeperDrops } from "./client_drops.ts";
export { openKeeperQueue } from "./client_queue.ts";

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error);

/**
 * The look-up in this process, and where that is undecided the keeper's: most recipients need no question. What this process
 * may see it judges as root would, since files that are open to it are open to all whose mail they are about.
 */
export function openKeeperLookup(
  own: LookupService,
  keeper: Asking,
  tracer: Tracer,
): LookupService {
  async function ask(mine: LookupResult, explain: boolean): Promise<LookupResult> {
    if (tracer.level >= 3) {
      const fields = { address: mine.address, reason: mine.reason };
      tracer.emit(0, KEEPER_EVENTS.asked, fields);
    }
    try {
      const reply = await keeper.ask("look", "look", { address: mine.address, explain });
      if (reply.payload.length > 0) return JSON.parse(binaryOf(reply.payload)) as LookupResult;
      const { q: _, ...result } = reply.header;
      return result as unknown as LookupResult;
    } catch (error) {
      return { ...mine, reason: `${mine.reason}; and the keeper: ${reasonOf(error)}` };
    }
  }
  return {
    lookup(address, explain = false) {
      const mine = own.lookup(address, explain);
      if (mine instanceof Promise) {
        return mine.then((r) => r.verdict === "deferred" ? ask(r, explain) : r);
      }
      return mine.verdict === "deferred" ? ask(mine, explain) : mine;
    },
    rcptHosts: (address) => own.rcptHosts(address),
  };
}
