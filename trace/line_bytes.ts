/**
 * Lines as they will be written, gathered as bytes in one piece of memory.
 *
 * A busy server's trace has more text than its replies. As strings every line would be a dozen small objects until it is
 * written; here a byte is written once, and nothing is left behind. Text that needs no care - visible ASCII, as nearly all
 * is - goes in char by char, all other through TextEncoder.
 */
const FIRST_BYTES = 16_384;
/** A char is three bytes of UTF-8 at most. */
const BYTES_PER_CHAR = 3;

const encoder = new TextEncoder();

/** Bytes that grow at their end. */
export class LineBytes {
  #bytes = new Uint8Array(FIRST_BYTES);
  #used = 0;

  /** Bytes gathered. */
  get length(): number {
    return this.#used;
  }

  /** What was gathered; valid until the next call. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }

  clear(): void {
    this.#used = 0;
  }

  /** Text of ASCII chars only, which is not looked at. */
  ascii(text: string): void {
    const end = this.#used + text.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    for (let i = 0, at = this.#used; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#used = end;
  }

  /** Text that a trace shows as it is (escape.ts). False: it has to be escaped, and nothing was taken. */
  plain(text: string): boolean {
    const end = this.#used + text.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    for (let i = 0, at = this.#used; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === 0x5c) return false;
      bytes[at++] = code;
    }
    this.#used = end;
    return true;
  }

  /** Any text. */
  text(text: string): void {
    const end = this.#used + text.length * BYTES_PER_CHAR;
    if (end > this.#bytes.length) this.#grow(end);
    this.#used += encoder.encodeInto(text, this.#bytes.subarray(this.#used)).written;
  }

  /** Bytes of other lines. */
  append(bytes: Uint8Array): void {
    const end = this.#used + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#used);
    this.#used = end;
  }

  #grow(need: number): void {
    const larger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}
