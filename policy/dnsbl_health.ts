/**
 * Is a list alive? RFC 5782 section 5: it must have 127.0.0.2 and must not have 127.0.0.1; for IPv6
 * ::FFFF:7F00:2 and ::FFFF:7F00:1. A list that lists everybody, or nobody any more, is switched off
 * until it passes again.
 */
import { type DnsblList, readDnsblAnswer } from "./dnsbl_lists.ts";
import type { Known, Need } from "./types.ts";

/** The nibbles of ::FFFF:7F00:2 and ::FFFF:7F00:1, last first. */
const mappedNibbles = (last: number): string => `${last}.0.0.0.0.0.f.7.f.f.f.f.${"0.".repeat(19)}0`;

const testNames = (zone: string) => ({
  listed: [`2.0.0.127.${zone}`, `${mappedNibbles(2)}.${zone}`],
  unlisted: [`1.0.0.127.${zone}`, `${mappedNibbles(1)}.${zone}`],
});

/** What the self-test of a list must know. */
export function selfTestNeeds(list: DnsblList): readonly Need[] {
  const { listed, unlisted } = testNames(list.zone);
  return [...listed, ...unlisted].map((name): Need => ({ kind: "dns", name, type: "A" }));
}

/** alive, dead with one sentence, or undecided: the DNS could not say. */
export type Health =
  | { readonly kind: "alive" | "undecided" }
  | { readonly kind: "dead"; readonly reason: string };

/**
 * The verdict on a list. One family that passes is enough; whichever codes the list is asked for.
 */
export function judgeHealth(list: DnsblList, known: Known): Health {
  const { listed, unlisted } = testNames(list.zone);
  const findingOf = (name: string) => readDnsblAnswer({ ...list, codes: [] }, known.dns(name, "A"));
  const wild = unlisted.map(findingOf).find(({ kind }) => kind === "listed");
  if (wild !== undefined) {
    return { kind: "dead", reason: `${list.zone} lists 127.0.0.1, so it lists everybody` };
  }
  const findings = listed.map(findingOf);
  if (findings.some(({ kind }) => kind === "listed")) return { kind: "alive" };
  const isSilent = listed.some((name) =>
    (known.dns(name, "A")?.status ?? "temporary") === "temporary"
  );
  if (isSilent) return { kind: "undecided" };
  const error = findings.find((finding) => finding.kind === "error");
  const reason = error?.kind === "error"
    ? error.problem
    : `${list.zone} does not list 127.0.0.2, so it lists nobody`;
  return { kind: "dead", reason };
}

/** Which lists are switched off. */
export class ZoneHealth {
  readonly #dead = new Map<string, string>();

  readonly isDead = (zone: string): boolean => this.#dead.has(zone);

  /** Those, with the reason. */
  get dead(): readonly (readonly [zone: string, reason: string])[] {
    return [...this.#dead];
  }

  /** Takes a verdict; true when that changed something, which is to be told. */
  take(zone: string, health: Health): boolean {
    switch (health.kind) {
      case "alive":
        return this.#dead.delete(zone);
      case "dead": {
        const isNews = !this.#dead.has(zone);
        this.#dead.set(zone, health.reason);
        return isNews;
      }
      case "undecided":
        return false;
    }
  }
}
