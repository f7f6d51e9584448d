/**
 * Work that waits until everything that is ready now has had its turn: whoever gathers - for a sync, for a write - asks for it
 * here and not with the runtime's setImmediate, because a loop that is about to wait in a system call (poller.ts) must know that
 * something is still to be done.
 */
import { setImmediate } from "node:timers";

let waiting: (() => void)[] = [];

/** Runs `action` when what is ready now has had its turn, in the order of asking. */
export function later(action: () => void): void {
  if (waiting.push(action) === 1) setImmediate(runWaiting);
}

/** Runs what waits, now. */
export function runWaiting(): void {
  if (waiting.length === 0) return;
  const actions = waiting;
  waiting = [];
  for (const action of actions) {
    try {
      action();
    } catch (error) {
      // The others are still to be done: a fault of ours is told as one that nobody caught.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
