/**
 * Remembers right logins for a while, so that a client that polls every minute does not cost a
 * yescrypt each time.
 *
 * What is kept is an HMAC-SHA-256 under a key of this process alone, over login, password and
 * stored hash: nothing that could be turned back into a password, and nothing that still fits when
 * the stored hash has changed.
 */
import { createHmac } from "node:crypto";
import { fromBytes, toBytes } from "./bytes.ts";

export interface SuccessCache {
  /** Was this very login right lately? */
  has(login: string, password: string, stored: string): boolean;
  add(login: string, password: string, stored: string): void;
  readonly size: number;
}

/**
 * A cache of `limit` logins for `seconds` each; 0 seconds: remembers nothing. `now`: milliseconds,
 * never back.
 */
export function makeSuccessCache(
  seconds: number,
  limit: number,
  now: () => number = () => performance.now(),
): SuccessCache {
  const key = crypto.getRandomValues(new Uint8Array(32));
  // A Map keeps the order of insertion: the first is the one not used for longest.
  const until = new Map<string, number>();
  const tagOf = (login: string, password: string, stored: string): string => {
    const text = `${login.length} ${password.length} ${login}${password}${stored}`;
    return fromBytes(createHmac("sha256", key).update(toBytes(text)).digest());
  };
  return {
    has(login, password, stored) {
      if (seconds === 0) return false;
      const tag = tagOf(login, password, stored);
      const end = until.get(tag);
      if (end === undefined) return false;
      until.delete(tag);
      if (end <= now()) return false;
      until.set(tag, end);
      return true;
    },
    add(login, password, stored) {
      if (seconds === 0) return;
      const tag = tagOf(login, password, stored);
      until.delete(tag);
      until.set(tag, now() + seconds * 1000);
      const oldest = until.keys().next();
      if (until.size > limit && !oldest.done) until.delete(oldest.value);
    },
    get size() {
      return until.size;
    },
  };
}
