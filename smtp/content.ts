/**
 * The messages of a session that somebody wants to look into: kept until their end, then examined,
 * then handed over (content/). Where nobody wants to, nothing here is made.
 */
import type { ExaminedOutcome, SessionContent } from "../content/mod.ts";
import type { Delivery } from "../queue/types.ts";
import { spfIdentity } from "../policy/spf.ts";
import { spfOf } from "../policy/spf_check.ts";
import {
  clientOf,
  environmentOf,
  isAlwaysAccepted,
  type Session,
  type Transaction,
} from "./state.ts";

/** A delivery whose end may also be that a check is against the message. */
export interface ExaminedDelivery extends Omit<Delivery, "commit"> {
  commit(): Promise<ExaminedOutcome>;
}

/** SPF's word on this sender, where it was asked. */
function spfFinding(session: Session, sender: string) {
  const helo = session.helo ?? "";
  const found = session.visit === null ? null : spfOf({ helo, sender }, session.visit.known);
  if (found === null) return null;
  return { result: found.result, domain: spfIdentity(sender, helo).domain };
}

/**
 * Begins with a message; null: nobody looks into mail of this client. `received`: our own field,
 * asked for when the message is complete.
 */
export function beginExamined(
  session: Session,
  transaction: Transaction,
  content: SessionContent,
  received: () => string,
): ExaminedDelivery | null {
  const client = clientOf(session);
  const examination = content.begin(client);
  if (examination === null) return null;
  const { deps, peer, config } = session;
  const { sender, recipients } = transaction;
  return {
    write: (chunk) => examination.write(chunk),
    abort: () => examination.abort(),
    commit() {
      const env = environmentOf(session, transaction);
      const envelope = {
        session: peer.session,
        client,
        helo: session.helo ?? "",
        sender,
        recipients,
        isAlwaysAccepted: isAlwaysAccepted(transaction),
        hostname: config.hostname,
        spf: spfFinding(session, sender),
        nowMs: deps.clock(),
        env,
        received: received(),
      };
      const open = () => deps.queue.open(peer.session, { sender, recipients }, env);
      return examination.finish({ envelope, open });
    },
  };
}
