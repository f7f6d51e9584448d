/** A bounded number of places, handed out in the order of asking. */

export interface Slots {
  /** True once a place is had, false when there was none within `waitMs` or too many wait already. */
  acquire(waitMs: number): Promise<boolean>;
  release(): void;
  readonly taken: number;
}

interface Waiter {
  readonly timer: number;
  readonly resolve: (got: boolean) => void;
}

/** `max` places, and at most `maxWaiting` that wait for one. */
export function createSlots(max: number, maxWaiting: number): Slots {
  const waiting = new Set<Waiter>();
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    acquire(waitMs) {
      if (taken < max) {
        taken++;
        return Promise.resolve(true);
      }
      if (waiting.size >= maxWaiting) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(waiter);
          resolve(false);
        }, waitMs);
        const waiter: Waiter = { timer, resolve };
        waiting.add(waiter);
      });
    },
    release() {
      for (const waiter of waiting) {
        waiting.delete(waiter);
        clearTimeout(waiter.timer);
        waiter.resolve(true);
        return;
      }
      taken--;
    },
  };
}
