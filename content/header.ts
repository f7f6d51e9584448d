/**
 * The header of a message as fields (RFC 5322, section 2.2), and fields as they are written again.
 *
 * Binary-safe and bounded: what lies behind the first 256 KiB is not looked at. Lines that are no
 * fields do not end the header, as they do not for qmail: they are kept where they stand, under the
 * name "", so that nothing that is forged can hide behind one. Does not parse addresses or dates.
 */
import { binaryOf } from "./binary.ts";
import type { HeaderField } from "./types.ts";

/** Header bytes that are looked at. */
export const HEADER_BYTES = 262_144;

/** A header. */
export interface Header {
  readonly fields: readonly HeaderField[];
  /** Bytes of all fields together: what follows is copied as it is. */
  readonly bytes: number;
  /** More fields follow than were looked at. */
  readonly isCut: boolean;
}

const FIELD = /^([!-9;-~]+)[ \t]*:/;

/** One field of its raw text. */
export function fieldOf(raw: string): HeaderField {
  const start = FIELD.exec(raw);
  const from = start?.[0].length ?? 0;
  return { name: start?.[1] ?? "", raw, value: raw.slice(from).replaceAll("\n", "") };
}

/** Where the header ends: at the first empty line, which is not part of it; -1: not in `text`. */
function endOfHeader(text: string): number {
  if (text.startsWith("\n")) return 0;
  const blank = text.indexOf("\n\n");
  return blank < 0 ? -1 : blank + 1;
}

/** The beginnings of all fields of `text`; a line that begins with white space goes on. */
function startsOf(text: string): number[] {
  const starts = text === "" ? [] : [0];
  for (
    let lf = text.indexOf("\n");
    lf >= 0 && lf + 1 < text.length;
    lf = text.indexOf("\n", lf + 1)
  ) {
    const next = text.charCodeAt(lf + 1);
    if (next !== 32 && next !== 9) starts.push(lf + 1);
  }
  return starts;
}

/**
 * The header at the beginning of `text`, which is a whole message, or its first HEADER_BYTES bytes.
 */
export function parseHeader(text: string, isWhole: boolean): Header {
  const end = endOfHeader(text);
  const seen = end < 0 ? text : text.slice(0, end);
  const starts = startsOf(seen);
  const isCut = end < 0 && !isWhole;
  // The last field that is there may go on where nobody looks.
  if (isCut) starts.pop();
  const last = isCut ? startsOf(seen).at(-1) ?? 0 : seen.length;
  const fields = starts.map((from, i) => fieldOf(seen.slice(from, starts[i + 1] ?? last)));
  return { fields, bytes: last, isCut };
}

/** Reads no more than it must. */
export async function readHeader(pieces: AsyncIterable<Uint8Array>): Promise<Header> {
  let text = "";
  for await (const piece of pieces) {
    // Two bytes back: the empty line may lie across two pieces.
    const from = Math.max(0, text.length - 2);
    text += binaryOf(piece.subarray(0, HEADER_BYTES - text.length));
    const isThere = text.startsWith("\n") || text.indexOf("\n\n", from) >= 0;
    if (isThere || text.length >= HEADER_BYTES) return parseHeader(text, isThere);
  }
  return parseHeader(text, true);
}

/** Hops as loops are looked for: Received and Delivered-To fields, the larger of both numbers. */
export function hopsOf(fields: readonly HeaderField[]): number {
  let received = 0;
  let delivered = 0;
  for (const { name } of fields) {
    const lower = name.toLowerCase();
    if (lower === "received") received++;
    else if (lower === "delivered-to") delivered++;
  }
  return Math.max(received, delivered);
}

/** Is this its name? Names know no case. */
export function isNamed(field: HeaderField, name: string): boolean {
  return field.name.length === name.length && field.name.toLowerCase() === name.toLowerCase();
}

/** A field of ours as it is written: no line of it begins another field. */
export function writtenField(field: string): string {
  const safe = field.replace(/[\r\0]/g, "").replace(/\n+$/, "").replace(/\n+(?![ \t])/g, "\n ");
  // A folded line of white space alone would look like the end of the header to some.
  return `${safe.replace(/\n[ \t]+(?=\n|$)/g, "")}\n`;
}
