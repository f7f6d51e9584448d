/**
 * The commands of RFC 5321, section 4.1.1: a table of verb, the state it needs, the guards in protocol order, the action.
 *
 * STARTTLS and AUTH bring their entries with them when they come; a verb without an entry is not understood.
 *
 * As qmail-smtpd: HELO and EHLO may come again, take any argument and may be left out; a second MAIL begins anew.
 */
import { isBadSender } from "./config.ts";
import { isReply, parseParameters } from "./parameters.ts";
import { parsePath } from "./path.ts";
import { judgeRecipient } from "./recipient.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { endByLimit, endSession, refuseSyntax, say, type Session } from "./state.ts";
import { beginData } from "./transfer.ts";

/** One command. `argument` is what follows the verb and its spaces, latin1. */
export interface Command {
  readonly verb: string;
  /** What must have been said before: nothing, MAIL, or MAIL and an accepted RCPT. */
  readonly needs: "nothing" | "mail" | "recipients";
  readonly proceed: (session: Session, argument: string) => void | Promise<void>;
}

/** Answers that are the same whatever was said. */
const always = (reply: Reply) => (session: Session): void => say(session, reply);

const COMMANDS: readonly Command[] = [
  { verb: "RCPT", needs: "mail", proceed: rcpt },
  { verb: "MAIL", needs: "nothing", proceed: mail },
  { verb: "DATA", needs: "recipients", proceed: data },
  { verb: "EHLO", needs: "nothing", proceed: (s, name) => hello(s, name, true) },
  { verb: "HELO", needs: "nothing", proceed: (s, name) => hello(s, name, false) },
  { verb: "QUIT", needs: "nothing", proceed: (s) => endSession(s, s.config.quit, "quit") },
  { verb: "RSET", needs: "nothing", proceed: reset },
  { verb: "NOOP", needs: "nothing", proceed: always(REPLIES.noop) },
  { verb: "VRFY", needs: "nothing", proceed: always(REPLIES.vrfy) },
  { verb: "HELP", needs: "nothing", proceed: always(REPLIES.help) },
  { verb: "EXPN", needs: "nothing", proceed: always(REPLIES.unimplemented) },
];

/** Four letters as one number, upper and lower case alike; other bytes keep what tells them from letters. */
const wordOf = (a: number, b: number, c: number, d: number): number =>
  ((a | 0x20) << 24) | ((b | 0x20) << 16) | ((c | 0x20) << 8) | (d | 0x20);

const wordOfVerb = (verb: string): number =>
  wordOf(verb.charCodeAt(0), verb.charCodeAt(1), verb.charCodeAt(2), verb.charCodeAt(3));

const FOUR_LETTERS = COMMANDS.filter((c) => c.verb.length === 4);
const WORDS = Int32Array.from(FOUR_LETTERS, (c) => wordOfVerb(c.verb));

const SPACE = 32;

/** Where the verb of a line ends: at its first space or NUL, else at `end`. */
export function verbEnd(line: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && line[at] !== SPACE && line[at] !== 0) at++;
  return at;
}

/** The command whose verb stands there; null: none of ours. Compares numbers: no text is made for it. */
export function findCommand(line: Uint8Array, start: number, end: number): Command | null {
  if (end - start !== 4) return null;
  const word = wordOf(line[start]!, line[start + 1]!, line[start + 2]!, line[start + 3]!);
  for (let i = 0; i < WORDS.length; i++) {
    if (WORDS[i] === word) return FOUR_LETTERS[i]!;
  }
  return null;
}

/** Runs a command, if the state allows it. */
export function runCommand(
  session: Session,
  command: Command,
  argument: string,
): void | Promise<void> {
  const { needs } = command;
  if (needs !== "nothing") {
    const { transaction } = session;
    if (transaction === null) return say(session, REPLIES.mail_first);
    if (needs === "recipients" && transaction.recipients.length === 0) {
      return say(session, REPLIES.rcpt_first);
    }
  }
  return command.proceed(session, argument);
}

function hello(session: Session, name: string, extended: boolean): void {
  session.helo = name;
  session.extended = extended;
  session.transaction = null;
  say(session, extended ? session.config.extendedHello : session.config.hello);
}

function reset(session: Session): void {
  session.transaction = null;
  say(session, REPLIES.reset);
}

function mail(session: Session, argument: string): void {
  const { config } = session;
  if (config.maxMessages > 0 && session.messages >= config.maxMessages) {
    return endByLimit(session, REPLIES.message_limit);
  }
  const path = parsePath(argument, config.localLiteral);
  if (path === null) return refuseSyntax(session, REPLIES.bad_sender_syntax);
  const parameters = parseParameters(path.parameters);
  if (isReply(parameters)) return refuseSyntax(session, parameters);
  if (config.databytes > 0 && parameters.size !== null && parameters.size > config.databytes) {
    return say(session, REPLIES.too_big);
  }
  session.transaction = {
    sender: path.address,
    hasBadSender: isBadSender(path.address, config.badMailFrom),
    utf8: parameters.utf8,
    recipients: [],
  };
  say(session, REPLIES.sender_ok);
}

function rcpt(session: Session, argument: string): void | Promise<void> {
  const { transaction } = session;
  if (transaction === null) return;
  const path = parsePath(argument, session.config.localLiteral);
  if (path === null) return refuseSyntax(session, REPLIES.bad_recipient_syntax);
  const parameters = parseParameters(path.parameters);
  if (isReply(parameters)) return refuseSyntax(session, parameters);
  return judgeRecipient(session, transaction, path.address);
}

function data(session: Session): void | Promise<void> {
  const { transaction } = session;
  if (transaction !== null) return beginData(session, transaction);
}
