/**
 * What may stand in a trace line: nothing that breaks the line, moves a terminal's cursor or passes for another text.
 *
 * Texts are binary strings, one char a byte. Bytes that form UTF-8 are shown as the characters they are; all others, and
 * control characters, as \xHH. A backslash is doubled, so that what was sent can be told from what is shown.
 */

/** Longest text of a line, and longest field where a text is longer; in characters. */
export const MAX_TEXT_CHARS = 4096;
export const MAX_FIELD_CHARS = 1024;

const UNSAFE = /[^ -[\]-~]/;
const hex = (code: number): string => "\\x" + code.toString(16).padStart(2, "0");

/** `text`, safe to write to a line-by-line file and to look at in a terminal. */
export function escapeText(text: string): string {
  return UNSAFE.test(text) ? escapeSlowly(text) : text;
}

function escapeSlowly(text: string): string {
  let shown = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x20 && code < 0x7f) {
      shown += code === 0x5c ? "\\\\" : text.charAt(i);
      continue;
    }
    const length = code >= 0xc2 && code <= 0xf4 ? sequenceLength(text, i) : 0;
    if (length === 0) {
      shown += code > 0xff ? text.charAt(i) : hex(code);
      continue;
    }
    const character = decode(text, i, length);
    if (isTreacherous(character)) {
      for (let n = 0; n < length; n++) shown += hex(text.charCodeAt(i + n));
    } else shown += String.fromCodePoint(character);
    i += length - 1;
  }
  return shown;
}

/** Bytes of the well-formed UTF-8 sequence at `at` (RFC 3629, section 4); 0: there is none. */
function sequenceLength(text: string, at: number): number {
  const first = text.charCodeAt(at);
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let n = 1; n < length; n++) {
    if ((text.charCodeAt(at + n) & 0xffc0) !== 0x80) return 0;
  }
  if (length === 2) return 2;
  const value = decode(text, at, length);
  const isSurrogate = value >= 0xd800 && value <= 0xdfff;
  const least = length === 3 ? 0x800 : 0x10000;
  return value < least || value > 0x10ffff || isSurrogate ? 0 : length;
}

function decode(text: string, at: number, length: number): number {
  let value = text.charCodeAt(at) & (0xff >> (length + 1));
  for (let n = 1; n < length; n++) value = (value << 6) | (text.charCodeAt(at + n) & 0x3f);
  return value;
}

/** C1 controls, line and paragraph separators, marks that turn or hide text. */
function isTreacherous(code: number): boolean {
  return code < 0xa0 || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x2069) || code === 0xfeff || code === 0xad;
}

/** `text` cut at `most` characters, with a mark that says how many are gone. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}...(${text.length - most} more)`;
}
