/**
 * Two trees, asked about the same attempts: who would be answered otherwise, and whose mail would go elsewhere.
 *
 * The answers are those of the code that serves (log_judge.ts); the reason is the first look-up step in which the two part.
 */
import type { Attempt } from "../report/facts.ts";
import { LruMap } from "../report/lru.ts";
import { TopCounter } from "../report/top_counter.ts";
import type { LookupResult, LookupStep } from "../validate/types.ts";
import { ANY_NAME } from "./addresses.ts";
import type { Judged } from "./log_judge.ts";
import { UNJUDGED, type Unjudged } from "./log_judge.ts";
import type { CountedText, Outcomes } from "./replay_types.ts";

/** One tree. */
export interface DiffTree {
  /** The qmail directory within the site, to be left out of what is compared. */
  readonly qmailDir: string;
  readonly judge: (attempt: Attempt) => Promise<Judged>;
  readonly lookup: (address: string) => LookupResult;
}

/** What one tree says. */
export interface DiffSide {
  readonly outcome: Attempt["outcome"];
  readonly rule: string;
  readonly reason: string;
  /** Who gets it: user, home and dot-qmail file; "" where nobody does. */
  readonly goes_to: string;
}

export const DIFF_KINDS = [
  "accepted_refused",
  "accepted_deferred",
  "deferred_refused",
  "refused_deferred",
  "refused_accepted",
  "deferred_accepted",
  "goes_elsewhere",
] as const;

export type DiffKind = (typeof DIFF_KINDS)[number];

export interface DiffRow {
  readonly kind: DiffKind;
  /** Attempts of the logs; of an address 1. */
  readonly count: number;
  /** Of these: delivered then, by qmail-send's log. */
  readonly delivered: number;
  readonly recipient: string;
  /** Stands for every name that the tree does not have. */
  readonly is_any_name: boolean;
  readonly old: DiffSide;
  readonly new: DiffSide;
  /** The first step in which the look-ups part; null: they don't. */
  readonly step: { readonly old: LookupStep | null; readonly new: LookupStep | null } | null;
}

export interface DiffReport {
  readonly old_dir: string;
  readonly new_dir: string;
  /** What was asked: attempts of logs, or addresses. */
  readonly asked: "attempts" | "addresses";
  readonly count: number;
  readonly old: Outcomes;
  readonly new: Outcomes;
  readonly not_judged: { readonly count: number; readonly why: readonly CountedText[] };
  readonly changes: { readonly [K in DiffKind]: number };
  readonly rows: readonly DiffRow[];
  /** Rows that are not there; null: many. */
  readonly more: number | null;
  /** Checks that were not asked on either side. */
  readonly set_aside: readonly string[];
  readonly notes: readonly string[];
}

const MOST_ROWS = 10_000;
const MOST_LOOKUPS = 50_000;

/** Where mail goes. */
function goesTo(result: LookupResult): string {
  const { route, verdict, user, home, dash = "", ext = "", qmailfile } = result;
  if (route === "remote") return "another machine";
  if (verdict !== "deliverable" || user === undefined) return "";
  return `${user}, ${qmailfile ?? "default delivery"} in ${home ?? ""}${
    dash + ext === "" ? "" : ` (${dash}${ext})`
  }`;
}

/** A step as it compares. */
function essence(step: LookupStep | undefined, qmailDir: string): string {
  if (step === undefined) return "";
  const { step: name, file, key, found } = step;
  return [name, file.replace(qmailDir, ""), key, found].join("\0");
}

type Key = readonly [DiffKind, string, DiffSide, DiffSide];

/** Counts what differs. */
export class Differ {
  readonly #old: DiffTree;
  readonly #new: DiffTree;
  readonly #places = new LruMap<string, readonly [string, string]>(MOST_LOOKUPS);
  readonly #rows = new TopCounter(MOST_ROWS);
  readonly #delivered = new TopCounter(MOST_ROWS);
  readonly #unjudged = new Map<Unjudged, number>();
  readonly #kinds = new Map<DiffKind, number>();
  readonly #outcomes = {
    old: { accepted: 0, refused: 0, deferred: 0 },
    new: { accepted: 0, refused: 0, deferred: 0 },
  };
  #count = 0;

  constructor(old: DiffTree, other: DiffTree) {
    this.#old = old;
    this.#new = other;
  }

  async take(attempt: Attempt): Promise<void> {
    this.#count++;
    // What the log says came of it does not matter: the trees are compared with each other.
    const asked: Attempt = { ...attempt, outcome: "refused", rule: "" };
    const old = await this.#old.judge(asked);
    const now = await this.#new.judge(asked);
    if (old.kind === "unjudged" || now.kind === "unjudged") {
      const why = old.kind === "unjudged" ? old.why : now.kind === "unjudged" ? now.why : "dns";
      this.#unjudged.set(why, (this.#unjudged.get(why) ?? 0) + 1);
      return;
    }
    this.#outcomes.old[old.outcome]++;
    this.#outcomes.new[now.outcome]++;
    const both = this.#sides(attempt.recipient, old, now);
    const kind = kindOf(...both);
    if (kind === null) return;
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    const key: Key = [kind, attempt.recipient, ...both];
    this.#rows.add(JSON.stringify(key));
    if (attempt.delivered === true) this.#delivered.add(JSON.stringify(key));
  }

  report(
    top: number,
    facts: Pick<DiffReport, "old_dir" | "new_dir" | "asked" | "set_aside" | "notes">,
  ): DiffReport {
    const rows = this.#rows.top(MOST_ROWS).map(({ key, count }) =>
      this.#row(key, count, this.#delivered.count(key))
    );
    rows.sort((a, b) => DIFF_KINDS.indexOf(a.kind) - DIFF_KINDS.indexOf(b.kind));
    const all = this.#rows.distinct;
    const shown = rows.slice(0, top);
    const why = [...this.#unjudged].map(([one, count]) => ({ text: UNJUDGED[one], count }));
    const changes = DIFF_KINDS.map((kind) => [kind, this.#kinds.get(kind) ?? 0] as const);
    return {
      ...facts,
      count: this.#count,
      old: this.#outcomes.old,
      new: this.#outcomes.new,
      not_judged: { count: why.reduce((sum, { count }) => sum + count, 0), why },
      changes: Object.fromEntries(changes) as DiffReport["changes"],
      rows: shown,
      more: all === null ? null : all - shown.length,
    };
  }

  #sides(
    recipient: string,
    old: Judged & { kind: "judged" },
    now: Judged & { kind: "judged" },
  ): readonly [DiffSide, DiffSide] {
    const known = this.#places.get(recipient) ?? [
      goesTo(this.#old.lookup(recipient)),
      goesTo(this.#new.lookup(recipient)),
    ] as const;
    this.#places.set(recipient, known);
    return [sideOf(old, known[0]), sideOf(now, known[1])];
  }

  #row(text: string, count: number, delivered: number): DiffRow {
    const [kind, recipient, old, now] = JSON.parse(text) as Key;
    const is_any_name = recipient.includes(ANY_NAME);
    return {
      kind,
      count,
      delivered,
      recipient,
      is_any_name,
      old,
      new: now,
      step: this.#step(recipient),
    };
  }

  #step(recipient: string): DiffRow["step"] {
    const old = this.#old.lookup(recipient).steps ?? [];
    const now = this.#new.lookup(recipient).steps ?? [];
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      const isSame = essence(old[i], this.#old.qmailDir) === essence(now[i], this.#new.qmailDir);
      if (!isSame) return { old: old[i] ?? null, new: now[i] ?? null };
    }
    return null;
  }
}

const sideOf = (
  { outcome, rule, reason }: Judged & { kind: "judged" },
  place: string,
): DiffSide => ({
  outcome,
  rule,
  reason,
  goes_to: outcome === "accepted" ? place : "",
});

function kindOf(old: DiffSide, now: DiffSide): DiffKind | null {
  if (old.outcome === now.outcome) {
    return old.outcome === "accepted" && old.goes_to !== now.goes_to ? "goes_elsewhere" : null;
  }
  const name = `${old.outcome}_${now.outcome}`;
  return DIFF_KINDS.find((kind) => kind === name) ?? null;
}
