/** What `qfront explain` found out, before anybody shows it. */
import type { AttemptJudgement } from "../replay/types.ts";
import type { Instruction, LookupResult, LookupStep } from "../validate/types.ts";

/** A place in a file that something goes by. */
export interface Whereabouts {
  readonly file: string;
  /** From 1; null: none in particular. */
  readonly line: number | null;
}

/** A step of the look-up and where it read. */
export interface PlacedStep extends LookupStep {
  readonly line: number | null;
}

/** Where a setting's value comes from: a line of trace.cfg, --set, or the default. */
export type Origin = { readonly line: number } | "--set" | "default";

export type CheckOutcome =
  | "refuses"
  | "defers"
  | "accepts"
  | "no opinion"
  | "spared"
  | "not asked"
  | "not met"
  | "with the message"
  | "off";

/** One check at one stage. */
export interface CheckRow {
  readonly check: string;
  /** "" for one that is off. */
  readonly stage: string;
  readonly mode: "off" | "shadow" | "on";
  readonly origin: Origin;
  readonly outcome: CheckOutcome;
  /** What it went by; null: its settings alone. */
  readonly where: Whereabouts | null;
  /** The rule, and why; "" where it has no verdict. */
  readonly rule: string;
  readonly reason: string;
  /** "553 bad_sender", "" where it has no verdict against. */
  readonly reply: string;
  /** What it saw, whatever it said. */
  readonly finding: string;
}

/** The answer that one identity would give. */
export interface View {
  /** "root", "qmaild with keeper", "qmaild alone". */
  readonly who: string;
  readonly uid: number;
  readonly judgement: AttemptJudgement;
  readonly result: LookupResult;
}

/** One that could not be had. */
export interface MissingView {
  readonly who: string;
  readonly trouble: string;
}

/** Everything there is to show. */
export interface Explanation {
  readonly address: string;
  readonly sender: string;
  readonly ip: string;
  readonly helo: string;
  readonly nowMs: number | null;
  /** Options that were not given: what stands above is an example. */
  readonly examples: readonly string[];
  /** The service's, as it would run. */
  readonly view: View;
  /** All views, that one included; a service in one identity has one. */
  readonly views: readonly (View | MissingView)[];
  readonly steps: readonly PlacedStep[];
  /** What qmail would do with the mail; a sentence: why that can't be known. */
  readonly instructions: readonly Instruction[] | string;
  readonly checks: readonly CheckRow[];
}
