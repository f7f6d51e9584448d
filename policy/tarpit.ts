/**
 * How long the answer to an invalid recipient is held back. The delay grows with each of a session
 * and is bounded; so is the number of sessions that may wait at one time, for each of them costs us
 * as well.
 */

/** The bounds. */
export interface TarpitTerms {
  /** Invalid recipients of a session answered without delay. */
  readonly free: number;
  /** Delay of the first one behind these. */
  readonly stepSeconds: number;
  readonly maxSeconds: number;
  /** Sessions that may wait at one time. */
  readonly maxWaiting: number;
}

/**
 * Seconds to wait before answering.
 * @param invalid invalid recipients of the session, this one included
 * @param waiting sessions that wait now
 */
export function tarpitSeconds(terms: TarpitTerms, invalid: number, waiting: number): number {
  const slow = invalid - terms.free;
  if (slow <= 0 || waiting >= terms.maxWaiting) return 0;
  return Math.min(terms.maxSeconds, terms.stepSeconds * slow);
}
