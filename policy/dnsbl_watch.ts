/**
 * The self-tests of the lists in service (RFC 5782 section 5): at the start, after a change of
 * settings, and from time to time. A list that fails is not asked any more, aloud, until it passes
 * again.
 *
 * One isolate does this for all. Without lists no timer runs.
 */
import type { QueryType, Resolver } from "../dns/types.ts";
import { judgeHealth, selfTestNeeds } from "./dnsbl_health.ts";
import type { DnsblList } from "./dnsbl_lists.ts";
import type { OwnedPolicyState } from "./state_types.ts";
import { type Known, NOTHING_KNOWN } from "./types.ts";

/** What is watched. */
export interface WatchedLists {
  readonly lists: readonly DnsblList[];
  /** Between two tests. */
  readonly seconds: number;
  readonly resolver: Resolver;
}

/** Asks what the self-test of one list needs. */
async function askAbout(list: DnsblList, resolver: Resolver): Promise<Known> {
  const needs = selfTestNeeds(list).flatMap((need) => need.kind === "dns" ? [need] : []);
  const answers = await Promise.all(needs.map(({ name, type }) => resolver.query(name, type)));
  const found = new Map(needs.map(({ name, type }, i) => [`${type} ${name}`, answers[i]]));
  return { ...NOTHING_KNOWN, dns: (name: string, type: QueryType) => found.get(`${type} ${name}`) };
}

/** Tests all lists once. Never rejects: a resolver that fails is an answer as well. */
export async function testLists(
  { lists, resolver }: WatchedLists,
  state: Pick<OwnedPolicyState, "takeHealth">,
): Promise<void> {
  await Promise.all(lists.map(async (list) => {
    const known = await askAbout(list, resolver);
    state.takeHealth(list.zone, judgeHealth(list, known));
  }));
}

/** The tests of a service. */
export class ListWatch {
  readonly #state: Pick<OwnedPolicyState, "takeHealth">;
  #timer: number | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(state: Pick<OwnedPolicyState, "takeHealth">) {
    this.#state = state;
  }

  /** Goes by these from now on, and tests them at once. */
  use(watched: WatchedLists): void {
    this.close();
    if (watched.lists.length === 0) return;
    const test = () => void (this.#running = testLists(watched, this.#state));
    this.#timer = setInterval(test, watched.seconds * 1000);
    test();
  }

  /** Settles when the tests on the way are done. */
  get idle(): Promise<void> {
    return this.#running;
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
