/** What a session is given, and how it can end. See session.ts for what becomes of it. */
import type { Tracer } from "../trace/tracer.ts";
import type { TimerWheel } from "./timers.ts";
import type { Duplex, EndReason, Peer, Protocol, SecureInfo } from "./types.ts";

/** A duplex that became a secured one, and what the handshake came to. */
export interface Secured {
  readonly conn: Duplex;
  readonly info: SecureInfo;
}

/** Makes a plain stream a secured one. On a failure it closes the stream itself, after a last alert. */
export type Upgrade = (conn: Duplex, peer: Peer) => Promise<Secured>;

/** What a session needs beside its stream. One object serves many sessions. */
export interface SessionSetup {
  readonly protocol: Protocol;
  readonly wheel: TimerWheel;
  readonly trace: Tracer;
  readonly writeStallSeconds: number;
  /** What Duplex.abort is, for streams that have none of their own. */
  readonly abort?: (conn: Duplex, lost: () => void) => void;
  /** Makes a plain stream a secured one; rejects when the handshake fails. It has its own time limit. */
  readonly upgrade?: Upgrade | undefined;
}

/** How a session ended: from the outside, or because its engine said so. */
export type SessionEnd = EndReason | "closed" | "fault" | "tls_failed";

/** Stands for a stream that somebody else closes. */
export const CLOSED: Duplex = {
  read: () => Promise.resolve(null),
  write: () => Promise.reject(new Deno.errors.BrokenPipe("The stream is closed")),
  closeWrite: () => Promise.resolve(),
  close: () => {},
};

/** The same in the words that engines know. */
export function asEndReason(end: SessionEnd): EndReason {
  return end === "closed" || end === "fault" || end === "tls_failed" ? "io_error" : end;
}

/** An error as text for one trace line. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replace(/[\r\n]+/g, " ").slice(0, 200);
}
