/**
 * What policy remembers beyond one session, as those who judge and those who own it see it: bans, guesses, rates, the
 * greylist, the tarpit, lists that are switched off, sessions open now.
 *
 * state.ts owns all of it. Nothing here waits; with every check off nothing is kept.
 */
import type { Tracer } from "../trace/tracer.ts";
import type { Ban } from "./bans.ts";
import type { Health } from "./dnsbl_health.ts";
import type { SharedBatch, StateSnapshot } from "./state_share.ts";
import type { StateSettings, StateTerms } from "./state_terms.ts";
import type {
  BanFacts,
  ClientFacts,
  GreyAnswer,
  RecentFacts,
  SessionCounts,
  Triplet,
} from "./types.ts";

/** What became of a recipient. decoy: it is one of control/trapto. */
export type RecipientOutcome = "valid" | "invalid" | "decoy";

/** The memory. `network` is always as networks.ts writes it. */
export interface PolicyState {
  /** The ban that holds for this client now; null: none. */
  ban(ip: string, network: string): BanFacts | null;
  /** What was noted of the client within the windows. */
  recent(network: string, ip: string, login?: string | null): RecentFacts;
  noteConnection(ip: string): void;
  /** `login`: whose message it is; null: nobody logged in. */
  noteMessage(ip: string, login?: string | null): void;
  /** Counts a recipient. Forwarders, relay clients and who logged in are never taken for guessers. */
  noteRecipient(
    ip: string,
    network: string,
    senderDomain: string,
    outcome: RecipientOutcome,
    client: ClientFacts,
  ): void;
  /** The network, or this sender's domain of it, guesses recipients. */
  isHarvesting(network: string, senderDomain?: string): boolean;
  /** Remembers the triplet. */
  greylist(triplet: Triplet): GreyAnswer;
  /**
   * Seconds that the answer to an invalid recipient is held back; 0: answer now. Whoever is told to
   * wait says `tarpitDone` when it is over.
   * @param invalidSoFar invalid recipients of the session, this one included
   */
  tarpit(invalidSoFar: number): number;
  tarpitDone(): void;
  /** This client waited well for a greeting within the last day: it need not do so again. */
  hasWaited(ip: string): boolean;
  noteWaited(ip: string): void;
  /** A list of the DNS that failed its self-test. */
  isDeadZone(zone: string): boolean;
  /** Sessions open now, this one included. */
  sessions(ip: string, network: string): SessionCounts;
}

/** What the memory needs. */
export interface PolicyStateOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly tracer: Tracer;
  /** Takes one sentence for the administrator. */
  readonly complain: (sentence: string) => void;
  /** Stands before the names of ban_file and greylist_file (--root); "" for none. */
  readonly root: string;
  /** Where relative names of them lie: the qmail directory; absent: `root`. */
  readonly home?: string;
  /**
   * service: a process of many sessions, which keeps the files. worker: one isolate of several; the
   * supervising one keeps them. session: a process of one session, which only reads the bans and
   * greylists nobody. trial: answers as the service whose files it reads would, and notes nothing.
   */
  readonly role: "service" | "worker" | "session" | "trial";
  /** Isolates that share the work, among which tarpit_max_sessions is divided; absent: one. */
  readonly workers?: number;
  /** Who counts open sessions; absent: this one is alone. */
  readonly sessions?: (ip: string, network: string) => SessionCounts;
}

/** The memory with the handles of its owner. */
export interface OwnedPolicyState extends PolicyState {
  /** Takes the terms of a new generation; what is remembered stays. Called before all else. */
  use(terms: StateTerms, settings: StateSettings): void;
  /** The bans that hold now, the next to end first. */
  listBans(): readonly Ban[];
  /** An administrator's ban; `seconds`: how long, null: as long as policy would. */
  addBan(network: string, reason: string, seconds: number | null): Ban;
  /** Ends a ban; false: there was none. */
  liftBan(network: string, reason: string): boolean;
  /** What the self-test of a list came to. */
  takeHealth(zone: string, health: Health): void;
  /** Lists that are switched off, with the reason. */
  readonly deadZones: readonly (readonly [zone: string, reason: string])[];
  /** Entries of all kinds in memory. */
  readonly kept: number;
  /** Tells other isolates what is noted from now on. */
  share(send: (batch: SharedBatch) => void): void;
  /** Takes what another isolate noted. */
  receive(batch: SharedBatch): void;
  /** All that is remembered, for an isolate that begins later. */
  snapshot(): StateSnapshot;
  restore(snapshot: StateSnapshot): void;
  /** Writes what changed and ends timers. */
  close(): Promise<void>;
}
