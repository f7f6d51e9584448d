/** What checks in shadow would have done, as data: what the text is made of, and what --json prints. */
import type { CountedText } from "./replay_types.ts";

/**
 * Why a message was wanted. answered: its recipient wrote to its sender. accepted_later: the same sender's mail to the same
 * recipient was accepted later, and the check had nothing against it.
 */
export type Evidence = "answered" | "accepted_later";

/** One recipient whom a verdict would have cost a message. Texts are binary strings. */
export interface ShadowHit {
  readonly when: string | null;
  readonly ip: string;
  readonly sender: string;
  readonly recipient: string;
  readonly rule: string;
  /** The verdict as it stands in the trace, such as "553 dnsbl_listed". */
  readonly reply: string;
  /** By qmail-send's log; null: it does not say. */
  readonly delivered: boolean | null;
}

export interface WantedHit extends ShadowHit {
  readonly evidence: readonly Evidence[];
}

/** One check in shadow. */
export interface ShadowCheck {
  readonly check: string;
  /** What the settings say today; null: there is no such setting. */
  readonly setting: string | null;
  /** Verdicts in the logs, by what they would have been. */
  readonly verdicts: {
    readonly refuse: number;
    readonly defer: number;
    readonly accept: number;
  };
  /** Verdicts that a running service counted since its start; null: none was asked. */
  readonly service: number | null;
  readonly from: string | null;
  readonly until: string | null;
  /** Recipients under a verdict against them, and what became of them. */
  readonly recipients: number;
  readonly refused_anyway: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly bounced: number;
  /** Accepted, not known to have bounced, and shown to be wanted. */
  readonly wanted: { readonly count: number; readonly rows: readonly WantedHit[] };
  /** Being put off costs its mail time, and not more. */
  readonly only_delays: boolean;
  readonly networks: readonly CountedText[];
  readonly rules: readonly CountedText[];
  readonly examples: readonly ShadowHit[];
}

export interface ShadowReport {
  readonly files: number;
  readonly lines: number;
  /** The first record of all, before any period. */
  readonly reach_back: string | null;
  readonly from: string | null;
  readonly until: string | null;
  /** The logs say what was delivered. */
  readonly knows_deliveries: boolean;
  /** More mail than could be kept: evidence may be missing. */
  readonly partial: boolean;
  readonly checks: readonly ShadowCheck[];
}
