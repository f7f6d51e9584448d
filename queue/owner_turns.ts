/**
 * Short file work as the owners of Maildirs, gathered: what is asked for while one turn of the program runs is done at its end, and an
 * owner's identity is taken once for all of it. Taking it costs as much as a link, and messages come and are synced in batches.
 *
 * Work without an owner is done at once.
 */
import { errorText, type FileOps } from "./file_ops.ts";
import type { Owner } from "./libc.ts";
import type { Target } from "./plan.ts";

/**
 * Does synchronous work as the owner of a Maildir; rejects with what it throws. What a promise that it returns still waits for is done
 * without the identity.
 */
export type OwnerTurns = <T>(target: Target, work: () => T | Promise<T>) => Promise<T>;

/** One piece of work: with the identity held, or with the reason why it could not be taken. */
interface Waiting {
  readonly owner: Owner;
  work(): void;
  refuse(reason: string): void;
}

/** The turns of one queue. */
export function openOwnerTurns(ops: FileOps): OwnerTurns {
  let waiting = new Map<string, Waiting[]>();

  function flush(): void {
    const owners = waiting;
    waiting = new Map();
    for (const items of owners.values()) workAs(ops, items);
  }

  function wait(item: Waiting): void {
    if (waiting.size === 0) queueMicrotask(flush);
    const key = `${item.owner.uid}:${item.owner.gid}`;
    const his = waiting.get(key);
    if (his === undefined) waiting.set(key, [item]);
    else his.push(item);
  }

  return async <T>(target: Target, work: () => T | Promise<T>): Promise<T> => {
    const { owner, maildir } = target;
    if (owner === null) return await ops.as(owner, work);
    return await new Promise<T>((resolve, reject) => {
      wait({
        owner,
        work() {
          try {
            resolve(work());
          } catch (error) {
            reject(error);
          }
        },
        refuse: (reason) => reject(new Error(`Cannot use "${maildir}": ${reason}`)),
      });
    });
  };
}

/** All of one owner's. Items never throw: what throws is taking or giving back the identity. */
function workAs(ops: FileOps, items: readonly Waiting[]): void {
  let done = 0;
  try {
    ops.as(items[0]?.owner ?? null, () => {
      for (const item of items) {
        done++;
        item.work();
      }
    });
  } catch (error) {
    for (const item of items.slice(done)) item.refuse(errorText(error));
  }
}
