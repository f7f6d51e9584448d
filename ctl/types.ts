/**
 * What is said over the control socket of a running service, and between its isolates for it.
 *
 * One request a line of JSON, one answer a line of JSON. Times are milliseconds since 1970; texts that
 * came from clients are as they came, one char a byte.
 */
import type { Ban } from "../policy/bans.ts";
import type { CheckName } from "../policy/types.ts";
import type { CheckCounts } from "../policy/counts.ts";
import type { MeterNumbers } from "./meter.ts";

/** One session. */
export interface SessionInfo {
  /** Its number in the trace. */
  readonly id: number;
  readonly worker: number;
  readonly ip: string;
  /** "smtp", "submission", "pop3s" ... */
  readonly service: string;
  readonly seconds: number;
  readonly state: string;
  readonly login: string | null;
  readonly sender: string | null;
  readonly recipients: number;
  readonly messages: number;
}

/** What one isolate has counted. */
export interface IsolateNumbers {
  readonly worker: number;
  /** Open sessions by service. */
  readonly open: Readonly<Record<string, number>>;
  /** Messages being handed over. */
  readonly inHand: number;
  readonly checks: readonly (readonly [CheckName, CheckCounts])[];
  readonly dns: { readonly questions: number; readonly hits: number };
  readonly meter: MeterNumbers;
}

/** Numbers of the whole service. */
export interface Stats {
  readonly version: string;
  readonly pid: number;
  readonly sinceMs: number;
  readonly workers: number;
  /** Counters of net/limits.ts: sessions_open, sessions_total, refused_... */
  readonly sessions: Readonly<Record<string, number>>;
  readonly open: Readonly<Record<string, number>>;
  readonly inHand: number;
  readonly bans: number;
  /** Clients that watch. */
  readonly watchers: number;
  readonly deadZones: readonly (readonly [zone: string, reason: string])[];
  readonly checks: Readonly<Record<string, CheckCounts>>;
  readonly dns: { readonly questions: number; readonly hits: number };
  readonly meter: MeterNumbers;
  readonly residentBytes: number;
}

/** Something that happened, as the trace would tell it. */
export interface WatchEvent {
  readonly atMs: number;
  readonly session: number;
  /** The trace event's stable id, such as "policy.applied". */
  readonly id: string;
  readonly text: string;
}

/** What a client asks. */
export type Request =
  | { readonly ask: "watch" }
  | { readonly ask: "stats" | "sessions" | "reload" | "bans" | "shadow" }
  | { readonly ask: "kill"; readonly session: number }
  | {
    readonly ask: "ban";
    readonly network: string;
    readonly reason: string;
    readonly seconds: number | null;
  }
  | { readonly ask: "lift"; readonly network: string };

/** What it is answered; `error`: a sentence. */
export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

/** A line of a watch, behind its answer. lost: events that came while the reader was slow. */
export type WatchLine =
  | { readonly event: WatchEvent }
  | { readonly lost: number };

/** The service, as the control socket sees it. */
export interface ServiceDesk {
  stats(): Promise<Stats>;
  sessions(): Promise<readonly SessionInfo[]>;
  /** Ends a session at once; false: there is none of this number. */
  kill(session: number): Promise<boolean>;
  /** Reads all settings again. */
  reload(): void;
  listBans(): readonly Ban[];
  addBan(network: string, reason: string, seconds: number | null): Ban;
  liftBan(network: string): boolean;
  /** Hears of events from now on, until the returned function is called. */
  watch(take: (event: WatchEvent, lost: number) => void): () => void;
}

/** What the supervising isolate asks of one that serves. */
export type IsolateQuestion =
  | { readonly ask: "sessions" | "numbers" }
  | { readonly ask: "kill"; readonly session: number };

export type IsolateAnswer =
  | { readonly ask: "sessions"; readonly sessions: readonly SessionInfo[] }
  | { readonly ask: "numbers"; readonly numbers: IsolateNumbers }
  | { readonly ask: "kill"; readonly isKilled: boolean };
