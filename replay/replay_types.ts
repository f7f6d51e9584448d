/** What a replay comes to, as data: what the text is made of, and what --json prints. */

/** How often each answer was given. */
export interface Outcomes {
  readonly accepted: number;
  readonly refused: number;
  readonly deferred: number;
}

/**
 * What changes, by name. delivered_*: qmail-send's log says that the message was delivered; bounced_*: that it bounced;
 * accepted_*: the logs don't say what became of it.
 */
export const MOVES = [
  "delivered_refused",
  "delivered_deferred",
  "bounced_refused",
  "bounced_deferred",
  "accepted_refused",
  "accepted_deferred",
  "refused_accepted",
  "deferred_accepted",
  "refused_deferred",
  "deferred_refused",
] as const;

export type MoveKind = (typeof MOVES)[number];

/** Attempts that change in the same way. Texts are binary strings. */
export interface MoveRow {
  readonly count: number;
  readonly recipient: string;
  readonly sender: string | null;
  /** One of the clients; "" where no more could be kept. */
  readonly ip: string;
  /** What decided then; "" where it was accepted. */
  readonly rule_before: string;
  readonly rule_now: string;
  /** Why, today. */
  readonly reason: string;
}

export interface Move {
  readonly count: number;
  /** The most frequent. */
  readonly rows: readonly MoveRow[];
  /** Rows that are not there. */
  readonly more: number | null;
}

export interface RuleRow {
  readonly rule: string;
  readonly before: number;
  readonly now: number;
}

export interface CountedText {
  readonly text: string;
  readonly count: number;
}

export interface ReplayReport {
  readonly files: number;
  readonly lines: number;
  /** Lines that nobody here understands. */
  readonly unknown_lines: number;
  readonly from: string | null;
  readonly until: string | null;
  /** What --set changed. */
  readonly changed: readonly string[];
  readonly attempts: number;
  /** Judged by the code; the others were the same as one before. */
  readonly judgements: number;
  /** Of those that were judged: what the logs say, and what would be answered today. */
  readonly before: Outcomes;
  readonly now: Outcomes;
  readonly not_judged: {
    readonly count: number;
    readonly why: readonly CountedText[];
    /** Domains of those whose client perhaps might relay. */
    readonly relay_domains: readonly CountedText[];
  };
  /** Checks that are on and were not asked. */
  readonly set_aside: readonly { readonly check: string; readonly why: string }[];
  /** Attempts whose place in time came too late. */
  readonly out_of_order: number;
  readonly refused_by: readonly RuleRow[];
  readonly deferred_by: readonly RuleRow[];
  readonly moves: { readonly [K in MoveKind]: Move };
}
