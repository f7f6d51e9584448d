/**
 * The netstrings of QMTP and QMQP, taken from chunks that end anywhere: a QMTP package is the netstrings message, sender
 * and recipients (a netstring of netstrings), a QMQP request is one netstring that holds message, sender and each
 * recipient.
 *
 * A pull reader without memory of its own: contents are shown where they stand in the chunk, at most PIECE_BYTES at a
 * time. It knows where bytes belong and what can't be a netstring; how long a field may be is its caller's affair.
 *
 * DIFFERS: qmail-qmtpd takes any number of digits up to its limit of 200,000,000; here a length has at most 10.
 */

export type Grammar = "qmtp" | "qmqp";

/** "request": QMQP's outer netstring. "recipients": QMTP's list of them. */
export type Field = "request" | "message" | "sender" | "recipients" | "recipient";

/**
 * What was met. "more": the chunk is used up. "begin": the length of `field` is known. "content": bytes `start` to
 * `next` of the chunk belong to `field`. "end": `ended` is complete. "fault": `fault` says why this is no such thing.
 */
export type Met = "more" | "begin" | "content" | "end" | "fault";

/** Where the reader stands. */
export interface Reading {
  readonly grammar: Grammar;
  /** First byte of the chunk not taken yet; the caller sets it to 0 with each new chunk. */
  next: number;
  start: number;
  field: Field;
  ended: Field;
  /** Length of `field`, valid from "begin" on. */
  length: number;
  fault: string;
  step: "length" | "content" | "comma";
  digits: number;
  /** Bytes of the content still to come. */
  left: number;
  /** Bytes still to come of the netstring around this one, commas included; null: there is none. */
  enclosed: number | null;
}

/** Longest piece of content shown at once, in bytes. */
export const PIECE_BYTES = 65536;
const MAX_DIGITS = 10;

const COLON = 58;
const COMMA = 44;
const ZERO = 48;

const FIRST: Readonly<Record<Grammar, Field>> = { qmtp: "message", qmqp: "request" };

/** A reader before its first byte. */
export function startReading(grammar: Grammar): Reading {
  const field = FIRST[grammar];
  return {
    grammar,
    next: 0,
    start: 0,
    field,
    ended: field,
    length: 0,
    fault: "",
    step: "length",
    digits: 0,
    left: 0,
    enclosed: null,
  };
}

/** Nothing of a package or request has come yet. */
export function isBetween(reading: Reading): boolean {
  return reading.field === FIRST[reading.grammar] && reading.step === "length" &&
    reading.digits === 0;
}

/** Goes on to whatever is next in `chunk`. */
export function readNext(reading: Reading, chunk: Uint8Array): Met {
  while (reading.next < chunk.length) {
    const met = reading.step === "content" ? takeContent(reading, chunk) : takeByte(reading, chunk);
    if (met !== "more") return met;
  }
  return "more";
}

function takeContent(reading: Reading, chunk: Uint8Array): Met {
  const bytes = Math.min(reading.left, chunk.length - reading.next, PIECE_BYTES);
  reading.start = reading.next;
  reading.next += bytes;
  reading.left -= bytes;
  if (reading.left === 0) reading.step = "comma";
  return "content";
}

function takeByte(reading: Reading, chunk: Uint8Array): Met {
  const byte = chunk[reading.next++] ?? 0;
  if (reading.step === "comma") {
    if (byte !== COMMA) return fail(reading, `no comma behind the ${reading.field}`);
    return endField(reading);
  }
  if (reading.enclosed !== null && reading.enclosed-- === 0) {
    return fail(reading, `no room for the ${reading.field} in its netstring`);
  }
  if (byte === COLON) return beginField(reading);
  const digit = byte - ZERO;
  if (digit < 0 || digit > 9) return fail(reading, `the ${reading.field}'s length is no number`);
  if (reading.digits++ === MAX_DIGITS) {
    return fail(reading, `the ${reading.field}'s length has more than ${MAX_DIGITS} digits`);
  }
  reading.length = reading.digits === 1 ? digit : reading.length * 10 + digit;
  return "more";
}

function fail(reading: Reading, fault: string): Met {
  reading.fault = fault;
  return "fault";
}

function beginField(reading: Reading): Met {
  const { field, length, enclosed } = reading;
  if (reading.digits === 0) return fail(reading, `the ${field} has no length`);
  reading.digits = 0;
  if (enclosed !== null) {
    if (length + 1 > enclosed) return fail(reading, `the ${field} is longer than its netstring`);
    reading.enclosed = enclosed - length - 1;
  }
  reading.left = length;
  reading.step = length === 0 ? "comma" : "content";
  return "begin";
}

/** The caller saw "begin" of a netstring that holds others: goes into it. */
export function enter(reading: Reading): void {
  reading.enclosed = reading.length;
  if (reading.field === "request") expect(reading, "message");
  else if (reading.length > 0) expect(reading, "recipient");
  else leave(reading);
}

function expect(reading: Reading, field: Field): void {
  reading.field = field;
  reading.step = "length";
}

/** Only the comma of the outer netstring is left. */
function leave(reading: Reading): void {
  reading.field = reading.grammar === "qmtp" ? "recipients" : "request";
  reading.enclosed = null;
  reading.step = "comma";
}

function endField(reading: Reading): Met {
  const { field } = reading;
  reading.ended = field;
  switch (field) {
    case "message":
      expect(reading, "sender");
      break;
    case "sender":
      if (reading.grammar === "qmtp") expect(reading, "recipients");
      else nextRecipient(reading);
      break;
    case "recipient":
      nextRecipient(reading);
      break;
    case "recipients":
    case "request":
      expect(reading, FIRST[reading.grammar]);
  }
  return "end";
}

function nextRecipient(reading: Reading): void {
  if (reading.enclosed === 0) leave(reading);
  else expect(reading, "recipient");
}
