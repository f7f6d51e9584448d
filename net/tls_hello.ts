/**
 * The two messages of a TLS handshake that are sent in clear (RFC 5246 section 7.4.1, RFC 8446 section 4.1): from the
 * ClientHello the server name, from the ServerHello version and cipher. Nothing else of TLS is read here. Every
 * length comes from the network and is checked against what is there.
 */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const SERVER_NAME = 0;
const SUPPORTED_VERSIONS = 43;
const RECORD_HEADER = 5;
/** A record's length is at most 2^14 plus what a cipher adds. */
const LONGEST_RECORD = 16384 + 2048;
/** Longer than any client's; a ClientHello of this size is refused. */
export const LONGEST_HELLO = 65536;

/** OpenSSL's names of the suites that the runtime offers. */
const CIPHERS: Readonly<Record<number, string>> = {
  0x1301: "TLS_AES_128_GCM_SHA256",
  0x1302: "TLS_AES_256_GCM_SHA384",
  0x1303: "TLS_CHACHA20_POLY1305_SHA256",
  0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256",
  0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384",
  0xc02f: "ECDHE-RSA-AES128-GCM-SHA256",
  0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
  0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
  0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305",
};

const u8 = (b: Uint8Array, at: number): number => b[at] ?? 0;
const u16 = (b: Uint8Array, at: number): number => (u8(b, at) << 8) | u8(b, at + 1);
const u24 = (b: Uint8Array, at: number): number => (u8(b, at) << 16) | u16(b, at + 1);

/** Puts byte strings together. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The first handshake message in a stream's beginning, with its four bytes of header. "more": not all of it is there.
 * null: this is not TLS.
 */
export function firstHandshake(stream: Uint8Array): Uint8Array | "more" | null {
  const parts: Uint8Array[] = [];
  let have = 0;
  for (let at = 0;;) {
    if (stream.length > at && u8(stream, at) !== HANDSHAKE) return null;
    if (stream.length > at + 1 && u8(stream, at + 1) !== 3) return null;
    if (stream.length < at + RECORD_HEADER) return "more";
    const length = u16(stream, at + 3);
    if (length === 0 || length > LONGEST_RECORD) return null;
    at += RECORD_HEADER + length;
    if (stream.length < at) return stream.length > LONGEST_HELLO ? null : "more";
    parts.push(stream.subarray(at - length, at));
    have += length;
    if (have < 4) continue;
    const message = concat(parts);
    const need = 4 + u24(message, 1);
    if (need > LONGEST_HELLO) return null;
    if (have >= need) return message.subarray(0, need);
  }
}

/** The extensions from `at` on: calls `each` with type and content. False when a length does not fit. */
function eachExtension(
  message: Uint8Array,
  at: number,
  each: (type: number, content: Uint8Array) => void,
): boolean {
  if (at === message.length) return true;
  if (at + 2 > message.length || at + 2 + u16(message, at) > message.length) return false;
  const end = at + 2 + u16(message, at);
  at += 2;
  while (at + 4 <= end) {
    const next = at + 4 + u16(message, at + 2);
    if (next > end) return false;
    each(u16(message, at), message.subarray(at + 4, next));
    at = next;
  }
  return at === end;
}

function serverName(content: Uint8Array): string | null {
  const length = u16(content, 3);
  if (content.length < 5 || u8(content, 2) !== 0 || 5 + length > content.length) return null;
  const name = String.fromCharCode(...content.subarray(5, 5 + Math.min(length, 255))).toLowerCase();
  return /^[a-z0-9._-]{1,253}$/.test(name) ? name.replace(/\.$/, "") : null;
}

/** What a ClientHello asks for; null when the message is none. A name that is no host name counts as none. */
export function readClientHello(message: Uint8Array): { sni: string | null } | null {
  if (u8(message, 0) !== CLIENT_HELLO) return null;
  let at = 4 + 2 + 32;
  at += 1 + u8(message, at);
  at += 2 + u16(message, at);
  at += 1 + u8(message, at);
  if (at > message.length) return null;
  let sni: string | null = null;
  const whole = eachExtension(message, at, (type, content) => {
    if (type === SERVER_NAME) sni = serverName(content);
  });
  return whole ? { sni } : null;
}

/** Version and cipher that a ServerHello chose; null when the message is none. */
export function readServerHello(message: Uint8Array): { version: string; cipher: string } | null {
  if (u8(message, 0) !== SERVER_HELLO) return null;
  let version = u16(message, 4);
  let at = 4 + 2 + 32;
  at += 1 + u8(message, at);
  const cipher = u16(message, at);
  at += 3;
  if (at > message.length) return null;
  const whole = eachExtension(message, at, (type, content) => {
    if (type === SUPPORTED_VERSIONS && content.length === 2) version = u16(content, 0);
  });
  if (!whole) return null;
  return {
    version: version === 0x0304 ? "TLSv1.3" : version === 0x0303 ? "TLSv1.2" : hex(version),
    cipher: CIPHERS[cipher] ?? hex(cipher),
  };
}

const hex = (value: number): string => `0x${value.toString(16).padStart(4, "0")}`;
