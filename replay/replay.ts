/**
 * Counts what the attempts of logs came to then and would come to today, in bounded memory.
 *
 * "Delivered" is what qmail-send's log says of the very message (joined by qp). An answer of 250 alone proves nothing.
 */
import type { Attempt } from "../report/facts.ts";
import { TopCounter } from "../report/top_counter.ts";
import type { Judged } from "./log_judge.ts";
import { UNJUDGED, type Unjudged } from "./log_judge.ts";
import {
  type CountedText,
  type Move,
  type MoveKind,
  type MoveRow,
  MOVES,
  type Outcomes,
  type ReplayReport,
  type RuleRow,
} from "./replay_types.ts";

/** Rules and domains that are told apart. */
const MOST_RULES = 1000;
const MOST_MOVES = 5000;
const MOST_EXAMPLES = 50_000;

type Tally = { -readonly [K in keyof Outcomes]: Outcomes[K] };

/** The fate of an attempt, in the words of the moves. */
function fateOf({ outcome, delivered }: Attempt): string {
  if (outcome !== "accepted" || delivered === null) return outcome;
  return delivered ? "delivered" : "bounced";
}

function moveOf(attempt: Attempt, judged: Judged): MoveKind | null {
  if (judged.kind === "unjudged" || judged.outcome === attempt.outcome) return null;
  const name = `${fateOf(attempt)}_${judged.outcome}`;
  return MOVES.find((move) => move === name) ?? null;
}

const isoOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString();

/** The counts. */
export class ReplayTally {
  readonly #before: Tally = { accepted: 0, refused: 0, deferred: 0 };
  readonly #now: Tally = { accepted: 0, refused: 0, deferred: 0 };
  readonly #refused = { before: new TopCounter(MOST_RULES), now: new TopCounter(MOST_RULES) };
  readonly #deferred = { before: new TopCounter(MOST_RULES), now: new TopCounter(MOST_RULES) };
  readonly #unjudged = new Map<Unjudged, number>();
  readonly #relayDomains = new TopCounter(MOST_RULES);
  readonly #moves = new Map<MoveKind, TopCounter>();
  /** A client of each row. */
  readonly #examples = new Map<string, string>();
  #attempts = 0;
  #firstMs: number | null = null;
  #lastMs: number | null = null;

  take(attempt: Attempt, judged: Judged): void {
    this.#attempts++;
    this.#seen(attempt.whenMs);
    if (judged.kind === "unjudged") {
      this.#unjudged.set(judged.why, (this.#unjudged.get(judged.why) ?? 0) + 1);
      if (judged.why !== "relay") return;
      const { recipient } = attempt;
      this.#relayDomains.add(recipient.slice(recipient.lastIndexOf("@") + 1).toLowerCase());
      return;
    }
    this.#before[attempt.outcome]++;
    this.#now[judged.outcome]++;
    this.#rule("before", attempt.outcome, attempt.rule);
    this.#rule("now", judged.outcome, judged.rule);
    const move = moveOf(attempt, judged);
    if (move === null) return;
    const counter = this.#moves.get(move) ?? new TopCounter(MOST_MOVES);
    this.#moves.set(move, counter);
    const { recipient, sender, ip, rule } = attempt;
    const key = JSON.stringify([recipient, sender, rule, judged.rule, judged.reason]);
    counter.add(key);
    if (this.#examples.size < MOST_EXAMPLES && !this.#examples.has(key)) {
      this.#examples.set(key, ip);
    }
  }

  /** `top`: rows of each table. */
  report(
    top: number,
    facts: Pick<
      ReplayReport,
      | "files"
      | "lines"
      | "unknown_lines"
      | "changed"
      | "judgements"
      | "set_aside"
      | "out_of_order"
    >,
  ): ReplayReport {
    const unjudged = [...this.#unjudged].sort(([, a], [, b]) => b - a);
    const moves = Object.fromEntries(MOVES.map((move) => [move, this.#move(move, top)]));
    return {
      ...facts,
      from: isoOf(this.#firstMs),
      until: isoOf(this.#lastMs),
      attempts: this.#attempts,
      before: this.#before,
      now: this.#now,
      not_judged: {
        count: unjudged.reduce((sum, [, count]) => sum + count, 0),
        why: unjudged.map(([why, count]) => ({ text: UNJUDGED[why], count })),
        relay_domains: textsOf(this.#relayDomains, top),
      },
      refused_by: rulesOf(this.#refused, top),
      deferred_by: rulesOf(this.#deferred, top),
      moves: moves as ReplayReport["moves"],
    };
  }

  #move(kind: MoveKind, top: number): Move {
    const counter = this.#moves.get(kind);
    if (counter === undefined) return { count: 0, rows: [], more: 0 };
    const rows = counter.top(top).map(({ key, count }): MoveRow => {
      const [recipient, sender, rule_before, rule_now, reason] = JSON.parse(key);
      const ip = this.#examples.get(key) ?? "";
      return { count, recipient, sender, ip, rule_before, rule_now, reason };
    });
    const all = counter.distinct;
    return { count: counter.total, rows, more: all === null ? null : all - rows.length };
  }

  #rule(when: "before" | "now", outcome: Attempt["outcome"], rule: string): void {
    if (outcome === "accepted") return;
    (outcome === "refused" ? this.#refused : this.#deferred)[when].add(rule);
  }

  #seen(whenMs: number | null): void {
    if (whenMs === null) return;
    if (this.#firstMs === null || whenMs < this.#firstMs) this.#firstMs = whenMs;
    if (this.#lastMs === null || whenMs > this.#lastMs) this.#lastMs = whenMs;
  }
}

const textsOf = (counter: TopCounter, top: number): CountedText[] =>
  counter.top(top).map(({ key, count }) => ({ text: key, count }));

/** Both columns of each rule that is among the first of either. */
function rulesOf({ before, now }: { before: TopCounter; now: TopCounter }, top: number): RuleRow[] {
  const names = new Set([...before.top(top), ...now.top(top)].map(({ key }) => key));
  const rows = [...names].map((rule) => ({
    rule,
    before: before.count(rule),
    now: now.count(rule),
  }));
  return rows.sort((a, b) => b.before + b.now - a.before - a.now || (a.rule < b.rule ? -1 : 1));
}
