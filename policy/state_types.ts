/**
 * What policy remembers beyond one session, as those who judge see it: bans, guesses, rates, the
 * greylist, the tarpit, lists that are switched off, sessions open now.
 *
 * state.ts owns all of it. Nothing here waits; with every check off nothing is kept.
 */
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
  recent(network: string, ip: string): RecentFacts;
  noteConnection(ip: string): void;
  noteMessage(ip: string): void;
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
  /** A list of the DNS that failed its self-test. */
  isDeadZone(zone: string): boolean;
  /** Sessions open now, this one included. */
  sessions(ip: string, network: string): SessionCounts;
}
