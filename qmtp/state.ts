/**
 * The two lives of QMTP and QMQP: the session, as long as the connection, and the package, from the first byte of a
 * message to its answers; and the few things that everything does to them.
 */
import type { SessionContent } from "../content/mod.ts";
import type { Output, Peer, Wants } from "../net/types.ts";
import { NO_POLICY, type PolicyConfig } from "../policy/config.ts";
import type { ClientFacts, Limits } from "../policy/types.ts";
import type { PolicyDesk, PolicyVisit } from "../policy/visit.ts";
import type { Spool } from "../queue/spool.ts";
import type { Queue } from "../queue/types.ts";
import { QMQP_EVENTS, QMTP_EVENTS, type QmtpEvents } from "../trace/events_qmtp.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { LookupResult, LookupService } from "../validate/types.ts";
import type { QmtpConfig } from "./config.ts";
import type { LineEnds } from "./line_ends.ts";
import { type Grammar, type Reading, startReading } from "./reading.ts";
import { answerText, netstringOf, type Reply } from "./replies.ts";

/** What a session works with. */
export interface QmtpDeps {
  readonly config: QmtpConfig;
  readonly lookup: LookupService;
  readonly queue: Queue;
  readonly tracer: Tracer;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Who judges whether mail is wanted; absent: all that can be delivered is. */
  readonly policy?: PolicyDesk | undefined;
  /** Who looks into messages; absent: nobody. */
  readonly content?: SessionContent | undefined;
  /** Does mail to this deliverable recipient go to a list's subscribers? Absent: nobody knows. */
  readonly isListPosting?: ((result: LookupResult) => boolean) | undefined;
}

/** An address that is coming in; null: it can't be used, its bytes are dropped. */
export type Address = string | null;

/** One message and its envelope on their way in. Memory is bounded: the spool's 64 KiB and the recipients' limit. */
export interface Package {
  /** Keeps the message until its envelope is known; null: none yet, or the message will not be accepted. */
  spool: Spool | null;
  /** How lines end; null: the byte that says so has not come. */
  lines: "lf" | "crlf" | null;
  readonly ends: LineEnds;
  /** Bytes of the message so far, its Received line not counted. */
  bytes: number;
  sender: Address;
  /** The recipient that is being read. */
  address: Address;
  /** Recipients named so far. */
  named: number;
  /** Those accepted, as they go into the envelope. */
  readonly recipients: string[];
  /** QMTP: the answer to each recipient in turn; null: what becomes of the message. */
  readonly answers: (Reply | null)[];
  /** QMTP: recipients beyond the limit. */
  excess: number;
  /** QMQP: why the message is refused because of a recipient. */
  worst: Reply | null;
  /** Why the message is refused whoever it is for. */
  refusal: Reply | null;
  /** What holds for this one: mail rules may have lowered it. */
  limits: Limits;
  /** What mail rules have set; goes over the session's environment. */
  env: Readonly<Record<string, string>>;
  /** RELAYCLIENT that a mail rule gave to the recipient in hand; null: none. */
  recipientRelay: string | null;
  /** The smallest size that a mail rule named; 0: none. */
  ruleBytes: number;
  /** A rule accepted the sender for good. */
  isSenderFinal: boolean;
  /** Recipients of control/trapto that were answered like valid ones. */
  decoys: number;
  /** Those of `recipients` that always get their mail. */
  alwaysAccepted: number;
  /** Rules in shadow, for the record of the message. */
  shadows: readonly string[];
  /** Recipients refused, by reason. */
  refusedBad: number;
  refusedRelay: number;
  refusedInvalid: number;
}

/** One connection. */
export interface Session {
  readonly deps: QmtpDeps;
  readonly config: QmtpConfig;
  readonly peer: Peer;
  readonly output: Output;
  readonly events: QmtpEvents;
  readonly reading: Reading;
  readonly startedMs: number;
  /** The snapshot of policy that it began with. */
  readonly policy: PolicyConfig;
  /** The client as policy sees it, for `clientOf`; null: nobody asked yet. */
  client: ClientFacts | null;
  /** What policy found out, for `visitOf`; null: no check asked yet. */
  visit: PolicyVisit | null;
  /** Rules in shadow at connect, for the record of each message. */
  shadows: readonly string[];
  /** Packages before the one in hand. */
  packages: number;
  pack: Package;
  wants: Wants;
  isOver: boolean;
  /** Settles when the message in hand has its answer; null: none is being handed over. */
  commit: Promise<void> | null;
  /** Why the session ends once the package is answered; null: it goes on. */
  ending: "invalid_rcpt" | "unknown_limit" | "relay_limit" | "message_limit" | null;
  accepted: number;
  recipients: number;
  unknownRecipients: number;
  relayAttempts: number;
}

const NO_ENVIRONMENT: Readonly<Record<string, string>> = {};
const NO_SHADOWS: readonly string[] = [];

/** A package before its first byte. */
export function startPackage(limits: Limits): Package {
  return {
    spool: null,
    lines: null,
    ends: { held: false },
    bytes: 0,
    sender: "",
    address: "",
    named: 0,
    recipients: [],
    answers: [],
    excess: 0,
    worst: null,
    refusal: null,
    limits,
    env: NO_ENVIRONMENT,
    recipientRelay: null,
    ruleBytes: 0,
    isSenderFinal: false,
    decoys: 0,
    alwaysAccepted: 0,
    shadows: NO_SHADOWS,
    refusedBad: 0,
    refusedRelay: 0,
    refusedInvalid: 0,
  };
}

/** The state of a connection that has just begun. */
export function startSession(
  grammar: Grammar,
  deps: QmtpDeps,
  peer: Peer,
  output: Output,
): Session {
  return {
    deps,
    config: deps.config,
    peer,
    output,
    events: grammar === "qmtp" ? QMTP_EVENTS : QMQP_EVENTS,
    reading: startReading(grammar),
    startedMs: deps.clock(),
    policy: deps.policy?.config ?? NO_POLICY,
    client: null,
    visit: null,
    shadows: NO_SHADOWS,
    packages: 0,
    pack: startPackage(deps.config.limits),
    wants: "input",
    isOver: false,
    commit: null,
    ending: null,
    accepted: 0,
    recipients: 0,
    unknownRecipients: 0,
    relayAttempts: 0,
  };
}

/** Gives an answer. A session that is over says nothing. */
export function say(session: Session, reply: Reply): void {
  if (session.isOver) return;
  session.output.text(netstringOf(reply));
  const { tracer } = session.deps;
  if (tracer.level < 4) return;
  tracer.emit(session.peer.session, session.events.fromServer, { line: answerText(reply) });
}

/** Closes. Whatever else the client has sent is neither judged nor answered. */
export function endSession(session: Session, why: string): void {
  if (session.isOver) return;
  session.wants = "close";
  session.isOver = true;
  dropMessage(session.pack);
  const { tracer, clock } = session.deps;
  if (tracer.level < 1) return;
  tracer.emit(session.peer.session, session.events.summary, {
    ip: session.peer.remoteIp,
    messages: session.accepted,
    recipients: session.recipients,
    unknown: session.unknownRecipients,
    relays: session.relayAttempts,
    seconds: Math.max(0, Math.round((clock() - session.startedMs) / 1000)),
    end: why,
  });
}

/** What was sent is not the protocol, or beyond what is taken: there is no answer to that. */
export function endMalformed(session: Session, reason: string): void {
  traceRefusal(session, "malformed", reason);
  const { tracer } = session.deps;
  if (tracer.level >= 1) {
    const fields = { ip: session.peer.remoteIp, reason };
    tracer.emit(session.peer.session, session.events.malformed, fields);
  }
  endSession(session, "malformed");
}

/** Nothing of the message stays. */
export function dropMessage(pack: Package): void {
  pack.spool?.close();
  pack.spool = null;
}

/** Says that a message, as far as it came, goes nowhere. */
export function traceRefusal(session: Session, reply: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level < 1) return;
  tracer.emit(session.peer.session, session.events.notAccepted, {
    reply,
    sender: session.pack.sender ?? "",
    bytes: session.pack.bytes,
    reason,
  });
}
