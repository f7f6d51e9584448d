/**
 * The POP3 commands: verb, the states it is known in, what runs (RFC 1939, 2449, 2595, 5034, 6856; qmail-popup and
 * qmail-pop3d).
 *
 * A verb is compared as one number, so that a command line costs no string. A command has its row
 * here and its capability in capa.ts.
 */
import { apop, pass, user, utf8 } from "./authorization.ts";
import { capa } from "./capa.ts";
import type { Pop3Context, State } from "./context.ts";
import { REPLIES } from "./replies.ts";
import { retr, top } from "./retrieve.ts";
import { auth } from "./sasl.ts";
import { stls } from "./stls.ts";
import { dele, last, list, quitTransaction, rset, stat, uidl } from "./transaction.ts";

/** Runs with the bytes behind the verb and its blanks. */
export type Run = (context: Pop3Context, argument: Uint8Array) => void | Promise<void>;

interface Command {
  readonly verb: string;
  readonly states: Readonly<Partial<Record<State, Run>>>;
  /** The argument stays out of the trace. */
  readonly isSecret?: true;
}

const noop: Run = (context) => context.reply(REPLIES.ok);
const quit: Run = (context) => {
  context.reply(REPLIES.bye);
  context.close("quit");
};

const COMMANDS: readonly Command[] = [
  { verb: "USER", states: { authorization: user } },
  { verb: "PASS", states: { authorization: pass }, isSecret: true },
  { verb: "APOP", states: { authorization: apop }, isSecret: true },
  { verb: "AUTH", states: { authorization: auth }, isSecret: true },
  { verb: "STLS", states: { authorization: stls } },
  { verb: "UTF8", states: { authorization: utf8 } },
  { verb: "STAT", states: { transaction: stat } },
  { verb: "LIST", states: { transaction: list } },
  { verb: "UIDL", states: { transaction: uidl } },
  { verb: "RETR", states: { transaction: retr } },
  { verb: "TOP", states: { transaction: top } },
  { verb: "DELE", states: { transaction: dele } },
  { verb: "RSET", states: { transaction: rset } },
  { verb: "LAST", states: { transaction: last } },
  { verb: "NOOP", states: { authorization: noop, transaction: noop } },
  { verb: "CAPA", states: { authorization: capa, transaction: capa } },
  { verb: "QUIT", states: { authorization: quit, transaction: quitTransaction } },
];

const SPACE = 32;

/** Up to four bytes in upper case as one number; a longer verb is none of ours. */
function packVerb(line: Uint8Array, length: number): number {
  if (length > 4) return -1;
  let packed = 0;
  for (let i = 0; i < length; i++) {
    const byte = line[i]!;
    packed = packed * 256 + (byte >= 97 && byte <= 122 ? byte - 32 : byte);
  }
  return packed;
}

const encode = (verb: string) => packVerb(new TextEncoder().encode(verb), verb.length);
const TABLE: ReadonlyMap<number, Command> = new Map(COMMANDS.map((c) => [encode(c.verb), c]));

function verbLength(line: Uint8Array): number {
  const space = line.indexOf(SPACE);
  return space < 0 ? line.length : space;
}

/**
 * Runs one command line, given without its line end.
 *
 * DIFFERS: a NUL makes the line an error; qmail cuts the line there, which would make a prefix of a password do.
 */
export function runLine(context: Pop3Context, line: Uint8Array): void | Promise<void> {
  if (line.indexOf(0) >= 0) return context.replyError(REPLIES.syntax);
  const length = verbLength(line);
  const command = TABLE.get(packVerb(line, length));
  if (command === undefined) return context.replyError(REPLIES.unknown);
  const run = command.states[context.state];
  if (run === undefined) {
    const wrong = context.state === "authorization" ? REPLIES.loginFirst : REPLIES.loggedInAlready;
    return context.replyError(wrong);
  }
  return run(context, line.subarray(length + 1));
}

/**
 * The line for the trace, secrets replaced. `knownOnly` (nobody is logged in): a line that is no command is not shown
 * either, as it may be a PASS with a blank before it, or an answer that a refused AUTH left behind.
 */
export function lineForTrace(line: Uint8Array, knownOnly: boolean): string {
  const length = verbLength(line);
  const command = TABLE.get(packVerb(line, length));
  if (command === undefined && knownOnly) return "...";
  const isSecret = command?.isSecret === true;
  const shown = isSecret ? line.subarray(0, length) : line;
  return String.fromCharCode(...shown) + (isSecret && line.length > length ? " ..." : "");
}
