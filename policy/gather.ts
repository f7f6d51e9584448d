/**
 * Finds out what checks need, and remembers it for the session: each thing is asked once, all of a
 * check's at one time.
 *
 * The one place of policy that asks the DNS. A session makes its own; the greylist is asked anew
 * for each recipient.
 */
import { confirmReverse } from "../dns/reverse.ts";
import type { DnsAnswer, QueryType, Resolver } from "../dns/types.ts";
import type { Gather } from "./mod.ts";
import { type Known, type Need, NOTHING_KNOWN, type Triplet } from "./types.ts";
import type { GreyAnswer } from "./types.ts";

/** Whom to ask. */
export interface Sources {
  readonly resolver: Resolver;
  /** Remembers the triplet; null: no greylist. */
  readonly greylist: ((triplet: Triplet) => GreyAnswer) | null;
  readonly isDeadZone: (zone: string) => boolean;
  /** Number of the session, for the trace of the DNS. */
  readonly session: number;
}

/** A session's memory. */
export interface Gatherer {
  readonly gather: Gather;
  /**
   * What is known at the beginning of a stage: all but the greylist's answer, which was about
   * another recipient.
   */
  known(): Known;
}

/** Makes one. */
export function createGatherer(sources: Sources): Gatherer {
  const answers = new Map<string, DnsAnswer>();
  const keyOf = (name: string, type: QueryType) => `${type} ${name}`;
  let base: Known = {
    ...NOTHING_KNOWN,
    dns: (name, type) => answers.get(keyOf(name, type)),
    isDeadZone: sources.isDeadZone,
  };

  async function ask(need: Need): Promise<void> {
    switch (need.kind) {
      case "dns": {
        const { name, type } = need;
        const options = { session: sources.session };
        answers.set(keyOf(name, type), await sources.resolver.query(name, type, options));
        return;
      }
      case "reverse":
        base = { ...base, reverse: await confirmReverse(need.ip, sources.resolver) };
        return;
      case "greylist":
        return;
    }
  }

  const gather: Gather = (needs, known) => {
    const greyNeed = needs.find((need) => need.kind === "greylist");
    const greylist = greyNeed === undefined || sources.greylist === null
      ? known.greylist
      : sources.greylist(greyNeed.triplet);
    const others = needs.filter((need) => need.kind !== "greylist");
    if (others.length === 0) return { ...base, greylist };
    return Promise.all(others.map(ask)).then(() => ({ ...base, greylist }));
  };
  return { gather, known: () => base };
}
