/** Accepted connections: what a listener does with one before it is a session's, or when it never will be. */
import type { Duplex, RefuseReason } from "./types.ts";

/** Why a connection is not served, for the trace. */
export const REFUSAL: Readonly<Record<RefuseReason, string>> = {
  sessions: "too many sessions",
  address: "too many sessions of this address",
  network: "too many sessions of this network",
  busy: "too many deliveries in hand",
  shutdown: "stopping",
  fault: "internal fault",
};

/** A connection that its peer gave up while it waited to be accepted: no reason to pause. */
export const isPeersDoing = (error: unknown): boolean =>
  error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.ConnectionReset ||
  error instanceof Deno.errors.NotConnected;

/**
 * Replies leave at once from now on. Otherwise the second of two, and the tail of a long one, wait up to 40 ms for a client
 * that delays its acknowledgements. A client that waits for each answer acknowledges with its next command: for it the
 * call, two of a session's seventy microseconds, is saved.
 */
export function sendAtOnce(conn: Duplex): void {
  try {
    conn.setNoDelay?.(true);
  } catch {
    // Gone already; the next read or write tells.
  }
}

/** Closing twice is no error here. */
export function closeQuietly(conn: Duplex): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
