/** In place of the DNS where no file has its answers: it is never asked, and how often it would have been is counted. */
import { emptyAnswer, type Resolver } from "../dns/types.ts";

export interface UnaskedDns {
  readonly resolver: Resolver;
  readonly count: () => number;
}

/** Answers "temporary" to everything. */
export function unaskedDns(): UnaskedDns {
  let count = 0;
  const resolver: Resolver = {
    query() {
      count++;
      return Promise.resolve(
        emptyAnswer("temporary", null, 0, "The DNS is not asked about the past"),
      );
    },
  };
  return { resolver, count: () => count };
}
