/**
 * What policy is told at each stage of a session. Made only where a check asks: most sessions make
 * none of these.
 */
import { domainOf } from "../policy/addresses.ts";
import type {
  ConnectFacts,
  DataFacts,
  HeloFacts,
  MailFacts,
  RcptFacts,
  RcptValidFacts,
  RecentFacts,
} from "../policy/types.ts";
import { clientOf, isAlwaysAccepted, type Session, type Transaction } from "./state.ts";

const NOTHING_RECENT: RecentFacts = {
  connections: 0,
  messages: 0,
  recipients: 0,
  invalidRecipients: 0,
};

/** What happened within the windows, as far as anybody asks. */
function recentOf(session: Session): RecentFacts {
  const state = session.deps.policy?.state;
  if (state === undefined || !session.policy.watches.rates) return NOTHING_RECENT;
  const { network, ip } = clientOf(session);
  return state.recent(network, ip);
}

/** Before the greeting. */
export function connectFacts(session: Session): ConnectFacts {
  const client = clientOf(session);
  const state = session.deps.policy?.state;
  return {
    client,
    sessions: state?.sessions(client.ip, client.network) ?? { all: 1, address: 1, network: 1 },
    recent: recentOf(session),
    ban: state?.ban(client.ip, client.network) ?? null,
    spokeEarly: session.spokeEarly,
  };
}

/** At HELO and EHLO, which said `helo`. */
export function heloFacts(session: Session, helo = session.helo ?? ""): HeloFacts {
  return { client: clientOf(session), helo, hasMoreInput: session.hasMoreInput };
}

/** At MAIL, once its syntax is right. */
export function mailFacts(session: Session, transaction: Transaction): MailFacts {
  const { sender, sizeBytes, limits } = transaction;
  return {
    ...heloFacts(session),
    sender,
    sizeBytes,
    messages: session.messages,
    limits,
    recent: recentOf(session),
  };
}

/** At RCPT, once its syntax is right. */
export function rcptFacts(
  session: Session,
  transaction: Transaction,
  recipient: string,
): RcptFacts {
  const { policy, deps } = session;
  const facts = mailFacts(session, transaction);
  const { network } = facts.client;
  return {
    ...facts,
    // This one included: it is noted when it is known what becomes of it.
    recent: { ...facts.recent, recipients: facts.recent.recipients + 1 },
    recipient,
    accepted: transaction.recipients.length + transaction.decoys,
    offered: transaction.offered,
    isSenderFinal: transaction.isSenderFinal,
    isAlwaysAccepted: policy.isAlwaysAccepted(recipient),
    isHarvesting: policy.watches.harvest &&
      deps.policy?.state.isHarvesting(network, domainOf(transaction.sender)) === true,
  };
}

/** At RCPT, for a recipient that qmail would deliver to. */
export function rcptValidFacts(
  session: Session,
  transaction: Transaction,
  recipient: string,
  isListPosting: boolean,
): RcptValidFacts {
  return { ...rcptFacts(session, transaction, recipient), isListPosting };
}

/** At DATA, before 354. */
export function dataFacts(session: Session, transaction: Transaction): DataFacts {
  const { refusedBad, refusedRelay, refusedInvalid } = transaction;
  return {
    ...mailFacts(session, transaction),
    accepted: transaction.recipients.length,
    offered: transaction.offered,
    refused: { badrcptto: refusedBad, relay: refusedRelay, invalid: refusedInvalid },
    isAlwaysAccepted: isAlwaysAccepted(transaction),
  };
}
