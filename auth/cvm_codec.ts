/**
 * The packets of CVM, Bruce Guenter's credential validation modules, protocol 2, in both
 * directions.
 *
 * Request: byte 2, length of the random part, the random part, tagged strings (tag, length, bytes),
 * a zero. Response: the code (0 accepted, 100 rejected, others trouble), the random part again,
 * tagged strings, a zero. Either has at most 512 bytes. Protocol 1 is not spoken.
 */

export const CVM_PROTOCOL = 2;
export const CVM_MAX_BYTES = 512;
export const CVM_ACCEPTED = 0;
export const CVM_REJECTED = 100;

export const CVM_CREDENTIAL = {
  account: 1,
  domain: 2,
  password: 3,
  secret: 4,
  challenge: 5,
  response: 6,
  responseType: 7,
} as const;

export const CVM_FACT = {
  username: 1,
  uid: 2,
  gid: 3,
  realName: 4,
  directory: 5,
  shell: 6,
  groupName: 7,
  supplementaryGid: 8,
  systemUser: 9,
  systemDirectory: 10,
  domain: 14,
  mailbox: 15,
  outOfScope: 16,
} as const;

/** A tag and its binary string. */
export type CvmItem = readonly [tag: number, value: string];

export interface CvmPacket {
  /** Protocol number in a request, code in a response. */
  readonly first: number;
  /** Binary string; "" when there is none. */
  readonly random: string;
  readonly items: readonly CvmItem[];
}

/** The packet's bytes; null when it does not fit: 255 bytes a string, 512 in all. */
export function encodeCvm(packet: CvmPacket): Uint8Array<ArrayBuffer> | null {
  const parts: CvmItem[] = [[packet.first, packet.random], ...packet.items];
  const size = parts.reduce((sum, [, value]) => sum + value.length + 2, 1);
  if (size > CVM_MAX_BYTES || parts.some(([, value]) => value.length > 255)) return null;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const [tag, value] of parts) {
    bytes[at++] = tag;
    bytes[at++] = value.length;
    for (let i = 0; i < value.length; i++) bytes[at++] = value.charCodeAt(i);
  }
  return bytes;
}

/** Reads a packet; null when it is none. */
export function decodeCvm(bytes: Uint8Array): CvmPacket | null {
  const items: CvmItem[] = [];
  let at = 0;
  while (at === 0 || bytes[at] !== 0) {
    const tag = bytes[at];
    const length = bytes[at + 1];
    if (tag === undefined || length === undefined || at + 2 + length >= bytes.length) return null;
    items.push([tag, String.fromCharCode(...bytes.subarray(at + 2, at + 2 + length))]);
    at += 2 + length;
  }
  if (at !== bytes.length - 1) return null;
  const [[first, random] = [0, ""], ...rest] = items;
  return { first, random, items: rest };
}

/** The first string with this tag; null when there is none. */
export function cvmItem(packet: CvmPacket, tag: number): string | null {
  return packet.items.find(([t]) => t === tag)?.[1] ?? null;
}

/** The number with this tag; null when there is none, or none that is a number. */
export function cvmNumber(packet: CvmPacket, tag: number): number | null {
  const text = cvmItem(packet, tag);
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : null;
}
