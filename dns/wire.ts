/**
 * DNS messages as bytes (RFC 1035 section 4, EDNS0: RFC 6891): a question is written, an answer is read.
 *
 * Whatever the bytes are, reading ends in a message or in null, in time linear in their number: a compression pointer
 * must point before the name it stands in, and a name ends at 255 octets. Records of other types or classes are
 * passed over; DNSSEC is left to the name server.
 */
import { showIp } from "./names.ts";
import type { DnsRecord, QueryType } from "./types.ts";

export const TYPE_CODES: Readonly<Record<QueryType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
};
const TYPES = new Map(Object.entries(TYPE_CODES).map(([t, code]) => [code, t as QueryType]));
const OPT = 41;
const IN = 1;

/** Size of datagrams that we take (the value of DNS flag day 2020: it is never fragmented). */
export const EDNS_BYTES = 1232;

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly isTruncated: boolean;
  readonly isAuthoritative: boolean;
  readonly recursionAvailable: boolean;
  /** With the upper bits of EDNS0. */
  readonly rcode: number;
  /** The one question; null when there is none or there are several. */
  readonly question:
    | { readonly name: string; readonly type: number; readonly class: number }
    | null;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
}

/** Thrown and caught inside of this file only. */
class Malformed extends Error {}

/** A standard query with recursion desired. `name` must be possible (names.ts). */
export function encodeQuery(
  id: number,
  name: string,
  type: QueryType,
  edns: boolean,
): Uint8Array<ArrayBuffer> {
  const labels = name === "" ? [] : name.split(".");
  const length = 12 + labels.reduce((sum, label) => sum + 1 + label.length, 1) + 4 +
    (edns ? 11 : 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, 0x0100);
  view.setUint16(4, 1);
  view.setUint16(10, edns ? 1 : 0);
  let at = 12;
  for (const label of labels) {
    bytes[at++] = label.length;
    for (let i = 0; i < label.length; i++) bytes[at++] = label.charCodeAt(i);
  }
  view.setUint16(at + 1, TYPE_CODES[type]);
  view.setUint16(at + 3, IN);
  if (edns) {
    view.setUint16(at + 6, OPT);
    view.setUint16(at + 8, EDNS_BYTES);
  }
  return bytes;
}

interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

function need(cursor: Cursor, count: number, end = cursor.bytes.length): void {
  if (cursor.at + count > end) throw new Malformed();
}

function readUint16(cursor: Cursor): number {
  need(cursor, 2);
  cursor.at += 2;
  return cursor.view.getUint16(cursor.at - 2);
}

function readUint32(cursor: Cursor): number {
  need(cursor, 4);
  cursor.at += 4;
  return cursor.view.getUint32(cursor.at - 4);
}

/** Bytes as a binary string. */
function binary(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function escapedLabel(label: string): string {
  return label.replace(
    /[^!-~]|[.\\]/g,
    (c) => c === "." || c === "\\" ? `\\${c}` : `\\${String(c.charCodeAt(0)).padStart(3, "0")}`,
  );
}

/** A name that was asked for, as answers write it. */
export function escapedName(name: string): string {
  return name.split(".").map(escapedLabel).join(".");
}

/** A name, following its pointers; the cursor stands behind the name afterwards. */
function readName(cursor: Cursor): string {
  const { bytes } = cursor;
  const labels: string[] = [];
  let octets = 1;
  let at = cursor.at;
  let lowest = at;
  let behind = -1;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new Malformed();
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) throw new Malformed();
      if (behind < 0) behind = at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= lowest) throw new Malformed();
      lowest = at;
    } else if (length > 63) {
      throw new Malformed();
    } else if (length === 0) {
      cursor.at = behind < 0 ? at + 1 : behind;
      return labels.join(".");
    } else {
      octets += length + 1;
      if (octets > 255 || at + 1 + length > bytes.length) throw new Malformed();
      labels.push(escapedLabel(binary(bytes.subarray(at + 1, at + 1 + length))));
      at += length + 1;
    }
  }
}

function readTexts(cursor: Cursor, end: number): string[] {
  const texts: string[] = [];
  while (cursor.at < end) {
    const length = cursor.bytes[cursor.at++] ?? 0;
    need(cursor, length, end);
    texts.push(binary(cursor.bytes.subarray(cursor.at, cursor.at + length)));
    cursor.at += length;
  }
  return texts;
}

function readAddress(cursor: Cursor, end: number, size: number): string {
  if (end - cursor.at !== size) throw new Malformed();
  cursor.at = end;
  return showIp(cursor.bytes.subarray(end - size, end));
}

function readData(
  cursor: Cursor,
  type: QueryType,
  end: number,
  head: { name: string; ttlSeconds: number },
): DnsRecord {
  switch (type) {
    case "A":
      return { type, ...head, address: readAddress(cursor, end, 4) };
    case "AAAA":
      return { type, ...head, address: readAddress(cursor, end, 16) };
    case "TXT":
      return { type, ...head, texts: readTexts(cursor, end) };
    case "MX": {
      const preference = readUint16(cursor);
      return { type, ...head, preference, exchange: readName(cursor) };
    }
    case "SOA": {
      const target = readName(cursor);
      readName(cursor);
      need(cursor, 20, end);
      cursor.at += 16;
      return { type, ...head, target, minimumSeconds: positiveSeconds(readUint32(cursor)) };
    }
    case "PTR":
    case "NS":
    case "CNAME":
      return { type, ...head, target: readName(cursor) };
  }
}

/** A TTL with the highest bit set is zero (RFC 2181 section 8). */
const positiveSeconds = (seconds: number): number => seconds > 0x7fffffff ? 0 : seconds;

/** `count` records; those that are of no use here are left out. `seen` is told of the OPT record's TTL field. */
function readRecords(cursor: Cursor, count: number, seen: (ednsFlags: number) => void) {
  const records: DnsRecord[] = [];
  for (let i = 0; i < count; i++) {
    const name = readName(cursor);
    const code = readUint16(cursor);
    const group = readUint16(cursor);
    const ttl = readUint32(cursor);
    const length = readUint16(cursor);
    need(cursor, length);
    const end = cursor.at + length;
    const type = TYPES.get(code);
    if (code === OPT) seen(ttl);
    if (type !== undefined && group === IN) {
      records.push(readData(cursor, type, end, { name, ttlSeconds: positiveSeconds(ttl) }));
      if (cursor.at !== end) throw new Malformed();
    }
    cursor.at = end;
  }
  return records;
}

function readMessage(bytes: Uint8Array): DnsMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor: Cursor = { bytes, view, at: 0 };
  need(cursor, 12);
  const id = readUint16(cursor);
  const flags = readUint16(cursor);
  const questions = readUint16(cursor);
  const counts = [readUint16(cursor), readUint16(cursor), readUint16(cursor)];
  let question: DnsMessage["question"] = null;
  for (let i = 0; i < questions; i++) {
    const name = readName(cursor);
    const type = readUint16(cursor);
    question = { name, type, class: readUint16(cursor) };
  }
  if (questions !== 1) question = null;
  const isTruncated = (flags & 0x0200) !== 0;
  let rcode = flags & 15;
  const upper = (ednsFlags: number) => {
    rcode |= (ednsFlags >>> 24) << 4;
  };
  // What a truncated message has is not used: it may end anywhere.
  const read = (count: number | undefined) =>
    isTruncated ? [] : readRecords(cursor, count ?? 0, upper);
  const answers = read(counts[0]);
  const authorities = read(counts[1]);
  read(counts[2]);
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    isTruncated,
    isAuthoritative: (flags & 0x0400) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    rcode,
    question,
    answers,
    authorities,
  };
}

/** The message in `bytes`; null when they are none. Never throws. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | null {
  try {
    return readMessage(bytes);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}
