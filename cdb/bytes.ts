/**
 * Binary strings, one char U+0000..U+00FF a byte, from bytes and back.
 *
 * TextDecoder's "latin1" is windows-1252 and changes bytes 0x80 to 0x9f, so it is not used here.
 */

const CHUNK = 8192;

/** Bytes as a binary string. */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(latin1(bytes.subarray(at, at + CHUNK)));
  }
  return parts.join("");
}

/** A binary string as bytes; only the low eight bits of each char count. */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
