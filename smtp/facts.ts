/**
 * What policy is told at each stage of a session. Made only where a check asks: most sessions make
 * none of these.
 */
import { domainOf } from "../policy/addresses.ts";
import { NOTHING_RECENT } from "../policy/state_terms.ts";
import type {
  ConnectFacts,
  DataFacts,
  HeloFacts,
  MailFacts,
  RcptFacts,
  RcptValidFacts,
  RecentFacts,
} from "../policy/types.ts";
import { clientOf, type Session } from "./state.ts";
import { isAlwaysAccepted, type Transaction } from "./transaction.ts";

/** What happened within the windows, as far as anybody asks. */
function recentOf(session: Session): RecentFacts {
  const state = session.deps.policy?.state;
  if (state === undefined || !session.policy.watches.rates) return NOTHING_RECENT;
  const { network, ip, login } = clientOf(session);
  return state.recent(network, ip, login);
}

/** Before the greeting. */
export function connectFacts(session: Session): ConnectFacts {
  const client = clientOf(session);
  const state = session.deps.policy?.state;
  return {
    client,
    sessions: state?.sessions(client.ip, client.network) ?? { all: 1, address: 1, network: 1 },
    recent: recentOf(session),
    // Whoever comes to log in may be a user in the network of a guesser; without a login nothing is taken there.
    ban: session.service === "submission" ? null : state?.ban(client.ip, client.network) ?? null,
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

/** At RCPT, once its syntax is right. Written out: many a session asks this most of all. */
export function rcptFacts(
  session: Session,
  transaction: Transaction,
  recipient: string,
): RcptFacts {
  const { policy, deps, helo, hasMoreInput, messages } = session;
  const { sender, sizeBytes, limits, offered, isSenderFinal, recipients, decoys } = transaction;
  const client = clientOf(session);
  return {
    client,
    helo: helo ?? "",
    hasMoreInput,
    sender,
    sizeBytes,
    messages,
    limits,
    recent: policy.watches.rates ? withThisRecipient(recentOf(session)) : NOTHING_RECENT,
    recipient,
    accepted: recipients.length + decoys,
    offered,
    isSenderFinal,
    isAlwaysAccepted: policy.isAlwaysAccepted(recipient),
    isHarvesting: policy.watches.harvest &&
      deps.policy?.state.isHarvesting(client.network, domainOf(sender)) === true,
  };
}

/** A recipient is noted when it is known what becomes of it; the one in hand counts all the same. */
function withThisRecipient(recent: RecentFacts): RecentFacts {
  const { recipients, loginRecipients } = recent;
  return { ...recent, recipients: recipients + 1, loginRecipients: loginRecipients + 1 };
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
