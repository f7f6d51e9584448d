/**
 * Binary strings (one char U+0000..U+00FF a byte) to bytes and back, ASCII case, base64, and the comparison of
 * secrets that takes the same time wherever they differ.
 */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";

/** The bytes of a binary string, in memory of their own. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The binary string of `bytes`. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** UTF-8 text as a binary string. */
export function fromUtf8(text: string): string {
  return fromBytes(new TextEncoder().encode(text));
}

/** A to Z in lower case; other bytes as they are. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (word) => word.toLowerCase());
}

/** Base64 of a binary string. */
export function toBase64(text: string): string {
  return Buffer.from(text, "latin1").toString("base64");
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The binary string that `text` is base64 of; null when it is not (padding is required, blanks are not allowed). */
export function fromBase64(text: string): string | null {
  return BASE64.test(text) ? Buffer.from(text, "base64").toString("latin1") : null;
}

/** Are the two equal? Takes a time that depends on their lengths only. */
export function equalSecrets(a: string, b: string): boolean {
  const left = toBytes(a);
  const right = toBytes(b);
  const comparable = left.length === right.length ? right : left;
  return timingSafeEqual(left, comparable) && left.length === right.length;
}
