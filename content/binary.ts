/**
 * Message bytes as binary strings (one char a byte) and back, at the pace of whole pieces.
 *
 * Buffer's latin1 is the byte itself; TextDecoder's is windows-1252 and changes bytes 0x80 to 0x9f.
 */
import { Buffer } from "node:buffer";

/** A copy of the bytes as text. */
export function binaryOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Binary text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
