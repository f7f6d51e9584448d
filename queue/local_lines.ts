/**
 * The lines qmail-local puts in front of a message, and its search for its own line in the header.
 *
 * Mirrors qmail-local.c (Return-Path, Delivered-To, the loop check) and quote.c. No mbox "From " line: nothing here writes mboxes.
 */

/** Characters that a local part may have without quotes (quote.c's table; "." is judged by its neighbours). */
const PLAIN = /^[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]+$/;

/** An address as it stands between angle brackets: the local part in quotes where RFC 822 needs them. */
export function quoteAddress(address: string): string {
  if (address === "") return "";
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? "" : address.slice(at);
  const plain = PLAIN.test(local) && !local.startsWith(".") && !local.endsWith(".") &&
    !local.includes("..");
  return (plain ? local : `"${local.replace(/[\r\n"\\]/g, "\\$&")}"`) + domain;
}

const oneLine = (text: string): string => text.replaceAll("\n", "_");

/** The Return-Path line, LF included. */
export function returnPathLine(sender: string): string {
  return `${oneLine(`Return-Path: <${quoteAddress(sender)}`)}>\n`;
}

/** The Delivered-To line of a rewritten recipient (`prepend-local@domain` for a virtual domain), LF included. */
export function deliveredToLine(recipient: string): string {
  return `${oneLine(`Delivered-To: ${recipient}`)}\n`;
}

/** Longest header line that is kept for comparing; a longer one is no line of ours. */
const LONGEST_LINE = 2048;

/** Looks for lines in a message's header while the message comes by in pieces. */
export interface HeaderSearch {
  feed(chunk: Uint8Array): void;
  /** The first of the lines that was met; null while none was. */
  readonly found: string | null;
}

/** Searches for whole lines (each with its LF), as qmail-local does: byte by byte the same, until the empty line. */
export function searchHeader(lines: readonly string[]): HeaderSearch {
  const wanted = new Set(lines.filter((line) => line.length <= LONGEST_LINE));
  let done = wanted.size === 0;
  let found: string | null = null;
  let partial = "";

  function takeLine(line: string): void {
    if (line === "\n") done = true;
    else if (wanted.has(line)) {
      found = line;
      done = true;
    }
  }

  function feed(chunk: Uint8Array): void {
    let start = 0;
    while (!done && start < chunk.length) {
      const end = chunk.indexOf(10, start);
      const stop = end < 0 ? chunk.length : end + 1;
      // Only lines that begin as ours do are worth turning into text.
      if (partial !== "" || chunk[start] === 0x44 || chunk[start] === 10) {
        const room = Math.min(stop, start + LONGEST_LINE + 1 - partial.length);
        partial += latin1(chunk.subarray(start, Math.max(start, room)));
      } else partial = "x";
      if (end >= 0) {
        takeLine(partial);
        partial = "";
      }
      start = stop;
    }
  }
  return {
    feed,
    get found() {
      return found;
    },
  };
}

const LATIN1 = new TextDecoder("latin1");
// The label "latin1" means windows-1252 to TextDecoder: bytes 0x80-0x9f need the long way.
function latin1(bytes: Uint8Array): string {
  for (const byte of bytes) {
    if (byte >= 0x80) return String.fromCharCode(...bytes);
  }
  return LATIN1.decode(bytes);
}

/** A binary string as bytes. */
export function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * Number of line feeds. Four bytes at a time, which is four times as fast as one by one, and faster still than searching: in each word
 * the bytes that are LF become 1, the others 0, and a multiplication adds them up.
 */
export function countLines(bytes: Uint8Array): number {
  const { length } = bytes;
  let lines = 0;
  let at = 0;
  for (; at < length && (bytes.byteOffset + at) % 4 !== 0; at++) if (bytes[at] === 10) lines++;
  if (at === length) return lines;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (length - at) >> 2);
  for (let i = 0; i < words.length; i++) {
    const zeroIfLf = words[i]! ^ 0x0a0a0a0a;
    const found = ~(((zeroIfLf & 0x7f7f7f7f) + 0x7f7f7f7f) | zeroIfLf | 0x7f7f7f7f) >>> 7;
    if (found !== 0) lines += Math.imul(found, 0x01010101) >>> 24;
  }
  for (at += words.length * 4; at < length; at++) if (bytes[at] === 10) lines++;
  return lines;
}
