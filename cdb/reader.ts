/**
 * Reader of D. J. Bernstein's constant database (cdb), the whole file in memory.
 *
 * Mirrors cdb_seek.c as qmail-lspawn and qmail-smtpd use it: a table or record outside the file is
 * an error, never "not found", and the first of several records with one key wins. Keys and data
 * are binary strings, one char a byte. It does not watch the file: that is cached.ts here, and
 * validate/files.ts for the look-up.
 */
import { latin1 } from "./bytes.ts";

/** A file that is no sound constant database. `message` is a sentence without final period. */
export class CdbError extends Error {
  override name = "CdbError";
}

/** Length of the table of 256 pointers at a file's beginning, in bytes. */
export const HEADER_BYTES = 2048;

/**
 * The hash of the first `length` bytes of a binary key: h = 33 h xor byte, from 5381, modulo 2^32.
 */
export function cdbHash(key: string, length = key.length): number {
  let hash = 5381;
  for (let i = 0; i < length; i++) {
    hash = (((hash << 5) + hash) ^ (key.charCodeAt(i) & 0xff)) | 0;
  }
  return hash >>> 0;
}

/** One database. The bytes must not change while it is in use. */
export class CdbReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Data of the first record whose key is the first `length` chars of `key`; null when there is
   * none.
   * @throws {CdbError} when the file is cut short or is no cdb.
   */
  find(key: string, length = key.length): string | null {
    const hash = cdbHash(key, length);
    const head = 8 * (hash & 255);
    const table = this.#word(head);
    const slots = this.#word(head + 4);
    if (slots === 0) return null;
    let slot = (hash >>> 8) % slots;
    for (let tried = 0; tried < slots; tried++) {
      const at = table + 8 * slot;
      const record = this.#word(at + 4);
      if (record === 0) return null;
      if (this.#word(at) === hash && this.#word(record) === length) {
        const size = this.#word(record + 4);
        if (this.#matches(record + 8, key, length)) return this.#text(record + 8 + length, size);
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
    return null;
  }

  /** Every record in the order of the file. @throws {CdbError} */
  *entries(): Generator<readonly [key: string, data: string]> {
    const end = this.#word(0);
    let at = HEADER_BYTES;
    while (at < end) {
      const keyLength = this.#word(at);
      const dataLength = this.#word(at + 4);
      yield [this.#text(at + 8, keyLength), this.#text(at + 8 + keyLength, dataLength)];
      at += 8 + keyLength + dataLength;
    }
  }

  #word(at: number): number {
    if (at + 4 > this.#bytes.length) throw this.#short(at);
    return this.#view.getUint32(at, true);
  }

  #matches(at: number, key: string, length: number): boolean {
    if (at + length > this.#bytes.length) throw this.#short(at);
    for (let i = 0; i < length; i++) {
      if (this.#bytes[at + i] !== (key.charCodeAt(i) & 0xff)) return false;
    }
    return true;
  }

  #text(at: number, size: number): string {
    if (at + size > this.#bytes.length) throw this.#short(at);
    return latin1(this.#bytes.subarray(at, at + size));
  }

  #short(at: number): CdbError {
    return new CdbError(
      `Byte ${at} is named but the database has only ${this.#bytes.length} bytes, so it is cut short or no cdb`,
    );
  }
}
