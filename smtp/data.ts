/**
 * Mail data on its way in: dot-unstuffing, the end of data, line ends, hops, size (RFC 5321,
 * sections 4.1.1.4, 4.5.2).
 *
 * Mirrors qmail-smtpd: only CR LF "." CR LF ends the data of a network client; a bare LF ends the
 * session there, a bare CR is an ordinary byte. What comes out has LF line ends. Hops are header
 * lines that begin with "received" or "delivered", no colon needed, looked for in the bytes on the
 * wire. The size counts what comes out.
 *
 * Two ways through the bytes: `takeByte` is the whole state machine, byte by byte, and the truth;
 * it does whatever stands around dots, CRs, blank lines and the ends of chunks. `takeLines` copies
 * whole lines in one tight loop, eight bytes at a time where no LF is among them, twenty times faster, and hands back to `takeByte` wherever
 * it is not sure.
 */

const LF = 10;
const CR = 13;
const DOT = 46;

/** Where in a line we are. */
const MID_LINE = 0;
const LINE_START = 1;
const AFTER_DOT = 2;
const AFTER_DOT_CR = 3;
const AFTER_CR = 4;

const RECEIVED = [..."received"].map((c) => c.charCodeAt(0));
const DELIVERED = [..."delivered"].map((c) => c.charCodeAt(0));

/** Bytes of input taken in one go; the output buffer must be `PIECE_BYTES + 8` long. */
export const PIECE_BYTES = 65536;

/** The state of one message's data. */
export interface MailData {
  /** A bare LF ends lines too, and data: for transcripts on standard input. */
  readonly tolerant: boolean;
  /** "open": more to come. "complete": the final dot was seen. "bare_lf": refused. */
  end: "open" | "complete" | "bare_lf";
  /** First byte of the chunk not taken yet. */
  next: number;
  /** Bytes that came out so far. */
  bytes: number;
  /** Line ends among them. */
  lines: number;
  /** Header lines that show a hop. */
  hops: number;
  state: number;
  inHeader: boolean;
  /** Bytes of the current header line seen, and whether it may still be a hop. */
  column: number;
  maybeReceived: boolean;
  maybeDelivered: boolean;
  onlyCr: boolean;
}

/** The state before the first byte. `tolerant`: LF alone ends lines and data. */
export function startMailData(tolerant: boolean): MailData {
  return {
    tolerant,
    end: "open",
    next: 0,
    bytes: 0,
    lines: 0,
    hops: 0,
    state: LINE_START,
    inHeader: true,
    column: 0,
    maybeReceived: true,
    maybeDelivered: true,
    onlyCr: false,
  };
}

/**
 * Takes up to PIECE_BYTES of `chunk` from `from` on and writes what comes out to `out`. Returns how
 * many bytes came out; `data.next` says how far it got, `data.end` whether that was all.
 */
export function takeData(
  data: MailData,
  chunk: Uint8Array,
  from: number,
  out: Uint8Array,
): number {
  const stop = Math.min(chunk.length, from + PIECE_BYTES);
  let filled = 0;
  const words = wordsOf(chunk);
  const outWords = wordsOf(out);
  data.next = from;
  while (data.next < stop && data.end === "open") {
    if (data.state <= LINE_START && (!data.inHeader || isPastHop(data))) {
      filled = takeLines(data, { chunk, words, stop, out, outWords }, filled);
      if (data.next >= stop) break;
    }
    filled = takeByte(data, chunk[data.next++]!, out, filled);
  }
  data.bytes += filled;
  return filled;
}

/** Nothing of the header line is seen yet, or so much that the rest can't make it a hop. */
function isPastHop(data: MailData): boolean {
  return data.column === 0 || data.column >= DELIVERED.length;
}

/** Bytes that must be at hand to see at the beginning of a header line whether it is a hop. */
const HOP_BYTES = 10;

const wordsOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where lines are copied from, and to. */
interface Copying {
  readonly chunk: Uint8Array;
  readonly words: DataView;
  readonly stop: number;
  readonly out: Uint8Array;
  readonly outWords: DataView;
}

/**
 * Copies words until an LF is in one, and of that what is before the LF; returns how many bytes were taken. What stands behind them in `out`
 * then is nobody's.
 */
function copyWords({ words, stop, outWords }: Copying, from: number, fill: number): number {
  let at = from;
  for (let to = fill; at <= stop - 8; at += 8, to += 8) {
    const low = words.getInt32(at, true);
    const high = words.getInt32(at + 4, true);
    outWords.setInt32(to, low, true);
    outWords.setInt32(to + 4, high, true);
    const inLow = lfIn(low);
    if (inLow !== 0) return at - from + firstOf(inLow);
    const inHigh = lfIn(high);
    if (inHigh !== 0) return at - from + 4 + firstOf(inHigh);
  }
  return at - from;
}

/** Not 0: an LF is among the four bytes; the lowest bit that is set is the first LF's. */
function lfIn(word: number): number {
  const zeroIfLf = word ^ 0x0a0a0a0a;
  return (zeroIfLf - 0x01010101) & ~zeroIfLf & 0x80808080;
}

/** Which byte of a word the lowest bit is in. */
const firstOf = (bits: number): number => (31 - Math.clz32(bits & -bits)) >> 3;

/**
 * Copies lines as long as they are plain: text, CR LF, no dot in front, no blank line that ends the
 * header. Stops in front of the first byte that needs more thought, with `data` saying where;
 * returns the new fill of `out`.
 */
function takeLines(data: MailData, copying: Copying, fill: number): number {
  const { chunk, stop, out } = copying;
  let at = data.next;
  let filled = fill;
  for (;;) {
    if (data.state === LINE_START) {
      if (at === stop || chunk[at] === DOT) break;
      if (data.inHeader) {
        if (chunk[at] === CR || stop - at < HOP_BYTES) break;
        if (isHop(chunk, at)) data.hops++;
      }
    }
    const lineStart = at;
    at += copyWords(copying, at, filled);
    filled += at - lineStart;
    while (at < stop && chunk[at] !== LF) out[filled++] = chunk[at++]!;
    const endsInCr = at > lineStart && chunk[at - 1] === CR;
    if (at === stop || !endsInCr) {
      // Unfinished line (a CR at its end is not decided yet), or a bare LF: takeByte goes on.
      if (endsInCr) {
        filled--;
        at--;
      }
      if (at > lineStart) data.state = MID_LINE;
      data.column += at - lineStart;
      break;
    }
    out[filled - 1] = LF;
    at++;
    data.lines++;
    data.state = LINE_START;
    if (data.inHeader) startHeaderLine(data);
  }
  data.next = at;
  return filled;
}

/**
 * Does the header line there begin with "received" or "delivered"? HOP_BYTES of it are in the
 * chunk.
 */
function isHop(chunk: Uint8Array, at: number): boolean {
  const first = chunk[at]! | 0x20;
  if (first === RECEIVED[0]) return beginsWith(chunk, at, RECEIVED);
  return first === DELIVERED[0] && beginsWith(chunk, at, DELIVERED);
}

function beginsWith(chunk: Uint8Array, at: number, word: readonly number[]): boolean {
  return word.every((letter, i) => (chunk[at + i]! | 0x20) === letter);
}

/**
 * One byte of mail data; returns the new fill of `out`. At most three bytes come out for one that
 * goes in.
 */
function takeByte(data: MailData, byte: number, out: Uint8Array, fill: number): number {
  let filled = fill;
  if (data.inHeader) watchHeader(data, byte);
  switch (data.state) {
    case MID_LINE:
      if (byte === LF) return bareLf(data, out, filled);
      if (byte === CR) return hold(data, AFTER_CR, filled);
      break;
    case LINE_START:
      if (byte === LF) return bareLf(data, out, filled);
      if (byte === DOT) return hold(data, AFTER_DOT, filled);
      if (byte === CR) return hold(data, AFTER_CR, filled);
      data.state = MID_LINE;
      break;
    case AFTER_DOT: // the dot is dropped
      if (byte === LF) return dotBareLf(data, filled);
      if (byte === CR) return hold(data, AFTER_DOT_CR, filled);
      data.state = MID_LINE;
      break;
    case AFTER_DOT_CR:
      if (byte === LF) return finish(data, filled);
      // A dot and a CR that is no line end: both are data (so qmail; the dot stays).
      out[filled++] = DOT;
      out[filled++] = CR;
      if (byte === CR) return hold(data, AFTER_CR, filled);
      data.state = MID_LINE;
      break;
    default: // AFTER_CR: a CR is held back until its neighbour is known
      if (byte === LF) {
        data.state = LINE_START;
        data.lines++;
      } else {
        out[filled++] = CR;
        if (byte === CR) return filled;
        data.state = MID_LINE;
      }
  }
  out[filled++] = byte;
  return filled;
}

function hold(data: MailData, state: number, filled: number): number {
  data.state = state;
  return filled;
}

function finish(data: MailData, filled: number): number {
  data.end = "complete";
  return filled;
}

/** LF without CR: a line end in a transcript, the end of the session for everybody else. */
function bareLf(data: MailData, out: Uint8Array, filled: number): number {
  if (!data.tolerant) {
    data.end = "bare_lf";
    return filled;
  }
  out[filled] = LF;
  data.lines++;
  return hold(data, LINE_START, filled + 1);
}

/** "." LF: the end of a transcript's data, never of a network client's (SMTP smuggling). */
function dotBareLf(data: MailData, filled: number): number {
  data.end = data.tolerant ? "complete" : "bare_lf";
  return filled;
}

/** Counts hops and notices the blank line, on the bytes as they come from the wire. */
function watchHeader(data: MailData, byte: number): void {
  if (byte === LF) {
    if (data.column === 0 || (data.column === 1 && data.onlyCr)) data.inHeader = false;
    return startHeaderLine(data);
  }
  const column = data.column++;
  if (column === 0) data.onlyCr = byte === CR;
  if (column > 8) return;
  const lower = byte | 0x20;
  if (data.maybeReceived && column < 8) {
    data.maybeReceived = lower === RECEIVED[column];
    if (data.maybeReceived && column === 7) data.hops++;
  }
  if (data.maybeDelivered) {
    data.maybeDelivered = lower === DELIVERED[column];
    if (data.maybeDelivered && column === 8) data.hops++;
  }
}

function startHeaderLine(data: MailData): void {
  data.column = 0;
  data.maybeReceived = data.maybeDelivered = true;
  data.onlyCr = false;
}
