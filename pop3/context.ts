/**
 * What lives as long as a POP3 session, as the commands see it. session.ts makes it; commands only read it, reply
 * through it and change what is theirs.
 */
import type { Account, Authenticator } from "../auth/types.ts";
import type { Output, Peer } from "../net/types.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Pop3Config } from "./config.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Reply } from "./replies.ts";

/** RFC 1939, section 3. */
export type State = "authorization" | "transaction" | "update";

/** What a session is made of. */
export interface Pop3Deps {
  readonly config: Pop3Config;
  readonly auth: Authenticator;
  /** Opens an account's maildrop. Throws, or rejects with, a MaildropError. */
  readonly openMaildrop: (account: Account, session: number) => Maildrop | Promise<Maildrop>;
  readonly tracer: Tracer;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** The greeting's timestamp invites clients to APOP. */
  readonly offersApop?: boolean;
  /** Who logged in already: the session begins in TRANSACTION, as qmail-pop3d does behind checkpassword. */
  readonly account?: Account;
}

/** What the session's summary counts. */
export interface Counters {
  top: number;
  topBytes: number;
  retr: number;
  retrBytes: number;
  removed: number;
}

/** The maildrop of a session in TRANSACTION. */
export interface OpenDrop {
  readonly maildrop: Maildrop;
  /** Messages marked as deleted, counted from 0. */
  readonly deleted: Set<number>;
  /** Octets of the deleted messages; -1: to be added up. */
  deletedOctets: number;
  /** Highest number (from 1) that DELE was used on: LAST. */
  last: number;
}

export interface Pop3Context {
  readonly deps: Pop3Deps;
  readonly peer: Peer;
  readonly output: Output;
  state: State;
  /** The timestamp `<pid.time@host>` of this session, what APOP would be computed over. */
  readonly timestamp: string;
  /** What USER said; null: nothing yet. */
  user: string | null;
  /** Who logged in; "" nobody yet. */
  login: string;
  drop: OpenDrop | null;
  readonly counters: Counters;
  authFailures: number;
  /** Sends a prebuilt status line. */
  reply(reply: Reply): void;
  /** Sends a status line that carries values. */
  replyText(line: string): void;
  /** Sends an error that counts against `pop3_max_errors`; the last one ends the session. */
  replyError(reply: Reply): void;
  /** Ends the session once the output is flushed. `why` is for the summary. */
  close(why: string): void;
}
