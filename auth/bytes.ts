/**
 * Binary strings (one char U+0000..U+00FF a byte) to bytes and back, ASCII case, base64, and the
 * comparison of secrets that takes the same time wherever they differ.
 */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { fromLatin1 as toBytes, latin1 as fromBytes } from "../cdb/mod.ts";

export { fromBytes, toBytes };

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

/**
 * The binary string that `text` is base64 of; null when it is not (padding is required, blanks are
 * not allowed).
 */
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
