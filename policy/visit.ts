/**
 * A session's dealings with policy: judges its stages, remembers what was found out, tells the trace
 * and counts. The same for every protocol.
 *
 * Made when the first check of a session has something to say: a session that no check asks about
 * has none. What finds things out is made when a check asks for something.
 */
import type { Resolver } from "../dns/types.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { PolicyConfig } from "./config.ts";
import type { CountSink } from "./counts.ts";
import { createGatherer, type Gatherer } from "./gather.ts";
import { judge, type Judgement, type Witness } from "./mod.ts";
import { NONE, soften } from "./replies.ts";
import type { PolicyState } from "./state_types.ts";
import { tellJudgement } from "./tell.ts";
import {
  type AgainstVerdict,
  type CheckName,
  type FactsOf,
  type Known,
  type Need,
  NOTHING_KNOWN,
  type Stage,
} from "./types.ts";

/** What the sessions of one generation work with; `config` is the snapshot of one of them. */
export interface PolicyDesk {
  readonly config: PolicyConfig;
  readonly state: PolicyState;
  readonly resolver: Resolver;
  readonly tracer: Tracer;
  readonly counts: CountSink;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of every check of every session; absent: nobody does. */
  readonly witness?: DeskWitness | undefined;
}

/** `session`: its number in the trace. */
export type DeskWitness = (session: number, ...seen: Parameters<Witness>) => void;

/** Does any check have something to say at this stage? */
export function asks(config: PolicyConfig, stage: Stage): boolean {
  return config.policy.stages[stage].length > 0;
}

const starts = new WeakMap<PolicyState, Known>();

/** What is known before anybody was asked: which lists are switched off. One for all sessions. */
function nothingKnown(state: PolicyState): Known {
  let known = starts.get(state);
  if (known === undefined) {
    known = { ...NOTHING_KNOWN, isDeadZone: (zone) => state.isDeadZone(zone) };
    starts.set(state, known);
  }
  return known;
}

/** One session's. */
export class PolicyVisit {
  readonly #desk: PolicyDesk;
  readonly #session: number;
  #gatherer: Gatherer | null = null;

  /** `session`: its number in the trace. */
  constructor(desk: PolicyDesk, session: number) {
    this.#desk = desk;
    this.#session = session;
  }

  /** What was found out so far. */
  get known(): Known {
    return this.#gatherer?.known() ?? nothingKnown(this.#desk.state);
  }

  /** Judges, tells and counts. At once unless somebody must be asked. */
  judge<S extends Stage>(stage: S, facts: FactsOf[S]): Judgement | Promise<Judgement> {
    const { policy } = this.#desk.config;
    const judged = judge(stage, facts, policy, this.#gather, this.known, this.#witness());
    const { ip } = facts.client;
    if (judged instanceof Promise) return judged.then((late) => this.#tell(stage, ip, late));
    return this.#tell(stage, ip, judged);
  }

  /** Takes the verdict of a limit, which holds whatever is off: softened where that is wanted. */
  limit(check: CheckName, stage: Stage, ip: string, verdict: AgainstVerdict): AgainstVerdict {
    const softened = this.#desk.config.policy.softReject && verdict.kind === "refuse";
    const applied = softened ? soften(verdict) : verdict;
    this.#witness()?.(stage, check, "on", { kind: "verdict", verdict: applied });
    this.#tell(stage, ip, { verdict: applied, check, softened, shadows: [], findings: [] });
    return applied;
  }

  #witness(): Witness | undefined {
    const { witness } = this.#desk;
    return witness && ((...seen) => witness(this.#session, ...seen));
  }

  readonly #gather = (needs: readonly Need[], known: Known): Known | Promise<Known> => {
    const { resolver, state, config, clock } = this.#desk;
    this.#gatherer ??= createGatherer({
      resolver,
      greylist: (triplet) => state.greylist(triplet),
      isDeadZone: (zone) => state.isDeadZone(zone),
      spfPolicy: () => config.spf.policy(clock()),
      session: this.#session,
    });
    return this.#gatherer.gather(needs, known);
  };

  #tell(stage: Stage, ip: string, judgement: Judgement): Judgement {
    const { tracer, counts } = this.#desk;
    tellJudgement(tracer, this.#session, stage, ip, judgement);
    const { verdict, check, softened, shadows } = judgement;
    for (const shadow of shadows) counts.count(shadow.check, "shadow");
    if (check === null || verdict === NONE) return judgement;
    counts.count(check, verdict.kind === "accept" ? "accepted" : "applied");
    if (softened) counts.count(check, "softened");
    return judgement;
  }
}
