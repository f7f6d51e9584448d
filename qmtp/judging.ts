/**
 * Where QMTP and QMQP ask policy: at connect, for the sender, for each recipient, for the package as
 * a whole. The same checks as SMTP's, but for those about HELO and about who talks first: here the
 * client always does.
 *
 * The message comes before its envelope, so what mail rules say about its size is compared at the
 * end. Nobody is made to wait (tarpit): answers come all at once.
 */
import { domainOf } from "../policy/addresses.ts";
import { clientFacts } from "../policy/client.ts";
import { limitsOf } from "../policy/limits.ts";
import type { RuleEffects } from "../policy/mailrules.ts";
import type { Judgement } from "../policy/mod.ts";
import type { RecipientOutcome } from "../policy/state_types.ts";
import type {
  AgainstVerdict,
  CheckName,
  ClientFacts,
  ConnectFacts,
  DataFacts,
  FactsOf,
  MailFacts,
  RcptFacts,
  RecentFacts,
  Stage,
} from "../policy/types.ts";
import { withShadows } from "../policy/tell.ts";
import { NOTHING_RECENT } from "../policy/state_terms.ts";
import { asks, PolicyVisit } from "../policy/visit.ts";
import { type Reply, replyOf, softOf } from "./replies.ts";
import type { Session } from "./state.ts";

/** Checks that have no meaning here. */
export const SMTP_ONLY: readonly CheckName[] = [
  "helo",
  "helo_dns",
  "early_talker",
  "strict_pipelining",
];

/** Does any check ask at this stage? */
export function isAsked(session: Session, stage: Stage): boolean {
  return asks(session.policy, stage);
}

/** RELAYCLIENT: a mail rule's, or the session's; null: no relay client. */
export function relayClientOf({ pack, config }: Session): string | null {
  return pack.recipientRelay ?? pack.env["RELAYCLIENT"] ?? config.relayClient;
}

/** The client as policy sees it now. */
export function clientOf(session: Session): ClientFacts {
  const isRelayClient = relayClientOf(session) !== null;
  const { client } = session;
  if (client !== null && client.isRelayClient === isRelayClient) return client;
  const { isForwarder } = session.policy;
  return session.client = clientFacts(session.peer, isRelayClient, null, isForwarder);
}

/** What policy found out for this session. */
export function visitOf(session: Session): PolicyVisit {
  const { policy } = session.deps;
  if (policy === undefined) throw new Error("This session has no policy");
  return session.visit ??= new PolicyVisit(policy, session.peer.session);
}

/** Judges a stage that `isAsked`; what was in shadow is remembered for the record of the message. */
export function judgeStage<S extends Stage>(
  session: Session,
  stage: S,
  facts: FactsOf[S],
): Judgement | Promise<Judgement> {
  const holder = stage === "connect" ? session : session.pack;
  const keep = (judgement: Judgement): Judgement => {
    if (judgement.shadows.length > 0) holder.shadows = withShadows(holder.shadows, judgement);
    return judgement;
  };
  const judged = visitOf(session).judge(stage, facts);
  return judged instanceof Promise ? judged.then(keep) : keep(judged);
}

/** A verdict against as an answer. */
export function answerOf(verdict: AgainstVerdict): Reply {
  return replyOf(verdict.reply);
}

/** The answer that is given instead of `reply` where soft_reject is on. */
export function softened(session: Session, reply: Reply): Reply {
  return session.policy.policy.softReject ? softOf(reply) : reply;
}

/** A limit was passed, or nobody is left: told, counted and softened like a check's verdict. */
export function takeLimit(
  session: Session,
  stage: Stage,
  verdict: AgainstVerdict,
  check: CheckName = "counters",
): Reply {
  if (session.deps.policy === undefined) return answerOf(verdict);
  const { ip } = clientOf(session);
  return answerOf(visitOf(session).limit(check, stage, ip, verdict));
}

/** What matching mail rules set holds for the rest of the package. */
export function applyEffects({ pack, config }: Session, { env, dataBytes }: RuleEffects): void {
  pack.env = { ...pack.env, ...env };
  if (dataBytes > 0) pack.ruleBytes = Math.min(pack.ruleBytes || dataBytes, dataBytes);
  pack.limits = limitsOf(config.limits, pack.env, pack.ruleBytes);
}

function recentOf(session: Session): RecentFacts {
  const state = session.deps.policy?.state;
  if (state === undefined || !session.policy.watches.rates) return NOTHING_RECENT;
  const { network, ip } = clientOf(session);
  return state.recent(network, ip);
}

export function connectFacts(session: Session): ConnectFacts {
  const client = clientOf(session);
  const state = session.deps.policy?.state;
  return {
    client,
    sessions: state?.sessions(client.ip, client.network) ?? { all: 1, address: 1, network: 1 },
    recent: recentOf(session),
    ban: state?.ban(client.ip, client.network) ?? null,
    spokeEarly: false,
  };
}

export function mailFacts(session: Session): MailFacts {
  const { pack, packages } = session;
  return {
    client: clientOf(session),
    helo: "",
    hasMoreInput: false,
    sender: pack.sender ?? "",
    sizeBytes: pack.bytes,
    messages: packages,
    limits: pack.limits,
    recent: recentOf(session),
  };
}

export function rcptFacts(session: Session, recipient: string): RcptFacts {
  const { pack, policy, deps } = session;
  const facts = mailFacts(session);
  return {
    ...facts,
    recent: { ...facts.recent, recipients: facts.recent.recipients + 1 },
    recipient,
    accepted: pack.recipients.length + pack.decoys,
    offered: pack.named,
    isSenderFinal: pack.isSenderFinal,
    isAlwaysAccepted: policy.isAlwaysAccepted(recipient),
    isHarvesting: policy.watches.harvest &&
      deps.policy?.state.isHarvesting(facts.client.network, domainOf(facts.sender)) === true,
  };
}

export function dataFacts(session: Session): DataFacts {
  const { pack } = session;
  const { refusedBad, refusedRelay, refusedInvalid, recipients, alwaysAccepted } = pack;
  return {
    ...mailFacts(session),
    accepted: recipients.length,
    offered: pack.named,
    refused: { badrcptto: refusedBad, relay: refusedRelay, invalid: refusedInvalid },
    isAlwaysAccepted: recipients.length > 0 && alwaysAccepted === recipients.length,
  };
}

/** Tells the memory what became of a recipient. */
export function note(session: Session, outcome: RecipientOutcome): void {
  const { rates, guesses } = session.policy.watches;
  if (!rates && !guesses && outcome !== "decoy") return;
  const client = clientOf(session);
  const domain = domainOf(session.pack.sender ?? "");
  session.deps.policy?.state.noteRecipient(client.ip, client.network, domain, outcome, client);
}
