/**
 * One question to several name servers, as resolv.conf orders them: the next is asked when one stays silent or fails;
 * one that stayed silent is asked last for a while.
 */
import { DNS_EVENTS } from "../trace/events_dns.ts";
import type { Tracer } from "../trace/tracer.ts";
import { FAILURE_TTL_SECONDS, interpret, type Interpreted } from "./answer.ts";
import { exchange, type Exchanged, showServer } from "./exchange.ts";
import type { ResolvConf, ServerAddress } from "./resolv_conf.ts";
import { emptyAnswer, type QueryType } from "./types.ts";

/** How long a silent server is asked last. */
const REST_MS = 30_000;
/** Shortest time that a server gets, as long as the whole limit allows it. */
const MIN_TRY_MS = 1000;
const FORMERR = 1;
const NOTIMP = 4;

/** What a query brings along. */
export interface Asking {
  readonly name: string;
  readonly type: QueryType;
  readonly deadlineMs: number;
  readonly session: number;
}

export interface Servers {
  /** Asks until there is an answer, every server failed, or the deadline is over. Never rejects. */
  ask(asking: Asking, conf: ResolvConf): Promise<Interpreted>;
}

/** A server that cannot read EDNS0 is asked again without (RFC 6891 section 7). */
async function askOne(
  server: ServerAddress,
  asking: Asking,
  tcp: boolean,
  tryMs: number,
): Promise<Exchanged> {
  const { name, type } = asking;
  const first = await exchange(server, { name, type, tcp, edns: true }, tryMs);
  const rcode = first.message?.rcode;
  if (rcode !== FORMERR && rcode !== NOTIMP) return first;
  return await exchange(server, { name, type, tcp, edns: false }, tryMs);
}

/** The servers of one place; `clock` is monotonic, in milliseconds. */
export function createServers(clock: () => number, tracer: Tracer): Servers {
  const restUntil = new Map<string, number>();
  let turn = 0;

  const ordered = (conf: ResolvConf): ServerAddress[] => {
    const first = conf.rotate ? turn++ % conf.servers.length : 0;
    const all = [...conf.servers.slice(first), ...conf.servers.slice(0, first)];
    const rests = (s: ServerAddress) => (restUntil.get(showServer(s)) ?? -Infinity) > clock();
    return [...all.filter((s) => !rests(s)), ...all.filter(rests)];
  };

  const rest = (server: ServerAddress, reason: string, asking: Asking) => {
    const shown = showServer(server);
    const known = (restUntil.get(shown) ?? -Infinity) > clock();
    restUntil.set(shown, clock() + REST_MS);
    if (!known && tracer.level >= 1) {
      tracer.emit(asking.session, DNS_EVENTS.silent, { reason, seconds: REST_MS / 1000 });
    }
  };

  return {
    async ask(asking, conf) {
      const servers = new Set(ordered(conf));
      let last = emptyAnswer(
        "temporary",
        null,
        FAILURE_TTL_SECONDS,
        "No name server answered in time",
      );
      for (let round = 0; round < conf.attempts; round++) {
        for (const server of servers) {
          const leftMs = asking.deadlineMs - clock();
          if (leftMs <= 0) return { answer: last };
          const tries = (conf.attempts - round) * servers.size;
          const share = Math.max(MIN_TRY_MS, leftMs / tries);
          const tryMs = Math.min(conf.timeoutSeconds * 1000, share, leftMs);
          const result = await askOne(server, asking, conf.tcp, tryMs);
          if (result.message === null) {
            rest(server, result.problem, asking);
            if (last.rcode === null) last = { ...last, problem: result.problem };
            continue;
          }
          restUntil.delete(showServer(server));
          const said = interpret(result.message, asking.name, asking.type, showServer(server));
          if ("follow" in said || said.answer.status !== "temporary") return said;
          last = said.answer;
          servers.delete(server);
        }
      }
      return { answer: last };
    },
  };
}
