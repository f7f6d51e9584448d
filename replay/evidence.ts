/**
 * What shows that mail was wanted. Being delivered does not: so is spam, while a check is in shadow. Two things do:
 *
 * - its recipient wrote to its sender, and that was accepted;
 * - later the same sender's mail to the same recipient was accepted, and the check had nothing against it.
 *
 * Mail without a sender proves nothing, nor does mail that bounced. Pairs are kept in a map of fixed size; what falls out
 * is counted, so that nobody takes missing evidence for none.
 */
import type { Attempt } from "../report/facts.ts";
import { LruMap } from "../report/lru.ts";
import type { Evidence } from "./shadow_types.ts";

const MOST_PAIRS = 200_000;

/** Checks with a verdict against it -> the last time that mail of the pair was accepted all the same. */
type Accepted = Map<string, number>;

const pairOf = (from: string, to: string): string => `${from.toLowerCase()} ${to.toLowerCase()}`;

export class EvidenceStore {
  readonly #pairs: LruMap<string, Accepted>;
  /** Pairs that were forgotten. */
  forgotten = 0;

  constructor(most: number = MOST_PAIRS) {
    this.#pairs = new LruMap(most, () => void this.forgotten++);
  }

  /** Notes an attempt; `checks`: those in shadow that were against it. */
  take({ sender, recipient, outcome, delivered, whenMs }: Attempt, checks: readonly string[]) {
    if (outcome !== "accepted" || delivered === false || sender === null || sender === "") return;
    const pair = pairOf(sender, recipient);
    const known = this.#pairs.get(pair) ?? new Map<string, number>();
    const against = [...new Set(checks)].sort().join(" ");
    known.set(against, Math.max(known.get(against) ?? 0, whenMs ?? 0));
    this.#pairs.set(pair, known);
  }

  /** What shows that mail, against which `check` was, was wanted. */
  of(sender: string, recipient: string, whenMs: number | null, check: string): Evidence[] {
    if (sender === "") return [];
    const found: Evidence[] = [];
    if (this.#pairs.get(pairOf(recipient, sender)) !== undefined) found.push("answered");
    const accepted = this.#pairs.get(pairOf(sender, recipient)) ?? [];
    const isLater = [...accepted].some(([against, atMs]) =>
      atMs > (whenMs ?? 0) && !against.split(" ").includes(check)
    );
    return isLater ? [...found, "accepted_later"] : found;
  }
}
