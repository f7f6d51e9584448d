/** The words of replay: an attempt to send, and what the running code answers it. */
import type { CheckName, Stage } from "../policy/types.ts";
import type { Seen } from "../policy/mod.ts";
import type { Protocol, Rules } from "../net/types.ts";
import type { LookupStep } from "../validate/types.ts";
import type { TrialDesk } from "./trial_desk.ts";

/** A site, opened for a trial (cli/trial.ts). */
export interface TrialSite {
  readonly desk: TrialDesk;
  readonly smtp: Protocol;
  /** The connection rules; null: they let this address not in. */
  readonly rules: Rules;
}

/** Who wants to send what to whom. Addresses are binary strings, without brackets. */
export interface Attempt {
  readonly ip: string;
  readonly helo: string;
  /** "" for the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Milliseconds since 1970; absent: now. All attempts that overlap must be of one time. */
  readonly whenMs?: number | undefined;
  /** Logged in as; absent: nobody did. */
  readonly login?: string | undefined;
  /** What the client came for; absent: it brings mail to us. */
  readonly service?: "smtp" | "submission" | undefined;
}

/** How an attempt is judged. */
export interface AttemptOptions {
  /** Where a recipient was accepted, DATA is said too, and nothing after it. Absent: no. */
  readonly data?: boolean | undefined;
  /** What the site writes to its trace is wanted, as lines. Absent: no. */
  readonly lines?: boolean | undefined;
}

/** One answer of the server. */
export interface AttemptReply {
  /** What was said; "" for the greeting. */
  readonly command: string;
  readonly code: number;
  /** "" where the reply has none. */
  readonly enhanced: string;
  /** Text of the last line. */
  readonly text: string;
  /** Stable id (docs/smtp.md, policy/replies.ts). */
  readonly id: string;
}

/** A verdict of policy or of a limit. */
export interface RuleVerdict {
  readonly stage: string;
  /** "check" or "check: entry". */
  readonly rule: string;
  /** Code and id, or that it is an acceptance. */
  readonly reply: string;
  readonly reason: string;
}

/** What one check came to; `command` as in AttemptReply. */
export interface CheckSeen {
  readonly command: string;
  readonly stage: Stage;
  readonly check: CheckName;
  readonly mode: "shadow" | "on";
  readonly seen: Seen;
}

/** What a check saw, whatever it said. */
export interface FindingSeen {
  readonly check: string;
  readonly text: string;
}

export type AttemptOutcome = "accepted" | "refused" | "deferred";

/** What decided. */
export interface Decision {
  readonly outcome: AttemptOutcome;
  /**
   * The one rule: a check's ("badmailfrom: @evil.example"), or one of "lookup", "rcpthosts", "relay_client",
   * "connection_rules", "queue", "controls", "syntax"; of other replies their id.
   */
  readonly rule: string;
  readonly reason: string;
  /** The answer that says so; null: the connection is closed without a word. */
  readonly reply: AttemptReply | null;
}

/** The look-up of a recipient. */
export interface LookupSeen {
  /** What was looked up: the recipient as the session took it. */
  readonly address: string;
  readonly verdict: string;
  readonly route: string;
  readonly reason: string;
  readonly steps: readonly LookupStep[];
}

/** What becomes of one recipient. */
export interface RecipientJudgement extends Decision {
  readonly recipient: string;
  /** The answer was 250, and it gets no mail: a decoy, or captured for the trace. */
  readonly isPretended: boolean;
  readonly shadows: readonly RuleVerdict[];
  /** null: nobody was looked up. */
  readonly lookup: LookupSeen | null;
}

/** What the running code answers an attempt. */
export interface AttemptJudgement extends Decision {
  /** Every reply in order. */
  readonly replies: readonly AttemptReply[];
  readonly recipients: readonly RecipientJudgement[];
  /** In shadow, of the whole session. */
  readonly shadows: readonly RuleVerdict[];
  readonly findings: readonly FindingSeen[];
  /** Each check as it was asked, in order. */
  readonly checks: readonly CheckSeen[];
  /** Trace lines, where they were wanted. */
  readonly lines: readonly string[];
  /** Environment of the session, by the connection rules. */
  readonly env: Readonly<Record<string, string>>;
}
