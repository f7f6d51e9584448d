/**
 * Our own stub resolver: answers with status and TTL, from the cache or from the name servers of resolv.conf.
 *
 * The runtime's resolver can't tell "no such name" from "server failure" and reads /etc/hosts first, so neither SPF nor
 * a block list could rely on it. Not done here: walking from the root, DNSSEC validation, search lists, /etc/hosts.
 */
import { DNS_EVENTS } from "../trace/events_dns.ts";
import type { Tracer } from "../trace/tracer.ts";
import { createAnswerCache } from "./cache.ts";
import { canonicalName, isPossibleName } from "./names.ts";
import type { ResolvConf } from "./resolv_conf.ts";
import { createServers } from "./servers.ts";
import { createSlots } from "./slots.ts";
import {
  type DnsAnswer,
  emptyAnswer,
  type QueryOptions,
  type QueryType,
  type Resolver,
} from "./types.ts";

/** Aliases that are followed by asking again. */
const MAX_FOLLOWED = 8;
/** Questions that may wait for a place, per place. */
const WAITING_PER_QUERY = 10;

export interface StubOptions {
  /** The servers as they are now; called for each question that the cache can't answer. */
  readonly conf: () => ResolvConf;
  /** Longest time of one question, all servers and tries together. */
  readonly limitMs: number;
  /** Questions on the way at one time. */
  readonly maxQueries: number;
  /** Answers kept; 0: none. */
  readonly cacheEntries: number;
  readonly tracer: Tracer;
  /** A monotonic clock in milliseconds. */
  readonly clock?: () => number;
}

export interface StubResolver extends Resolver {
  /** Answers in the cache. */
  readonly cached: number;
  /** Questions on the way. */
  readonly outstanding: number;
}

/** `answer`, or a temporary failure after `ms`. */
function orLate(answer: Promise<DnsAnswer>, ms: number): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    const problem = `The DNS gave no answer within ${Math.ceil(ms / 100) / 10} s`;
    const timer = setTimeout(
      () => resolve(emptyAnswer("temporary", null, 0, problem)),
      Math.max(0, ms),
    );
    answer.then((got) => {
      clearTimeout(timer);
      resolve(got);
    });
  });
}

/** Follows aliases that the servers left open. */
async function follow(
  name: string,
  ask: (name: string) => ReturnType<ReturnType<typeof createServers>["ask"]>,
): Promise<DnsAnswer> {
  let at = name;
  let ttlSeconds = Infinity;
  for (let hop = 0; hop <= MAX_FOLLOWED && isPossibleName(at); hop++) {
    const said = await ask(at);
    if ("answer" in said) {
      return { ...said.answer, ttlSeconds: Math.min(ttlSeconds, said.answer.ttlSeconds) };
    }
    ttlSeconds = Math.min(ttlSeconds, said.ttlSeconds);
    at = said.follow;
  }
  return emptyAnswer("temporary", null, 0, `"${name}" is an alias that leads nowhere`);
}

/** Questions of this isolate, and those that the cache answered; for whoever shows numbers. */
export const DNS_NUMBERS = { questions: 0, hits: 0 };

/** A stub resolver; it holds sockets only while questions are on the way. */
export function createStubResolver(options: StubOptions): StubResolver {
  const { tracer } = options;
  const clock = options.clock ?? (() => performance.now());
  const cache = createAnswerCache(options.cacheEntries);
  const servers = createServers(clock, tracer);
  const slots = createSlots(options.maxQueries, options.maxQueries * WAITING_PER_QUERY);
  const pending = new Map<string, Promise<DnsAnswer>>();

  const trace = (name: string, type: QueryType, answer: DnsAnswer, ms: number, session: number) => {
    if (tracer.level < 3) return;
    const { status, problem, ttlSeconds, records } = answer;
    tracer.emit(session, DNS_EVENTS.answered, {
      name,
      type,
      status,
      problem,
      ttl_seconds: ttlSeconds,
      records: records.length,
      ms: Math.round(ms),
    });
  };

  const ask = async (name: string, type: QueryType, session: number): Promise<DnsAnswer> => {
    const deadlineMs = clock() + options.limitMs;
    if (!await slots.acquire(options.limitMs)) {
      return emptyAnswer("temporary", null, 0, "Too many DNS questions are on the way");
    }
    try {
      const conf = options.conf();
      return await follow(name, (at) => servers.ask({ name: at, type, deadlineMs, session }, conf));
    } catch (error) {
      return emptyAnswer("temporary", null, 0, `The DNS could not be asked: ${error}`);
    } finally {
      slots.release();
    }
  };

  const start = (key: string, name: string, type: QueryType, session: number) => {
    const begin = clock();
    const answer = ask(name, type, session).then((got) => {
      pending.delete(key);
      cache.put(key, got, clock());
      trace(name, type, got, clock() - begin, session);
      return got;
    });
    pending.set(key, answer);
    return answer;
  };

  return {
    get cached() {
      return cache.size;
    },
    get outstanding() {
      return slots.taken;
    },
    query(asked: string, type: QueryType, how: QueryOptions = {}): Promise<DnsAnswer> {
      const name = canonicalName(asked);
      if (!isPossibleName(name) || name.endsWith(".")) {
        return Promise.resolve(emptyAnswer("nxdomain", null));
      }
      const key = `${type} ${name}`;
      const session = how.session ?? 0;
      const kept = cache.get(key, clock());
      DNS_NUMBERS.questions++;
      if (kept !== null) {
        DNS_NUMBERS.hits++;
        if (tracer.level >= 4) {
          tracer.emit(session, DNS_EVENTS.cached, { name, type, status: kept.status });
        }
        return Promise.resolve(kept);
      }
      const answer = pending.get(key) ?? start(key, name, type, session);
      return how.timeoutMs === undefined ? answer : orLate(answer, how.timeoutMs);
    },
  };
}
