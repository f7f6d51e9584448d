/** A number of places, given out in the order of asking. */

export interface Slots {
  /** More than half of the places are free. */
  readonly roomy: boolean;
  /** True when a place was given; false after `milliseconds` without one. */
  take(milliseconds: number): Promise<boolean>;
  /** A place is free again. */
  give(): void;
}

/** `places` free places. */
export function createSlots(places: number): Slots {
  let free = places;
  const waiting = new Set<() => void>();
  return {
    get roomy() {
      return free > places / 2;
    },
    take(milliseconds) {
      if (free > 0) {
        free--;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const given = () => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          waiting.delete(given);
          resolve(false);
        }, milliseconds);
        waiting.add(given);
      });
    },
    give() {
      const [next] = waiting;
      if (next === undefined) {
        free++;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}
