/**
 * A report as data: what `--json` prints, and text and HTML are made of. Names are those of the JSON; strings are
 * binary, one char a byte.
 */
import type { TimeStep } from "./timeline.ts";

export interface Row {
  readonly name: string;
  readonly count: number;
}

/** The most frequent of something. */
export interface Table {
  readonly rows: readonly Row[];
  /** Of everything, not of the rows alone. */
  readonly total: number;
  /** How many different ones; null: more than were kept. */
  readonly distinct: number | null;
  /** By how much a count may be too low; 0: all are exact. */
  readonly may_miss: number;
}

export interface Zone {
  readonly zone: string;
  /** Sessions whose client it lists. */
  readonly listed: number;
  /** Those that no other list has. */
  readonly alone: number;
  readonly errors: number;
  readonly together: readonly Row[];
}

export interface SuspectRow {
  readonly when: string | null;
  readonly ip: string;
  readonly helo: string;
  /** null: the log does not say. */
  readonly sender: string | null;
  readonly rule: string;
  readonly fcrdns: boolean | null;
}

export interface Latency {
  readonly count: number;
  readonly median_ms: number;
  readonly p90_ms: number;
  readonly p99_ms: number;
  readonly longest_ms: number;
}

export interface Results {
  readonly success: number;
  readonly failure: number;
  readonly deferral: number;
}

/** What qmail would say today to recipients that got mail or bounced. */
export interface Recheck {
  readonly asked: number;
  readonly refused: readonly {
    readonly recipient: string;
    readonly accepted: number;
    readonly bounced: number;
    readonly reason: string;
  }[];
  readonly undecided: number;
}

export interface QueueMessage {
  readonly id: number;
  readonly arrived: string;
  readonly bytes: number;
  readonly sender: string;
  readonly local: readonly string[];
  readonly remote: readonly string[];
  /** Recipients that are done with. */
  readonly done: number;
  /** For a bounce: whom it could not reach, and the Return-Path of what bounced. */
  readonly failed: readonly string[];
  readonly return_path: string | null;
}

export interface QueueReport {
  readonly directory: string;
  readonly messages: number;
  /** Not yet looked at by qmail-send. */
  readonly todo: number;
  readonly local_recipients: number;
  readonly remote_recipients: number;
  readonly bytes: number;
  readonly oldest: string | null;
  /** Messages without sender on their way to somebody elsewhere. */
  readonly backscatter: number;
  readonly double_bounces: number;
  /** Bounces being written. */
  readonly bounce_files: number;
  /** What could not be read, one sentence each. */
  readonly troubles: readonly string[];
  /** With -v. */
  readonly list: readonly QueueMessage[];
  readonly list_cut: boolean;
}

export interface Report {
  readonly made: string;
  readonly host: string;
  readonly from: string | null;
  readonly until: string | null;
  readonly privacy: string;
  readonly read: {
    readonly files: number;
    readonly bytes: number;
    readonly lines: number;
    readonly unknown_lines: number;
    readonly lines_without_time: number;
    readonly lines_lost: number;
  };
  readonly sessions: Table;
  readonly clients: number | null;
  readonly connections: { readonly ok: number; readonly deny: number };
  readonly recipients: {
    readonly accepted: number;
    readonly refused: number;
    readonly deferred: number;
  };
  readonly messages: { readonly count: number; readonly bytes: number };
  readonly arrivals: { readonly count: number; readonly bytes: number };
  readonly refused_by: Table;
  readonly deferred_by: Table;
  readonly shadow: Table;
  readonly softened: Table;
  readonly refused_networks: Table;
  readonly guessing: {
    readonly addresses: Table;
    readonly networks: Table;
    readonly names: Table;
    readonly harvest_answers: number;
    readonly decoys: Table;
    readonly bans: Table;
  };
  readonly relay_attempts: Table;
  readonly failed_logins: Table;
  readonly bounced: { readonly recipients: Table; readonly reasons: Table };
  readonly backscatter: {
    readonly victims: Table;
    readonly recipients: Table;
    readonly sources: Table;
    readonly bounces: number;
    readonly double_bounces: number;
    readonly triple_bounces: number;
  };
  readonly recheck: Recheck | null;
  readonly results: Readonly<Record<"spf" | "dkim" | "dmarc" | "arc", Table>>;
  readonly dnsbl: readonly Zone[];
  readonly suspects: { readonly count: number; readonly rows: readonly SuspectRow[] };
  readonly timeline: {
    readonly step_seconds: number;
    readonly steps: readonly (Omit<TimeStep, "startMs"> & { readonly start: string })[];
  };
  readonly deliveries: { readonly local: Results; readonly remote: Results };
  readonly latency: {
    readonly local: Latency;
    readonly remote: Latency;
    readonly since_arrival: Latency;
  };
  readonly troubles: Table;
  readonly queue: QueueReport | null;
}
