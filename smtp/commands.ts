/**
 * The commands of RFC 5321, section 4.1.1: a table of verb, needed state, check (guards in protocol
 * order), action.
 *
 * A check judges and changes nothing; what it found goes to the action. STARTTLS and AUTH bring
 * their entries with them when they come; a verb without an entry is not understood.
 *
 * As qmail-smtpd: HELO and EHLO may come again, take any argument and may be left out; a second
 * MAIL begins anew.
 */
import { isBadSender } from "./config.ts";
import { parseParameters } from "./parameters.ts";
import { parsePath } from "./path.ts";
import { judgeRecipient } from "./recipient.ts";
import { isReply, REPLIES, type Reply } from "./replies.ts";
import { endSession, refuse, say, type Session } from "./state.ts";
import { beginData } from "./transfer.ts";

/** One command. */
export interface Command {
  readonly verb: string;
  /**
   * Checks, and acts when nothing speaks against it. `argument`: what follows the verb and its
   * spaces, latin1.
   */
  readonly run: (session: Session, argument: string) => void | Promise<void>;
}

/** What must have been said before: nothing, MAIL, or MAIL and an accepted RCPT. */
type Needs = "nothing" | "mail" | "recipients";

/** Puts a command together: state first, then its guards, then its action on what they found. */
function command<Found>(
  verb: string,
  needs: Needs,
  check: (session: Session, argument: string) => Found | Reply,
  proceed: (session: Session, found: Found) => void | Promise<void>,
): Command {
  return {
    verb,
    run(session, argument) {
      const missing = missingState(session, needs);
      if (missing !== null) return say(session, missing);
      const found = check(session, argument);
      if (isReply(found)) return refuse(session, found);
      return proceed(session, found);
    },
  };
}

function missingState(session: Session, needs: Needs): Reply | null {
  if (needs === "nothing") return null;
  const { transaction } = session;
  if (transaction === null) return REPLIES.mail_first;
  if (needs === "recipients" && transaction.recipients.length === 0) return REPLIES.rcpt_first;
  return null;
}

/** For commands that take any argument. */
const anything = (_session: Session, argument: string): string => argument;

/** For answers that are the same whatever was said. */
const answer = (reply: Reply) => (session: Session): void => say(session, reply);

const COMMANDS: readonly Command[] = [
  command("RCPT", "mail", checkRcpt, addRecipient),
  command("MAIL", "nothing", checkMail, beginTransaction),
  command("DATA", "recipients", anything, transferData),
  command("EHLO", "nothing", anything, (session, name) => hello(session, name, true)),
  command("HELO", "nothing", anything, (session, name) => hello(session, name, false)),
  command(
    "QUIT",
    "nothing",
    anything,
    (session) => endSession(session, session.config.quit, "quit"),
  ),
  command("RSET", "nothing", anything, reset),
  command("NOOP", "nothing", anything, answer(REPLIES.noop)),
  command("VRFY", "nothing", anything, answer(REPLIES.vrfy)),
  command("HELP", "nothing", anything, answer(REPLIES.help)),
  command("EXPN", "nothing", anything, answer(REPLIES.unimplemented)),
];

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

/** MAIL as it was understood. */
interface Mail {
  readonly sender: string;
  readonly utf8: boolean;
}

function checkMail(session: Session, argument: string): Mail | Reply {
  const { maxMessages, localLiteral, databytes } = session.config;
  if (maxMessages > 0 && session.messages >= maxMessages) return REPLIES.message_limit;
  const path = parsePath(argument, localLiteral);
  if (path === null) return REPLIES.bad_sender_syntax;
  const parameters = parseParameters(path.parameters);
  if (isReply(parameters)) return parameters;
  const size = parameters.size ?? 0;
  if (databytes > 0 && size > databytes) return REPLIES.too_big;
  return { sender: path.address, utf8: parameters.utf8 };
}

function beginTransaction(session: Session, { sender, utf8 }: Mail): void {
  const hasBadSender = isBadSender(sender, session.config.badMailFrom);
  session.transaction = { sender, hasBadSender, utf8, recipients: [] };
  say(session, REPLIES.sender_ok);
}

function checkRcpt(session: Session, argument: string): string | Reply {
  const path = parsePath(argument, session.config.localLiteral);
  if (path === null) return REPLIES.bad_recipient_syntax;
  const parameters = parseParameters(path.parameters);
  return isReply(parameters) ? parameters : path.address;
}

function addRecipient(session: Session, address: string): void | Promise<void> {
  const { transaction } = session;
  if (transaction !== null) return judgeRecipient(session, transaction, address);
}

function transferData(session: Session): void | Promise<void> {
  const { transaction } = session;
  if (transaction !== null) return beginData(session, transaction);
}

/** Four letters as one number, upper and lower case alike; no other byte passes for a letter. */
const wordOf = (a: number, b: number, c: number, d: number): number =>
  ((a | 0x20) << 24) | ((b | 0x20) << 16) | ((c | 0x20) << 8) | (d | 0x20);

const WORDS = Int32Array.from(
  COMMANDS,
  ({ verb }) =>
    wordOf(verb.charCodeAt(0), verb.charCodeAt(1), verb.charCodeAt(2), verb.charCodeAt(3)),
);

const SPACE = 32;

/** Where the verb of a line ends: at its first space or NUL, else at `end`. */
export function verbEnd(line: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && line[at] !== SPACE && line[at] !== 0) at++;
  return at;
}

/**
 * The command whose verb stands there; null: none of ours. Compares numbers: no text is made for
 * it.
 */
export function findCommand(line: Uint8Array, start: number, end: number): Command | null {
  if (end - start !== 4) return null;
  const word = wordOf(line[start]!, line[start + 1]!, line[start + 2]!, line[start + 3]!);
  for (let i = 0; i < WORDS.length; i++) {
    if (WORDS[i] === word) return COMMANDS[i]!;
  }
  return null;
}
