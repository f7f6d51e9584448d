/**
 * The session (RFC 5321, section 3.3), as long as the connection, and the few things that every
 * command does to it. The transaction within it is transaction.ts.
 *
 * Plain structures: the rules stand in commands.ts, recipient.ts and transfer.ts, the bytes in
 * session.ts.
 */
import type { AuthService } from "../auth/mod.ts";
import type { SaslExchange } from "../auth/sasl_types.ts";
import type { Output, Peer, SecureInfo, Wants } from "../net/types.ts";
import type { Delivery, Queue } from "../queue/types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import type { Tracer } from "../trace/tracer.ts";
import { clientFacts } from "../policy/client.ts";
import { NO_POLICY, type PolicyConfig } from "../policy/config.ts";
import type { ClientFacts } from "../policy/types.ts";
import { type PolicyDesk, PolicyVisit } from "../policy/visit.ts";
import type { LookupResult, LookupService } from "../validate/types.ts";
import type { ExaminedDelivery, SessionContent } from "../content/mod.ts";
import type { SmtpConfig } from "./config.ts";
import type { MailData } from "./data.ts";
import { REPLIES, type Reply, withSession } from "./replies.ts";
import { NO_SHADOWS, type Transaction } from "./transaction.ts";
import type { ClientOverride, KnownBefore } from "./xclient.ts";

/** What a session works with. */
export interface SmtpDeps {
  readonly config: SmtpConfig;
  readonly lookup: LookupService;
  readonly queue: Queue;
  readonly tracer: Tracer;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** The driver can start TLS on this connection. */
  readonly tls?: boolean | undefined;
  /** Who may log in; absent: nobody. */
  readonly auth?: SmtpAuth | undefined;
  /** The login that a client certificate stands for, by its subject and e-mail addresses; null: none. */
  readonly externalLogin?:
    | ((subject: string, emails: readonly string[]) => string | null)
    | undefined;
  /** Waits so many seconds: before a failed login is answered. */
  readonly pause?: ((seconds: number) => Promise<void>) | undefined;
  /** Unguessable text for challenges; absent: a random one. */
  readonly nonce?: (() => string) | undefined;
  /** Null, or one sentence why the queue could not take mail for this recipient. Absent: it takes all. */
  readonly deliverability?: Deliverability | undefined;
  /** Who judges whether mail is wanted; absent: all that can be delivered is. */
  readonly policy?: PolicyDesk | undefined;
  /** Who looks into messages; absent: nobody, they stream through. */
  readonly content?: SessionContent | undefined;
  /** The host of this connection may speak for other clients: called with the one it names. Absent: it may not. */
  readonly xclient?: ((override: ClientOverride) => void) | undefined;
  /** What such a host said of the client; absent: nothing. */
  readonly known?: KnownBefore | undefined;
  /** Does mail to this deliverable recipient go to a list's subscribers? Absent: nobody knows. */
  readonly isListPosting?: ((result: LookupResult) => boolean) | undefined;
}

/** What logins are judged by. */
export type SmtpAuth = Pick<AuthService, "checkPassword" | "secrets">;

export type Deliverability = (address: string) => string | null | Promise<string | null>;

/** Why a client comes: with mail for this site, or with mail of a user to be sent on (RFC 6409). */
export type Service = "smtp" | "submission";

/** A login that is being proven. */
export interface Exchange {
  readonly mechanism: string;
  readonly exchange: SaslExchange;
}

/** Mail data that is coming in. */
export interface Incoming {
  readonly transaction: Transaction;
  readonly data: MailData;
  /** Null once the message can't be accepted any more: the rest is read and dropped. */
  delivery: Delivery | ExaminedDelivery | null;
  /** The reply at the end of data, when it is known before. */
  refusal: Reply | null;
}

/** One connection. */
export interface Session {
  readonly deps: SmtpDeps;
  readonly config: SmtpConfig;
  /** The snapshot of policy that it began with. */
  readonly policy: PolicyConfig;
  readonly peer: Peer;
  readonly output: Output;
  readonly tolerantLf: boolean;
  readonly startedMs: number;
  wants: Wants;
  /** What HELO or EHLO said; null: nothing yet. */
  helo: string | null;
  extended: boolean;
  tls: SecureInfo | null;
  readonly service: Service;
  /** The exchange of AUTH that the client's lines belong to; null: they are commands. */
  exchange: Exchange | null;
  /** Who logged in; null: nobody. */
  login: string | null;
  /** AUTH was said: lines that are no commands may be secrets. */
  expectsSecrets: boolean;
  /** The client as policy sees it, for `clientOf`; null: nobody asked yet. */
  client: ClientFacts | null;
  /** What policy found out, for `visitOf`; null: no check asked yet. */
  visit: PolicyVisit | null;
  /** Rules in shadow at connect and HELO, for the record of each message. */
  shadows: readonly string[];
  /** It talked before the greeting. */
  spokeEarly: boolean;
  /** Input waits behind the command in hand. */
  hasMoreInput: boolean;
  transaction: Transaction | null;
  incoming: Incoming | null;
  /** Settles when the queue has said whether the message in hand is safe; null: none is in hand. */
  commit: Promise<void> | null;
  /** Mail data that came to its end, and how much of it was accepted. */
  messages: number;
  accepted: number;
  recipients: number;
  syntaxErrors: number;
  unknownRecipients: number;
  relayAttempts: number;
  authFailures: number;
  isOver: boolean;
}

/** Ports of submission (RFC 6409; RFC 8314 for TLS from the start), for listeners that do not say what they are. */
const SUBMISSION_PORTS: readonly number[] = [587, 465];

const serviceOf = ({ service, localPort }: Peer): Service =>
  service ?? (SUBMISSION_PORTS.includes(localPort) ? "submission" : "smtp");

/** The state of a connection that has just begun. */
export function startSession(deps: SmtpDeps, peer: Peer, output: Output): Session {
  const { config, known } = deps;
  return {
    deps,
    config,
    policy: deps.policy?.config ?? NO_POLICY,
    peer,
    output,
    tolerantLf: config.bareLf === "tolerate" ||
      (config.bareLf === "auto" && peer.kind === "transcript"),
    startedMs: deps.clock(),
    wants: "input",
    helo: known?.helo ?? null,
    extended: known?.extended ?? false,
    tls: known?.tls ?? null,
    service: serviceOf(peer),
    exchange: null,
    login: known?.login ?? null,
    expectsSecrets: false,
    client: null,
    visit: null,
    shadows: NO_SHADOWS,
    spokeEarly: false,
    hasMoreInput: false,
    transaction: null,
    incoming: null,
    commit: null,
    messages: 0,
    accepted: 0,
    recipients: 0,
    syntaxErrors: 0,
    unknownRecipients: 0,
    relayAttempts: 0,
    authFailures: 0,
    isOver: false,
  };
}

/**
 * What is appended to a relay client's recipients; null: no relay client, by a mail rule of this
 * transaction, by address or by login.
 */
export function relayClientOf({ transaction, config, login }: Session): string | null {
  return transaction?.recipientRelay ?? transaction?.env["RELAYCLIENT"] ?? config.relayClient ??
    (login === null ? null : "");
}

/** The client as policy sees it now: a login, a mail rule or another address change it. */
export function clientOf(session: Session): ClientFacts {
  const { client, peer, login } = session;
  const isRelayClient = relayClientOf(session) !== null && login === null;
  if (
    client !== null && client.ip === peer.remoteIp && client.login === login &&
    client.isRelayClient === isRelayClient
  ) return client;
  const made = clientFacts(peer, isRelayClient, login, session.policy.isForwarder);
  session.client = made;
  return made;
}

/** What policy found out for this session. Only for sessions that policy asks about. */
export function visitOf(session: Session): PolicyVisit {
  const { policy } = session.deps;
  if (policy === undefined) throw new Error("This session has no policy");
  return session.visit ??= new PolicyVisit(policy, session.peer.session);
}

/** Gives a reply. A session that is over says nothing. */
export function say(session: Session, reply: Reply): void {
  if (session.isOver) return;
  const said = reply.code >= 400 && session.config.showsSession
    ? withSession(reply, session.peer.session)
    : reply;
  session.output.bytes(said.bytes);
  const { tracer } = session.deps;
  if (tracer.level < 4) return;
  const enhanced = reply.enhanced === "" ? "" : `${reply.enhanced} `;
  tracer.emit(session.peer.session, SMTP_EVENTS.fromServer, {
    line: `${reply.code} ${enhanced}${said.text}`,
    reply: reply.id,
  });
}

/**
 * Gives a last reply and closes. Whatever else the client has sent is neither judged nor answered.
 */
export function endSession(session: Session, reply: Reply | null, why: string): void {
  if (session.isOver) return;
  if (reply !== null) say(session, reply);
  session.wants = "close";
  session.isOver = true;
  session.transaction = null;
  traceSummary(session, why);
}

/** Ends the session because a limit is passed. */
export function endByLimit(session: Session, reply: Reply): void {
  const { tracer } = session.deps;
  if (!session.isOver && tracer.level >= 1) {
    const fields = { reply: reply.id, ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, SMTP_EVENTS.limit, fields);
  }
  endSession(session, reply, reply.id);
}

/**
 * Refuses a command. Replies of 500, 501 and 555 say that it was not understood: too many of them
 * end the session.
 */
export function refuse(session: Session, reply: Reply): void {
  if (reply.code === 421) return endByLimit(session, reply);
  say(session, reply);
  const isSyntax = reply.code === 500 || reply.code === 501 || reply.code === 555;
  if (isSyntax && ++session.syntaxErrors > session.config.maxSyntaxErrors) {
    endByLimit(session, REPLIES.syntax_limit);
  }
}

function traceSummary(session: Session, end: string): void {
  const { tracer, clock } = session.deps;
  if (tracer.level < 1) return;
  tracer.emit(session.peer.session, SMTP_EVENTS.summary, {
    ip: session.peer.remoteIp,
    helo: session.helo ?? "",
    messages: session.accepted,
    recipients: session.recipients,
    unknown: session.unknownRecipients,
    relays: session.relayAttempts,
    errors: session.syntaxErrors,
    seconds: Math.max(0, Math.round((clock() - session.startedMs) / 1000)),
    end,
  });
}
