/**
 * Takes the header of the PROXY protocol from a connection, within a time limit. What came behind it, such as a client's
 * first line, goes on to the session.
 */
import { giveSmall, takeSmall } from "./buffers.ts";
import { closeQuietly } from "./connections.ts";
import { Deadline } from "./deadline.ts";
import { parseProxyHeader, type ProxiedEnds } from "./proxy.ts";
import { type Abort, ReadAhead } from "./read_ahead.ts";
import type { TimerWheel } from "./timers.ts";
import { concat } from "./tls_hello.ts";
import type { Duplex } from "./types.ts";

/** A connection behind a header. */
export interface Proxied {
  readonly conn: Duplex;
  /** Both ends as the proxy tells them; null: it speaks for itself. */
  readonly ends: ProxiedEnds | null;
}

/**
 * Reads the header of `raw`, which may take `seconds`. Rejects with one sentence and `raw` closed when it is late, none, or
 * the proxy goes.
 */
export async function takeProxyHeader(
  raw: Duplex,
  wheel: TimerWheel,
  seconds: number,
  abort: Abort | undefined,
): Promise<Proxied> {
  let isLate = false;
  const deadline = new Deadline(wheel, () => {
    isLate = true;
    closeQuietly(raw);
  });
  try {
    const { bytes, length, ends } = await deadline.within(seconds, () => readHeader(raw));
    const rest = bytes.subarray(length);
    return { conn: rest.length === 0 ? raw : new ReadAhead(raw, rest, abort), ends };
  } catch (error) {
    closeQuietly(raw);
    if (isLate || !(error instanceof Error)) throw new Error(`no PROXY header in ${seconds} s`);
    throw error;
  } finally {
    deadline.clear();
  }
}

async function readHeader(
  raw: Duplex,
): Promise<{ bytes: Uint8Array; length: number; ends: ProxiedEnds | null }> {
  const buffer = takeSmall();
  let bytes = new Uint8Array(0);
  try {
    for (;;) {
      const count = await raw.read(buffer);
      if (count === null) throw new Error("the proxy went before its PROXY header was complete");
      bytes = concat([bytes, buffer.subarray(0, count)]);
      const header = parseProxyHeader(bytes);
      if (header.kind === "wrong") throw new Error(header.reason);
      if (header.kind === "done") return { bytes, length: header.bytes, ends: header.ends };
    }
  } finally {
    giveSmall(buffer);
  }
}
