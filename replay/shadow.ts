/** What checks in shadow would have refused, and how much of that proved wanted: counted from logs, in bounded memory. */
import { networkOf } from "../policy/networks.ts";
import { type Attempt, type DeliveryFacts, NO_FACTS } from "../report/facts.ts";
import { Join } from "../report/join.ts";
import type { Timed } from "../report/record.ts";
import { TopCounter } from "../report/top_counter.ts";
import { EvidenceStore } from "./evidence.ts";
import { checkOf } from "./log_judge.ts";
import { ShadowJoin, type ShadowVerdict } from "./shadow_join.ts";
import type { ShadowCheck, ShadowHit, ShadowReport, WantedHit } from "./shadow_types.ts";

/** Accepted messages against which checks were, kept until all evidence is in; of all checks together. */
const MOST_HITS = 50_000;
const MOST_EXAMPLES = 5;
const MOST_RULES = 1000;

/** Checks that put mail off once and take it when it comes again. */
const DELAYING = new Set(["greylist", "rates"]);

/** One check as it is counted. */
interface Counted {
  readonly verdicts: { refuse: number; defer: number; accept: number };
  readonly fates: {
    recipients: number;
    refused: number;
    accepted: number;
    delivered: number;
    bounced: number;
  };
  readonly networks: TopCounter;
  readonly rules: TopCounter;
  readonly examples: ShadowHit[];
  firstMs: number | null;
  lastMs: number | null;
}

interface Kept {
  readonly check: string;
  readonly hit: ShadowHit;
  readonly whenMs: number | null;
}

const newCounted = (): Counted => ({
  verdicts: { refuse: 0, defer: 0, accept: 0 },
  fates: { recipients: 0, refused: 0, accepted: 0, delivered: 0, bounced: 0 },
  networks: new TopCounter(),
  rules: new TopCounter(MOST_RULES),
  examples: [],
  firstMs: null,
  lastMs: null,
});

const isoOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString();

const kindOf = ({ reply }: ShadowVerdict): "refuse" | "defer" | "accept" =>
  reply.startsWith("5") ? "refuse" : reply.startsWith("4") ? "defer" : "accept";

/** Takes records in the order of time. */
export class ShadowTally {
  readonly #join: Join;
  readonly #shadows = new ShadowJoin();
  readonly #evidence = new EvidenceStore();
  readonly #checks = new Map<string, Counted>();
  readonly #kept: Kept[] = [];
  #dropped = 0;
  #knowsDeliveries = false;
  #firstMs: number | null = null;
  #lastMs: number | null = null;

  constructor() {
    this.#join = new Join({
      ...NO_FACTS,
      attempt: (attempt) => this.#attempt(attempt),
      delivery: (_: DeliveryFacts) => void (this.#knowsDeliveries = true),
    });
  }

  take(timed: Timed): void {
    const { record, whenMs } = timed;
    if (whenMs !== null) {
      this.#firstMs ??= whenMs;
      this.#lastMs = whenMs;
    }
    if (record.kind !== "trace") return this.#join.take(timed);
    if (record.event.endsWith(".remoteip")) {
      // What is still open of an older session with this number is told now.
      this.#join.take(timed);
      return this.#shadows.begin(record.session);
    }
    const verdict = this.#shadows.take(record);
    if (verdict !== null) this.#verdict(verdict, record.fields["ip"] ?? "", whenMs);
    this.#join.take(timed);
  }

  /** `settings`: what each check's setting says; `service`: verdicts that a service counted. */
  report(
    top: number,
    facts: Pick<ShadowReport, "files" | "lines" | "reach_back">,
    settings: ReadonlyMap<string, string>,
    service: ReadonlyMap<string, number> | null,
  ): ShadowReport {
    this.#join.finish();
    const inShadow = [...settings].filter(([, mode]) => mode === "shadow").map(([name]) => name);
    const counted = [...(service ?? [])].filter(([, count]) => count > 0).map(([name]) => name);
    const names = new Set([...this.#checks.keys(), ...inShadow, ...counted]);
    const wanted = this.#wanted();
    return {
      ...facts,
      from: isoOf(this.#firstMs),
      until: isoOf(this.#lastMs),
      knows_deliveries: this.#knowsDeliveries,
      partial: this.#dropped + this.#evidence.forgotten > 0,
      checks: [...names].sort().map((name) => ({
        ...this.#check(name, top, wanted.get(name) ?? []),
        setting: settings.get(name) ?? null,
        service: service === null ? null : service.get(name) ?? 0,
      })),
    };
  }

  #check(name: string, top: number, wanted: readonly WantedHit[]) {
    const { verdicts, fates, networks, rules, examples, firstMs, lastMs } =
      this.#checks.get(name) ?? newCounted();
    const texts = (counter: TopCounter) =>
      counter.top(top).map(({ key, count }) => ({ text: key, count }));
    return {
      check: name,
      verdicts,
      from: isoOf(firstMs),
      until: isoOf(lastMs),
      recipients: fates.recipients,
      refused_anyway: fates.refused,
      accepted: fates.accepted,
      delivered: fates.delivered,
      bounced: fates.bounced,
      wanted: { count: wanted.length, rows: wanted.slice(0, top) },
      only_delays: DELAYING.has(name),
      networks: texts(networks),
      rules: texts(rules),
      examples,
    } satisfies Omit<ShadowCheck, "setting" | "service">;
  }

  #counted(check: string): Counted {
    const known = this.#checks.get(check) ?? newCounted();
    this.#checks.set(check, known);
    return known;
  }

  #verdict(verdict: ShadowVerdict, ip: string, whenMs: number | null): void {
    const counted = this.#counted(checkOf(verdict.rule));
    counted.verdicts[kindOf(verdict)]++;
    counted.rules.add(verdict.rule);
    if (ip !== "") counted.networks.add(networkOf(ip));
    if (whenMs === null) return;
    counted.firstMs ??= whenMs;
    counted.lastMs = whenMs;
  }

  #attempt(attempt: Attempt): void {
    const against = this.#shadows.of(attempt).filter((one) => kindOf(one) !== "accept");
    const byCheck = new Map(against.map((verdict) => [checkOf(verdict.rule), verdict]));
    this.#evidence.take(attempt, [...byCheck.keys()]);
    for (const [check, verdict] of byCheck) this.#hit(check, verdict, attempt);
  }

  #hit(check: string, { rule, reply }: ShadowVerdict, attempt: Attempt): void {
    const { fates, examples } = this.#counted(check);
    const { whenMs, ip, sender, recipient, outcome, delivered } = attempt;
    const hit: ShadowHit = {
      when: isoOf(whenMs),
      ip,
      sender: sender ?? "",
      recipient,
      rule,
      reply,
      delivered,
    };
    fates.recipients++;
    if (examples.length < MOST_EXAMPLES) examples.push(hit);
    if (outcome !== "accepted") {
      fates.refused++;
      return;
    }
    fates.accepted++;
    if (delivered === true) fates.delivered++;
    else if (delivered === false) {
      fates.bounced++;
      return;
    }
    if (this.#kept.length < MOST_HITS) this.#kept.push({ check, hit, whenMs });
    else this.#dropped++;
  }

  /** The kept ones that something speaks for. */
  #wanted(): Map<string, WantedHit[]> {
    const found = new Map<string, WantedHit[]>();
    for (const { check, hit, whenMs } of this.#kept) {
      const evidence = this.#evidence.of(hit.sender, hit.recipient, whenMs, check);
      if (evidence.length === 0) continue;
      const rows = found.get(check) ?? [];
      found.set(check, rows);
      rows.push({ ...hit, evidence });
    }
    return found;
  }
}
