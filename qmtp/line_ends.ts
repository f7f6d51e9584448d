/**
 * Line ends of a QMTP message that begins with CR: CR LF becomes LF. As qmail-qmtpd, a CR without LF and an LF without
 * CR are ordinary bytes.
 */

const LF = 10;
const CR = 13;

/** What is known between two pieces. */
export interface LineEnds {
  /** A CR that waits for its neighbour. */
  held: boolean;
}

/**
 * Decodes bytes `from` to `to` of `chunk` into `out`, which has room for one byte more than these. Returns how many
 * came out.
 */
export function decodeLineEnds(
  ends: LineEnds,
  chunk: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
): number {
  let filled = 0;
  for (let at = from; at < to; at++) {
    const byte = chunk[at]!;
    if (ends.held && byte !== LF) out[filled++] = CR;
    ends.held = byte === CR;
    if (!ends.held) out[filled++] = byte;
  }
  return filled;
}
