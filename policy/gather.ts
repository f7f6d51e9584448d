/**
 * Finds out what checks need, and remembers it for the session: each thing is asked once, all of a
 * check's at one time.
 *
 * The one place of policy that asks the DNS. A session makes its own; the greylist is asked anew
 * for each recipient.
 */
import { withDeadline } from "../dns/deadline.ts";
import { confirmReverse } from "../dns/reverse.ts";
import type { DnsAnswer, QueryType, Resolver } from "../dns/types.ts";
import type { Gather } from "./mod.ts";
import { checkHost, spfIdentity, type SpfPolicy } from "./spf.ts";
import {
  type GreyAnswer,
  type Known,
  type Need,
  NOTHING_KNOWN,
  type SpfFound,
  type Triplet,
} from "./types.ts";

/** Whom to ask. */
export interface Sources {
  readonly resolver: Resolver;
  /** Remembers the triplet; null: no greylist. */
  readonly greylist: ((triplet: Triplet) => GreyAnswer) | null;
  readonly isDeadZone: (zone: string) => boolean;
  /** What SPF goes by beside the records of the DNS, asked for each time; absent: nothing. */
  readonly spfPolicy?: () => SpfPolicy;
  /** Number of the session, for the trace of the DNS. */
  readonly session: number;
}

/** A session's memory. */
export interface Gatherer {
  readonly gather: Gather;
  /**
   * What is known at the beginning of a stage: all but the greylist's answer, which was about
   * another recipient.
   */
  known(): Known;
}

/** Answers of the DNS that one session remembers; a client may name any number of domains. */
const MAX_ANSWERS = 500;

/** Senders of one session whose SPF result is remembered; the last one counts most. */
const MAX_SENDERS = 20;

type SpfNeed = Extract<Need, { readonly kind: "spf" }>;

/** Longest time of one SPF evaluation, all its look-ups together (RFC 7208 section 4.6.4). */
const SPF_MS = 20_000;

/** SPF's answers of a session, each asked once. */
function createSpfMemory(sources: Sources): (need: SpfNeed) => Promise<SpfFound> {
  const answers = new Map<string, Promise<SpfFound>>();
  const ask = async ({ ip, helo, sender }: SpfNeed): Promise<SpfFound> => {
    const { sender: asked, domain } = spfIdentity(sender, helo);
    const question = { ip, domain, sender: asked, helo };
    const resolver = withDeadline(sources.resolver, SPF_MS, sources.session);
    const spf = await checkHost(question, resolver, sources.spfPolicy?.() ?? {});
    return { helo, sender, spf };
  };
  return (need) => {
    const key = JSON.stringify([need.helo, need.sender]);
    let answer = answers.get(key);
    if (answer === undefined) {
      if (answers.size >= MAX_SENDERS) answers.clear();
      answers.set(key, answer = ask(need));
    }
    return answer;
  };
}

/** Makes one. */
export function createGatherer(sources: Sources): Gatherer {
  const answers = new Map<string, DnsAnswer>();
  const askSpf = createSpfMemory(sources);
  const keyOf = (name: string, type: QueryType) => `${type} ${name}`;
  let base: Known = {
    ...NOTHING_KNOWN,
    dns: (name, type) => answers.get(keyOf(name, type)),
    isDeadZone: sources.isDeadZone,
  };

  async function ask(need: Need): Promise<void> {
    switch (need.kind) {
      case "dns": {
        const { name, type } = need;
        const options = { session: sources.session };
        const answer = await sources.resolver.query(name, type, options);
        answers.set(keyOf(name, type), answer);
        // What was asked first goes first.
        const oldest = answers.size > MAX_ANSWERS ? answers.keys().next() : null;
        if (oldest?.done === false) answers.delete(oldest.value);
        return;
      }
      case "reverse":
        base = { ...base, reverse: await confirmReverse(need.ip, sources.resolver) };
        return;
      case "spf": {
        const spf = await askSpf(need);
        base = { ...base, spf };
        return;
      }
      case "greylist":
        return;
    }
  }

  const gather: Gather = (needs, known) => {
    const greyNeed = needs.find((need) => need.kind === "greylist");
    const greylist = greyNeed === undefined || sources.greylist === null
      ? known.greylist
      : sources.greylist(greyNeed.triplet);
    const others = needs.filter((need) => need.kind !== "greylist");
    if (others.length === 0) return { ...base, greylist };
    return Promise.all(others.map(ask)).then(() => ({ ...base, greylist }));
  };
  return { gather, known: () => base };
}
