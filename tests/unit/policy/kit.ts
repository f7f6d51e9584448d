/** Facts that nothing speaks against, to be changed one at a time, and verdicts as one line. */
import type { AnyCheck, ClientFacts, RcptValidFacts, Verdict } from "../../../policy/types.ts";
import type { EndFacts, Gather, Known, Mode, Policy } from "../../../policy/mod.ts";
import { makePolicy } from "../../../policy/mod.ts";

export const CLIENT: ClientFacts = {
  ip: "192.0.2.1",
  network: "192.0.2.0/24",
  isLoopback: false,
  isRelayClient: false,
  login: null,
  isForwarder: false,
  env: {},
};

export const NO_LIMITS = {
  maxRecipients: 0,
  refusesWhole: false,
  maxMessages: 0,
  maxHops: 0,
  dataBytes: 0,
};

/** Facts of every stage at once: each stage's are a part of them. */
const FACTS = {
  client: CLIENT,
  sessions: { all: 1, address: 1, network: 1 },
  recent: {
    connections: 1,
    messages: 1,
    recipients: 1,
    invalidRecipients: 0,
    loginMessages: 0,
    loginRecipients: 0,
  },
  ban: null,
  spokeEarly: false,
  helo: "mail.example.org",
  hasMoreInput: false,
  sender: "joe@example.org",
  sizeBytes: 0,
  messages: 0,
  limits: NO_LIMITS,
  recipient: "ann@example.com",
  accepted: 0,
  offered: 1,
  isSenderFinal: false,
  isAlwaysAccepted: false,
  isHarvesting: false,
  isListPosting: false,
  refused: { badrcptto: 0, relay: 0, invalid: 0 },
  hops: 0,
  bytes: 0,
} as const;

export type AllFacts =
  & RcptValidFacts
  & EndFacts
  & { readonly sessions: { all: number; address: number; network: number } }
  & { readonly ban: null | { network: string; reason: string; untilMs: number } }
  & { readonly spokeEarly: boolean };

/** The facts with some of them changed; `client` is changed field by field. */
export function facts(
  changes: Partial<Omit<AllFacts, "client">> & { readonly client?: Partial<ClientFacts> } = {},
): AllFacts {
  return { ...FACTS, ...changes, client: { ...CLIENT, ...changes.client } };
}

/** "none", "accept", "accept!" (final), or code, reply id and rule; "end" when the session ends. */
export function shown(verdict: Verdict): string {
  switch (verdict.kind) {
    case "none":
      return "none";
    case "accept":
      return `${verdict.final ? "accept!" : "accept"} ${verdict.rule}`;
    case "defer":
    case "refuse": {
      const { reply, rule, ends } = verdict;
      return `${reply.code} ${reply.id} (${rule})${ends ? " end" : ""}`;
    }
  }
}

/** A policy with all of `checks` in one mode. */
export function policyOf(checks: readonly AnyCheck[], mode: Mode = "on", soft = false): Policy {
  return makePolicy(checks, Object.fromEntries(checks.map(({ name }) => [name, mode])), soft);
}

/** For checks that ask nobody. */
export const NOBODY: Gather = (_needs, _known): Known => {
  throw new Error("Nobody should be asked");
};
