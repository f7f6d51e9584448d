/**
 * At most so many at a time, the others wait in turn; and at most so many wait. Keeps a flood of
 * logins from starting a program each, or from computing hashes of 16 MiB each by the hundred.
 */

/** Too many were waiting already. The message is a sentence. */
export class GateFullError extends Error {
  override name = "GateFullError";
}

/**
 * Runs `work` when its turn has come. Rejects as `work` does, or with {@linkcode GateFullError}.
 */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * A gate for `limit` at a time and `waiting` more; `what` names them in the error ("password
 * checks").
 */
export function makeGate(limit: number, waiting: number, what: string): Gate {
  const queue: (() => void)[] = [];
  let running = 0;
  const leave = () => {
    const next = queue.shift();
    if (next === undefined) running--;
    else next();
  };
  return async (work) => {
    if (running < limit) running++;
    else if (queue.length >= waiting) {
      throw new GateFullError(`${queue.length} ${what} are waiting already`);
    } else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
