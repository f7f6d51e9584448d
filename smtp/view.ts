/** A session as an administrator is shown it. */
import type { EngineView } from "../net/types.ts";
import type { Session } from "./state.ts";

/** Where the dialogue stands (RFC 5321, section 3), in a few words. */
function stateOf({ commit, incoming, exchange, transaction, helo }: Session): string {
  if (commit !== null) return "queueing";
  if (incoming !== null) return "data";
  if (exchange !== null) return "auth";
  if (transaction !== null) return transaction.recipients.length > 0 ? "rcpt" : "mail";
  return helo === null ? "greeted" : "helo";
}

/** What there is to show. */
export function viewOf(session: Session): EngineView {
  const transaction = session.incoming?.transaction ?? session.transaction;
  return {
    state: stateOf(session),
    login: session.login,
    sender: transaction?.sender ?? null,
    recipients: transaction?.recipients.length ?? 0,
    messages: session.accepted,
  };
}
