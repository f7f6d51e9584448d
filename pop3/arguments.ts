/**
 * Arguments as qmail-pop3d reads them: digits at the beginning are the number, what follows them is ignored.
 *
 * DIFFERS: a number beyond any message is just that; qmail-pop3d computes modulo 2^64 and may take another message.
 */
import type { Pop3Context } from "./context.ts";
import { REPLIES, type Reply } from "./replies.ts";

const SPACE = 32;

function skipSpaces(bytes: Uint8Array, at: number): number {
  while (bytes[at] === SPACE) at++;
  return at;
}

/** The argument without blanks before it, as latin1 text. */
export function textArgument(argument: Uint8Array): string {
  return String.fromCharCode(...argument.subarray(skipSpaces(argument, 0)));
}

/** True when nothing but blanks was given. */
export function isEmpty(argument: Uint8Array): boolean {
  return skipSpaces(argument, 0) === argument.length;
}

interface Digits {
  /** -1: no digits. */
  readonly value: number;
  readonly end: number;
}

function digits(bytes: Uint8Array, from: number): Digits {
  let value = 0;
  let at = from;
  for (; at < bytes.length; at++) {
    const digit = bytes[at]! - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = Math.min(value * 10 + digit, Number.MAX_SAFE_INTEGER);
  }
  return { value: at === from ? -1 : value, end: at };
}

/** A message that may be used now, counted from 0; otherwise the error to send. `end`: where the number ended. */
export function messageArgument(
  context: Pop3Context,
  argument: Uint8Array,
): { readonly index: number; readonly end: number } | Reply {
  const { value, end } = digits(argument, skipSpaces(argument, 0));
  const drop = context.drop!;
  if (value < 0) return REPLIES.syntax;
  if (value === 0) return REPLIES.fromOne;
  if (value > drop.maildrop.listing.messages.length) return REPLIES.noSuchMessage;
  if (drop.deleted.has(value - 1)) return REPLIES.deleted;
  return { index: value - 1, end };
}

/** The count of lines behind a message's number; -1: none was given, which means all. */
export function linesArgument(argument: Uint8Array, from: number): number {
  return digits(argument, skipSpaces(argument, from)).value;
}

/** Sends what `messageArgument` found wrong; a number that is none counts as an error. */
export function replyWrong(context: Pop3Context, reply: Reply): void {
  if (reply === REPLIES.syntax) context.replyError(reply);
  else context.reply(reply);
}
