/**
 * The messages of a session that somebody wants to look into: kept until their end, then examined,
 * then handed over (content/). Where nobody wants to, nothing here is made.
 */
import type { ExaminedDelivery, SessionContent } from "../content/mod.ts";
import { spfIdentity } from "../policy/spf.ts";
import { spfOf } from "../policy/spf_check.ts";
import { messageEnvironment } from "./spf_told.ts";
import { clientOf, type Session } from "./state.ts";
import { isAlwaysAccepted, type Transaction } from "./transaction.ts";

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
      const env = messageEnvironment(session, transaction);
      const envelope = {
        session: peer.session,
        client,
        helo: session.helo ?? "",
        sender,
        recipients,
        isAlwaysAccepted: isAlwaysAccepted(transaction),
        hostname: config.hostname,
        spf: spfFinding(session, sender),
        reverse: session.visit?.known.reverse ?? null,
        nowMs: deps.clock(),
        env,
        received: received(),
        shadows: [...session.shadows, ...transaction.shadows],
      };
      const open = () => deps.queue.open(peer.session, { sender, recipients }, env);
      return examination.finish({ envelope, open });
    },
  };
}
