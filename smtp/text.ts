/**
 * Bytes to text and back: latin1 throughout, one char a byte. Making such text visible is the
 * trace's work.
 */

/** Longest run that goes to String.fromCharCode at once: arguments live on the stack. */
const RUN = 4096;

/** The bytes from `start` to `end` as text, one char a byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) return textOfShort(bytes, start, end);
  if (end - start <= RUN) return textOfRun(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at += RUN) {
    text += textOfRun(bytes.subarray(at, Math.min(at + RUN, end)));
  }
  return text;
}

/** What a command line has behind its verb, as a rule. */
const SHORT = 128;
const codes: number[] = [];

/** Through one array that is kept: a view of the bytes costs more than copying so few. */
function textOfShort(bytes: Uint8Array, start: number, end: number): string {
  codes.length = end - start;
  for (let at = start; at < end; at++) codes[at - start] = bytes[at]!;
  return String.fromCharCode.apply(null, codes);
}

/** TextDecoder's "latin1" is windows-1252 and three times slower on short lines. */
function textOfRun(run: Uint8Array): string {
  return String.fromCharCode.apply(null, run as unknown as number[]);
}

/** Latin1 text as bytes; chars above U+00FF lose their upper half. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
