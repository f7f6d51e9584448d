/**
 * Frames on the line between front and keeper: two lengths (four bytes each, most significant first), a header (JSON,
 * nothing but ASCII) and a payload (bytes as they are).
 *
 * Both lengths have a limit that is checked before anything is kept. Bytes may come in pieces of any size.
 */

export const MAX_HEADER_BYTES = 65536;
export const MAX_PAYLOAD_BYTES = 65536;
const LENGTHS_BYTES = 8;

/** Bytes that are no frame. The message is a sentence. */
export class FrameError extends Error {
  override name = "FrameError";
}

/** A header: an object of JSON. Values are looked at by whoever reads them. */
export type Header = Readonly<Record<string, unknown>>;

export interface Frame {
  readonly header: Header;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export const NO_PAYLOAD = new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text as JSON in which every character is one byte. */
function headerText(header: Header): string {
  return JSON.stringify(header).replace(
    /[\x80-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One char a byte, as bytes. */
export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Bytes as a binary string. */
export function binaryOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Bytes in several parts that belong together. */
export type Parts = readonly Uint8Array[];

/** A frame as bytes; the parts of its payload are copied once. @throws {FrameError} when it would be too large. */
export function encodeFrame(
  header: Header,
  payload: Uint8Array | Parts = NO_PAYLOAD,
): Uint8Array<ArrayBuffer> {
  const parts: Parts = payload instanceof Uint8Array ? [payload] : payload;
  const payloadBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const text = headerText(header);
  if (text.length > MAX_HEADER_BYTES) {
    throw new FrameError(`A header of ${text.length} bytes is too long for the keeper's line`);
  }
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new FrameError(`A payload of ${payloadBytes} bytes is too long for the keeper's line`);
  }
  const bytes = new Uint8Array(LENGTHS_BYTES + text.length + payloadBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length);
  view.setUint32(4, payloadBytes);
  encoder.encodeInto(text, bytes.subarray(LENGTHS_BYTES));
  let at = LENGTHS_BYTES + text.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array): Header {
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new FrameError("A frame's header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new FrameError("A frame's header is not an object");
  }
  return header as Header;
}

/** Puts frames together out of pieces. After an error it is of no more use. */
export class FrameReader {
  readonly #lengths = new Uint8Array(LENGTHS_BYTES);
  /** Bytes of the lengths, then of the body, that are there. */
  #filled = 0;
  #body: Uint8Array<ArrayBuffer> | null = null;
  #headerBytes = 0;

  /** A frame has begun and is not complete. */
  get isOpen(): boolean {
    return this.#filled > 0 || this.#body !== null;
  }

  /** The frames that `chunk` completes. @throws {FrameError} */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < chunk.length;) {
      const into = this.#body ?? this.#lengths;
      const count = Math.min(into.length - this.#filled, chunk.length - at);
      into.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < into.length) break;
      this.#filled = 0;
      if (this.#body === null) this.#begin();
      else {
        frames.push({
          header: parseHeader(this.#body.subarray(0, this.#headerBytes)),
          payload: this.#body.subarray(this.#headerBytes),
        });
        this.#body = null;
      }
    }
    return frames;
  }

  #begin(): void {
    const view = new DataView(this.#lengths.buffer);
    const header = view.getUint32(0);
    const payload = view.getUint32(4);
    if (header < 2 || header > MAX_HEADER_BYTES || payload > MAX_PAYLOAD_BYTES) {
      throw new FrameError(`A frame claims ${header} bytes of header and ${payload} of payload`);
    }
    this.#headerBytes = header;
    this.#body = new Uint8Array(header + payload);
  }
}
