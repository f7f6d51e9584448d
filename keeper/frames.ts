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

/** Text as JSON in which every character is one byte. */
function headerText(header: Header): string {
  const text = JSON.stringify(header);
  if (!/[\x80-\uffff]/.test(text)) return text;
  return text.replace(
    /[\x80-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Small frames and payloads are cut from one piece of memory: memory of its own for each costs more than what is in it. A
 * piece lives as long as the last that was cut from it, so nobody keeps them.
 */
const SLAB_BYTES = 65536;
const SMALL_BYTES = 4096;
let slab = new ArrayBuffer(SLAB_BYTES);
let slabUsed = 0;

/** Bytes to be filled, not zeroed. */
function takeBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > SMALL_BYTES) return new Uint8Array(length);
  if (slabUsed + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    slabUsed = 0;
  }
  const bytes = new Uint8Array(slab, slabUsed, length);
  slabUsed += length;
  return bytes;
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
  if (bytes.length <= 8192) {
    return String.fromCharCode.apply(null, bytes as unknown as number[]);
  }
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

function writeLength(bytes: Uint8Array, at: number, length: number): void {
  bytes[at] = length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
}

const readLength = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;

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
  const bytes = takeBytes(LENGTHS_BYTES + text.length + payloadBytes);
  writeLength(bytes, 0, text.length);
  writeLength(bytes, 4, payloadBytes);
  let at = LENGTHS_BYTES;
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array): Header {
  let header: unknown;
  try {
    header = JSON.parse(binaryOf(bytes));
  } catch {
    throw new FrameError("A frame's header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new FrameError("A frame's header is not an object");
  }
  return header as Header;
}

/** The length of a frame's body. @throws {FrameError} */
function bodyLength(bytes: Uint8Array, at: number): number {
  const header = readLength(bytes, at);
  const payload = readLength(bytes, at + 4);
  if (header < 2 || header > MAX_HEADER_BYTES || payload > MAX_PAYLOAD_BYTES) {
    throw new FrameError(`A frame claims ${header} bytes of header and ${payload} of payload`);
  }
  return header + payload;
}

/** The length of the frame that begins at `at`; 0: it is not there whole. @throws {FrameError} */
function wholeFrame(chunk: Uint8Array, at: number): number {
  if (chunk.length - at < LENGTHS_BYTES) return 0;
  const length = LENGTHS_BYTES + bodyLength(chunk, at);
  return chunk.length - at < length ? 0 : length;
}

/** A frame out of a chunk, which will be overwritten: the payload is a copy. */
function frameAt(chunk: Uint8Array, at: number, length: number): Frame {
  const begin = at + LENGTHS_BYTES;
  const middle = begin + readLength(chunk, at);
  const end = at + length;
  const header = parseHeader(chunk.subarray(begin, middle));
  if (middle === end) return { header, payload: NO_PAYLOAD };
  const payload = takeBytes(end - middle);
  payload.set(chunk.subarray(middle, end));
  return { header, payload };
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
      // Nearly every frame lies in its chunk whole, and is read where it lies.
      const length = this.isOpen ? 0 : wholeFrame(chunk, at);
      if (length > 0) {
        frames.push(frameAt(chunk, at, length));
        at += length;
        continue;
      }
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
    const length = bodyLength(this.#lengths, 0);
    this.#headerBytes = readLength(this.#lengths, 0);
    this.#body = new Uint8Array(length);
  }
}
