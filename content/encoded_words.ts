/**
 * Encoded words of header fields (RFC 2047) as UTF-8, so that rules about words see words.
 *
 * What can't be decoded stays as it is written. Binary strings in and out.
 */
import { binaryOf, bytesOf } from "./binary.ts";

const WORD = /=\?([^?\s]{1,40})\?([BbQq])\?([^?\s]*)\?=/g;

function bytesOfWord(encoding: string, text: string): Uint8Array<ArrayBuffer> {
  if (encoding.toLowerCase() === "b") return bytesOf(atob(text));
  const plain = text.replaceAll("_", " ").replace(
    /=([0-9A-Fa-f]{2})/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
  return bytesOf(plain);
}

/** `value` with its encoded words decoded. */
export function decodeWords(value: string): string {
  if (!value.includes("=?")) return value;
  // White space between two encoded words is none (section 6.2).
  const joined = value.replace(/\?=[ \t]+(?==\?)/g, "?=");
  return joined.replace(WORD, (all: string, charset: string, encoding: string, text: string) => {
    try {
      const decoder = new TextDecoder(charset.replace(/\*.*$/, ""));
      return binaryOf(new TextEncoder().encode(decoder.decode(bytesOfWord(encoding, text))));
    } catch {
      return all;
    }
  });
}
