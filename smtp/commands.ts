/**
 * The commands of RFC 5321, section 4.1.1: a table of verb, needed state, check (guards in protocol
 * order), action. STARTTLS and AUTH have their own files.
 *
 * A check judges and changes nothing; what it found goes to the action. A verb without an entry is
 * not understood.
 *
 * As qmail-smtpd: HELO and EHLO may come again, take any argument and may be left out; a second
 * MAIL begins anew.
 */
import { authExtension, beginExchange, checkAuth, refuseAuth } from "./auth.ts";
import { parseParameters } from "./parameters.ts";
import { parsePath } from "./path.ts";
import { takeRecipient } from "./recipient.ts";
import { isReply, multiline, REPLIES, type Reply } from "./replies.ts";
import { judgeSender } from "./senders.ts";
import { beginTls, checkStarttls, offersTls } from "./starttls.ts";
import { softened } from "./judging.ts";
import { judgeHelo } from "./greeting.ts";
import { judgeData, takeSender } from "./sender.ts";
import { endSession, refuse, say, type Session } from "./state.ts";
import { startTransaction } from "./transaction.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { XCLIENT_EXTENSION } from "./xclient.ts";
import { checkXclient, takeXclient } from "./xclient_command.ts";

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
  decline: (session: Session, reply: Reply) => void = refuse,
): Command {
  return {
    verb,
    run(session, argument) {
      const missing = missingState(session, needs);
      if (missing !== null) return say(session, missing);
      const found = check(session, argument);
      if (isReply(found)) return decline(session, found);
      return proceed(session, found);
    },
  };
}

function missingState(session: Session, needs: Needs): Reply | null {
  if (needs === "nothing") return null;
  const { transaction } = session;
  if (transaction === null) return REPLIES.mail_first;
  const { recipients, decoys, capture } = transaction;
  if (needs === "recipients" && recipients.length + decoys === 0 && capture === null) {
    return REPLIES.rcpt_first;
  }
  return null;
}

/** For commands that take any argument. */
const anything = (_session: Session, argument: string): string => argument;

/** For answers that are the same whatever was said. */
const answer = (reply: Reply) => (session: Session): void => say(session, reply);

const COMMANDS: readonly Command[] = [
  command("RCPT", "mail", checkRcpt, addRecipient),
  command("MAIL", "nothing", checkMail, beginMail),
  command("DATA", "recipients", anything, transferData),
  command("EHLO", "nothing", anything, (session, name) => hello(session, name, true)),
  command("HELO", "nothing", anything, (session, name) => hello(session, name, false)),
  command(
    "QUIT",
    "nothing",
    anything,
    (session) => endSession(session, session.config.quit, "quit"),
  ),
  command("AUTH", "nothing", checkAuth, beginExchange, refuseAuth),
  command("STARTTLS", "nothing", checkStarttls, beginTls),
  command("RSET", "nothing", anything, reset),
  command("NOOP", "nothing", anything, answer(REPLIES.noop)),
  command("VRFY", "nothing", anything, answer(REPLIES.vrfy)),
  command("HELP", "nothing", anything, answer(REPLIES.help)),
  command("EXPN", "nothing", anything, answer(REPLIES.unimplemented)),
  command("XCLIENT", "nothing", checkXclient, takeXclient),
];

function hello(session: Session, name: string, extended: boolean): void | Promise<void> {
  return judgeHelo(session, name, () => {
    session.helo = name;
    session.extended = extended;
    session.transaction = null;
    say(session, extended ? extendedHello(session) : session.config.hello);
  });
}

/** EHLO's answer; what depends on the moment stands last. There are few of them, and each is made once. */
function extendedHello(session: Session): Reply {
  const { extendedHello, extendedHellos, extensions } = session.config;
  const auth = authExtension(session);
  const { xclient } = session.deps;
  const tls = offersTls(session);
  if (auth === "" && !tls && xclient === undefined) return extendedHello;
  const more = [tls ? "STARTTLS" : "", auth, xclient === undefined ? "" : XCLIENT_EXTENSION];
  const key = more.join();
  let made = extendedHellos.get(key);
  if (made === undefined) {
    const lines = [...extensions, ...more.filter((line) => line !== "")];
    extendedHellos.set(key, made = multiline(REPLIES.extended_hello, lines));
  }
  return made;
}

function reset(session: Session): void {
  session.transaction = null;
  say(session, REPLIES.reset);
}

/** MAIL as it was understood. */
interface Mail {
  readonly sender: string;
  readonly utf8: boolean;
  readonly sizeBytes: number;
}

function checkMail(session: Session, argument: string): Mail | Reply {
  const { config, login } = session;
  // RFC 6409, section 4.3: submission is for those who say who they are, or whose address does.
  if (session.service === "submission" && config.relayClient === null && login === null) {
    return REPLIES.auth_required;
  }
  const path = parsePath(argument, config.localLiteral);
  if (path === null) return REPLIES.bad_sender_syntax;
  const parameters = parseParameters(path.parameters);
  if (isReply(parameters)) return parameters;
  const sender = session.policy.qualify?.(path.address) ?? path.address;
  const refusal = checkOwner(session, sender);
  const { utf8, size } = parameters;
  return refusal ?? { sender, utf8, sizeBytes: size ?? 0 };
}

/** Does the sender belong to who logged in? */
function checkOwner(session: Session, sender: string): Reply | null {
  const { login, config, deps, peer } = session;
  if (login === null || config.senderLogins === null) return null;
  const verdict = judgeSender(config.senderLogins, login, sender);
  if (verdict === "allowed") return null;
  const { tracer } = deps;
  if (verdict !== "refused") {
    const fields = { sender, reason: verdict.undecided };
    if (tracer.level >= 1) tracer.emit(peer.session, SMTP_EVENTS.senderUndecided, fields);
    return REPLIES.sender_undecided;
  }
  const fields = { sender, login, ip: peer.remoteIp };
  if (tracer.level >= 2) tracer.emit(peer.session, SMTP_EVENTS.senderRefused, fields);
  return softened(session, REPLIES.sender_not_owned);
}

function checkRcpt(session: Session, argument: string): string | Reply {
  const path = parsePath(argument, session.config.localLiteral);
  if (path === null) return REPLIES.bad_recipient_syntax;
  const parameters = parseParameters(path.parameters);
  if (isReply(parameters)) return parameters;
  return session.policy.qualify?.(path.address) ?? path.address;
}

function addRecipient(session: Session, address: string): void | Promise<void> {
  const { transaction } = session;
  if (transaction !== null) return takeRecipient(session, transaction, address);
}

function beginMail(session: Session, { sender, utf8, sizeBytes }: Mail): void | Promise<void> {
  return takeSender(session, startTransaction(session.config.limits, sender, utf8, sizeBytes));
}

function transferData(session: Session): void | Promise<void> {
  const { transaction } = session;
  if (transaction !== null) return judgeData(session, transaction);
}

/** Four letters as one number, upper and lower case alike; no other byte passes for a letter. */
const wordOf = (a: number, b: number, c: number, d: number): number =>
  ((a | 0x20) << 24) | ((b | 0x20) << 16) | ((c | 0x20) << 8) | (d | 0x20);

const SHORT = COMMANDS.filter(({ verb }) => verb.length === 4);
const LONG = COMMANDS.filter(({ verb }) => verb.length !== 4);

const WORDS = Int32Array.from(
  SHORT,
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
 * The command whose verb stands there; null: none of ours. Verbs of four letters are compared as
 * numbers: no text is made for them.
 */
export function findCommand(line: Uint8Array, start: number, end: number): Command | null {
  if (end - start !== 4) return findLong(line, start, end);
  const word = wordOf(line[start]!, line[start + 1]!, line[start + 2]!, line[start + 3]!);
  for (let i = 0; i < WORDS.length; i++) {
    if (WORDS[i] === word) return SHORT[i]!;
  }
  return null;
}

function findLong(line: Uint8Array, start: number, end: number): Command | null {
  return LONG.find(({ verb }) => verb.length === end - start && isVerb(verb, line, start)) ?? null;
}

/** Bytes without their 0x20 bit are compared with upper case; only letters become upper case letters so. */
function isVerb(verb: string, line: Uint8Array, start: number): boolean {
  for (let i = 0; i < verb.length; i++) {
    if ((line[start + i]! & ~0x20) !== verb.charCodeAt(i)) return false;
  }
  return true;
}
