/** A resolver for one judgement that may take only so long altogether (RFC 7208 section 4.6.4: at least 20 seconds). */
import { emptyAnswer, type Resolver } from "./types.ts";

/** `resolver` for `limitMs` from now; after that everything is temporary. `session` goes into the trace. */
export function withDeadline(
  resolver: Resolver,
  limitMs: number,
  session = 0,
  clock: () => number = () => performance.now(),
): Resolver {
  const endMs = clock() + limitMs;
  return {
    query(name, type) {
      const timeoutMs = endMs - clock();
      if (timeoutMs > 0) return resolver.query(name, type, { timeoutMs, session });
      const problem = `The time for DNS questions (${limitMs / 1000} s) is over`;
      return Promise.resolve(emptyAnswer("temporary", null, 0, problem));
    },
  };
}
