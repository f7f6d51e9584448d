/** The transaction (RFC 5321, section 3.3): from MAIL to the end of DATA, and what mail rules may change of it. */
import { sessionEnv } from "../net/session_env.ts";
import type { Peer } from "../net/types.ts";
import type { AgainstVerdict, Limits } from "../policy/types.ts";

/** A transaction that goes on for the trace alone (capture.ts). */
export interface Capture {
  readonly verdict: AgainstVerdict;
  readonly recipients: string[];
}

/** From MAIL to the end of DATA. */
export interface Transaction {
  readonly sender: string;
  readonly utf8: boolean;
  /** SIZE as declared; 0: not declared. */
  readonly sizeBytes: number;
  readonly recipients: string[];
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
  /** Recipients offered, refused ones included. */
  offered: number;
  /** Recipients of control/trapto that were answered with 250. */
  decoys: number;
  /** Those of `recipients` that always get their mail. */
  alwaysAccepted: number;
  /** What a client that is refused wants to send; null: nothing is captured. */
  capture: Capture | null;
  /** Rules in shadow from MAIL to DATA, for the record of the message. */
  shadows: readonly string[];
  /** Recipients refused, by reason. */
  refusedBad: number;
  refusedRelay: number;
  refusedInvalid: number;
}

const NO_ENVIRONMENT: Readonly<Record<string, string>> = {};

/** Nothing was in shadow. */
export const NO_SHADOWS: readonly string[] = [];

/** A transaction that has just begun. */
export function startTransaction(
  limits: Limits,
  sender: string,
  utf8: boolean,
  sizeBytes: number,
): Transaction {
  return {
    sender,
    utf8,
    sizeBytes,
    recipients: [],
    limits,
    env: NO_ENVIRONMENT,
    recipientRelay: null,
    ruleBytes: 0,
    isSenderFinal: false,
    offered: 0,
    decoys: 0,
    alwaysAccepted: 0,
    capture: null,
    shadows: NO_SHADOWS,
    refusedBad: 0,
    refusedRelay: 0,
    refusedInvalid: 0,
  };
}

/** Every recipient is one that always gets its mail: no verdict against its content is applied. */
export function isAlwaysAccepted({ recipients, alwaysAccepted }: Transaction): boolean {
  return recipients.length > 0 && alwaysAccepted === recipients.length;
}

/** The environment of a transaction: the session's, and what mail rules have set. */
export function environmentOf(peer: Peer, { env }: Transaction): Readonly<Record<string, string>> {
  const own = sessionEnv(peer);
  return env === NO_ENVIRONMENT ? own : { ...own, ...env };
}
