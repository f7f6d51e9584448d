/**
 * What follows the proof, however it was given (USER and PASS, APOP, AUTH): a right login opens its maildrop, a wrong
 * one waits and is counted, one that could not be judged is told to come again (RFC 1939, section 4; RFC 3206).
 *
 * An unknown login and a wrong password get the same reply after the same wait; that they cost the same is the
 * Authenticator's work.
 * DIFFERS: the session goes on after a failed login until `pop3_max_auth_failures`; qmail-popup ends at the first.
 */
import type { Account, AuthAnswer } from "../auth/types.ts";
import { lowerAscii } from "../auth/bytes.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import type { Pop3Context } from "./context.ts";
import { type Maildrop, MaildropError } from "./maildrop.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { tlsText } from "./stls.ts";

/** Acts on the judgement about `login`; `means` is the command or mechanism, for the trace. */
export function settleLogin(
  context: Pop3Context,
  login: string,
  means: string,
  answer: AuthAnswer,
): void | Promise<void> {
  if (context.wants === "close") {
    return answer.kind === "ok" ? letGo(context, answer.account) : undefined;
  }
  switch (answer.kind) {
    case "ok":
      return admit(context, answer.account, means);
    case "refused":
      return fail(context, login, means);
    case "undecided":
      context.user = null;
      traceTrouble(context, POP3_EVENTS.loginUndecided, login, answer.reason, means);
      return context.reply(REPLIES.authUndecided);
  }
}

/** The session ended while its login was judged: a maildrop that may have been opened with it, and be locked, is closed. */
async function letGo({ deps, peer }: Pop3Context, account: Account): Promise<void> {
  try {
    const maildrop = await deps.openMaildrop(account, peer.session);
    maildrop.close?.();
  } catch (error) {
    // Nothing is open then.
    if (!(error instanceof MaildropError)) throw error;
  }
}

async function fail(context: Pop3Context, login: string, means: string): Promise<void> {
  const { config, pause } = context.deps;
  context.user = null;
  context.authFailures++;
  traceTrouble(context, POP3_EVENTS.loginFailed, login, "wrong login or password", means);
  if (config.authDelaySeconds > 0) await pause?.(config.authDelaySeconds);
  if (context.wants === "close") return;
  context.reply(REPLIES.authFailed);
  if (context.authFailures >= config.maxAuthFailures) context.close("too many failed logins");
}

function traceTrouble(
  context: Pop3Context,
  event: typeof POP3_EVENTS.loginFailed,
  login: string,
  reason: string,
  auth: string,
): void {
  const { tracer } = context.deps;
  if (tracer.level < 2) return;
  const fields = { login, ip: context.peer.remoteIp, reason, auth };
  tracer.emit(context.peer.session, event, fields);
}

/** Lets a proven login in, unless it comes too soon after the last one of the same user. */
function admit(context: Pop3Context, account: Account, means: string): void | Promise<void> {
  const { config: { loginDelaySeconds: seconds }, loginTimes, clock, tracer } = context.deps;
  const isTooSoon = seconds > 0 &&
    loginTimes?.isTooSoon(lowerAscii(account.login), seconds, clock()) === true;
  if (!isTooSoon) return enterTransaction(context, account, means);
  context.user = null;
  if (tracer.level >= 2) {
    const fields = { login: account.login, ip: context.peer.remoteIp, seconds };
    tracer.emit(context.peer.session, POP3_EVENTS.loginTooSoon, fields);
  }
  context.replyError(REPLIES.loginTooSoon);
}

/** Opens the maildrop of a proven login; a maildrop that can't be opened ends the session. */
export function enterTransaction(
  context: Pop3Context,
  account: Account,
  means: string,
): void | Promise<void> {
  const { tracer, openMaildrop } = context.deps;
  const { session, remoteIp } = context.peer;
  context.login = account.login;
  if (tracer.level >= 2) {
    const fields = {
      login: account.login,
      ip: remoteIp,
      auth: means,
      tls: tlsText(context.secure),
    };
    tracer.emit(session, POP3_EVENTS.login, fields);
  }
  try {
    const maildrop = openMaildrop(account, session);
    if (!(maildrop instanceof Promise)) return begin(context, maildrop);
    return maildrop.then((m) => begin(context, m), (e) => refuse(context, e));
  } catch (error) {
    refuse(context, error);
  }
}

function begin(context: Pop3Context, maildrop: Maildrop): void {
  // The session may have ended while its maildrop was opened.
  if (context.wants === "close") return maildrop.close?.();
  const { config: { loginDelaySeconds: seconds }, loginTimes, clock } = context.deps;
  if (seconds > 0) loginTimes?.note(lowerAscii(context.login), seconds, clock());
  context.drop = { maildrop, deleted: new Set(), deletedOctets: 0, last: 0 };
  context.state = "transaction";
  context.reply(REPLIES.loggedIn);
}

function refuse(context: Pop3Context, error: unknown): void {
  const { tracer } = context.deps;
  const reason = error instanceof Error ? error.message : String(error);
  if (tracer.level >= 2) {
    const fields = { login: context.login, ip: context.peer.remoteIp, reason };
    tracer.emit(context.peer.session, POP3_EVENTS.maildropFailed, fields);
  }
  if (context.wants === "close") return;
  context.reply(replyFor(error));
  context.close("maildrop could not be opened");
}

function replyFor(error: unknown): Reply {
  const kind = error instanceof MaildropError ? error.kind : "temporary";
  if (kind === "permanent") return REPLIES.maildropPermanent;
  return kind === "in_use" ? REPLIES.maildropInUse : REPLIES.maildropTemporary;
}
