/** A resolver over name servers on loopback, for the tests of dns/. */
import { createStubResolver, type StubResolver } from "../../../dns/resolver.ts";
import type { createMemoryTracer } from "../../../trace/memory.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { a, type Answering, type NameServer, reply, startNameServer } from "./kit.ts";

export interface Options {
  readonly answers: readonly Answering[];
  readonly attempts?: number;
  readonly timeoutSeconds?: number;
  readonly limitMs?: number;
  readonly cacheEntries?: number;
  readonly maxQueries?: number;
  readonly rotate?: boolean;
  readonly clock?: () => number;
  readonly tracer?: ReturnType<typeof createMemoryTracer>;
}

/** A resolver over name servers that answer so. */
export async function withServers(
  options: Options,
  work: (resolver: StubResolver, servers: readonly NameServer[]) => Promise<void>,
) {
  const servers = options.answers.map(startNameServer);
  const conf = {
    servers: servers.map((s) => s.server),
    timeoutSeconds: options.timeoutSeconds ?? 5,
    attempts: options.attempts ?? 1,
    rotate: options.rotate ?? false,
    tcp: false,
  };
  const resolver = createStubResolver({
    conf: () => conf,
    limitMs: options.limitMs ?? 5000,
    maxQueries: options.maxQueries ?? 50,
    cacheEntries: options.cacheEntries ?? 100,
    tracer: options.tracer ?? NO_TRACE,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  try {
    await work(resolver, servers);
  } finally {
    for (const server of servers) await server.close();
  }
}

/** A server that has one address for every name. */
export const addressOf = (ip: string): Answering => (q) =>
  reply(q, { answers: [a(q.name, 300, ip)] });
/** A server that never answers. */
export const silence: Answering = () => null;
