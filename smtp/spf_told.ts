/**
 * What SPF said of a message's sender, told to those after us: Received-SPF above our Received, and
 * SPFRESULT for qmail-queue.
 */
import { type SpfTold, tellSpf } from "../policy/spf_check.ts";
import { clientOf, type Session } from "./state.ts";
import { environmentOf, type Transaction } from "./transaction.ts";

/** Null: nobody asked, or nothing is to be told. */
export function spfTold(session: Session, sender: string): SpfTold | null {
  const { visit, policy, config } = session;
  if (visit === null) return null;
  const facts = { client: clientOf(session), helo: session.helo ?? "", sender };
  return tellSpf(policy.spf.terms, facts, visit.known, config.hostname);
}

/** The environment that qmail-queue gets for a message. */
export function messageEnvironment(
  session: Session,
  transaction: Transaction,
): Readonly<Record<string, string>> {
  const env = environmentOf(session.peer, transaction);
  const told = spfTold(session, transaction.sender);
  return told === null ? env : { ...env, ...told.env };
}
