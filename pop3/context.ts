/**
 * What lives as long as a POP3 session, as the commands see it. session.ts makes it; commands only read it, reply
 * through it and change what is theirs.
 */
import type { SaslExchange } from "../auth/mod.ts";
import type {
  Account,
  AuthAnswer,
  Authenticator,
  SecretSource,
  SessionEnv,
} from "../auth/types.ts";
import type { Output, Peer, SecureInfo, Wants } from "../net/types.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Pop3Config } from "./config.ts";
import type { LoginTimes } from "./login_times.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Reply } from "./replies.ts";

/** RFC 1939, section 3. */
export type State = "authorization" | "transaction" | "update";

/** The answer to a challenge in the password's place, the challenge beside it. */
export type CheckResponse = (
  login: string,
  response: string,
  stamp: string,
  env?: SessionEnv,
) => Promise<AuthAnswer>;

/** What a session is made of. */
export interface Pop3Deps {
  readonly config: Pop3Config;
  readonly auth: Authenticator;
  /** Opens an account's maildrop. Throws, or rejects with, a MaildropError. */
  readonly openMaildrop: (account: Account, session: number) => Maildrop | Promise<Maildrop>;
  readonly tracer: Tracer;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Stored secrets, for APOP and the SASL mechanisms that send no password; null or absent: none. */
  readonly secrets?: SecretSource | null;
  /** Judges APOP's digest where a program knows the secrets, as checkpassword may. Never rejects. */
  readonly checkResponse?: CheckResponse | undefined;
  /** A TLS handshake can be done with this client: STLS is offered. */
  readonly tls?: boolean | undefined;
  /** The login that a verified client certificate stands for, by its subject and e-mail addresses; null: none. */
  readonly externalLogin?:
    | ((subject: string, emails: readonly string[]) => string | null)
    | undefined;
  /** Resolves after so many seconds; absent: failed logins are answered at once. */
  readonly pause?: ((seconds: number) => Promise<void>) | undefined;
  /** When users logged in last, shared by all sessions; absent: `loginDelaySeconds` is not watched. */
  readonly loginTimes?: LoginTimes;
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

/** An AUTH exchange in hand. */
export interface PendingSasl {
  readonly mechanism: string;
  readonly exchange: SaslExchange;
}

export interface Pop3Context {
  readonly deps: Pop3Deps;
  readonly peer: Peer;
  readonly output: Output;
  state: State;
  /** The timestamp `<pid.time@host>` of this session, what APOP would be computed over. */
  readonly timestamp: string;
  /** The greeting showed the timestamp. */
  readonly offersApop: boolean;
  /** What the TLS handshake came to; null: the connection is in clear. */
  readonly secure: SecureInfo | null;
  /** The AUTH exchange whose next line is awaited. */
  sasl: PendingSasl | null;
  /** What the driver is to do next. STLS sets it to "tls", `close` to "close". */
  wants: Wants;
  /** Input behind the line in hand has arrived already. */
  readonly hasMore: boolean;
  /** What USER said; null: nothing yet. */
  user: string | null;
  /** Who logged in; "" nobody yet. */
  login: string;
  drop: OpenDrop | null;
  readonly counters: Counters;
  authFailures: number;
  /** Sends a prebuilt status line. */
  reply(reply: Reply): void;
  /** Sends a status line that carries values; `shown` stands for it in the trace. */
  replyText(line: string, shown?: string): void;
  /** Sends an error that counts against `pop3_max_errors`; the last one ends the session. */
  replyError(reply: Reply): void;
  /** Ends the session once the output is flushed. `why` is for the summary. */
  close(why: string): void;
}
