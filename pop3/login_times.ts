/**
 * When users logged in last: what LOGIN-DELAY (RFC 2449, section 6.5) is measured by. One for all sessions of a process; it
 * remembers a bounded number, and forgets the oldest first. Sessions of other processes are not known here.
 */

export interface LoginTimes {
  /** Has `user` logged in less than `seconds` ago? `now`: milliseconds since 1970. */
  isTooSoon(user: string, seconds: number, now: number): boolean;
  /** `user` has logged in; times older than `seconds` are forgotten. */
  note(user: string, seconds: number, now: number): void;
  readonly size: number;
}

/** Remembers at most `limit` users. */
export function makeLoginTimes(limit = 100_000): LoginTimes {
  // A Map keeps the order of insertion: the first is the oldest.
  const times = new Map<string, number>();
  // A clock that was set back keeps nobody out.
  const isRecent = (then: number, seconds: number, now: number) =>
    then <= now && now - then < seconds * 1000;
  return {
    isTooSoon(user, seconds, now) {
      const then = times.get(user);
      return then !== undefined && isRecent(then, seconds, now);
    },
    note(user, seconds, now) {
      times.delete(user);
      times.set(user, now);
      for (const [oldest, then] of times) {
        if (times.size <= limit && isRecent(then, seconds, now)) return;
        times.delete(oldest);
      }
    },
    get size() {
      return times.size;
    },
  };
}
