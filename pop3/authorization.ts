/**
 * The AUTHORIZATION state (RFC 1939, section 4; qmail-popup): USER and PASS, and how a proven login opens its
 * maildrop. APOP, AUTH and STLS belong here.
 *
 * An unknown login and a wrong password get the same reply; that they cost the same is the Authenticator's work.
 * DIFFERS: the session goes on after a failed login until `pop3_max_auth_failures`; qmail-popup ends at the first.
 * DIFFERS: everything behind "PASS " is the password, blanks included (RFC 1939 allows it); qmail-popup drops
 * blanks at the beginning.
 */
import type { Account } from "../auth/types.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import { textArgument } from "./arguments.ts";
import type { Pop3Context } from "./context.ts";
import { type Maildrop, MaildropError } from "./maildrop.ts";
import { REPLIES } from "./replies.ts";

export function user(context: Pop3Context, argument: Uint8Array): void {
  const login = textArgument(argument);
  if (login === "") return context.replyError(REPLIES.syntax);
  context.user = login;
  context.reply(REPLIES.userOk);
}

export function pass(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  if (context.user === null) return context.replyError(REPLIES.userFirst);
  if (argument.length === 0) return context.replyError(REPLIES.syntax);
  return checkPassword(context, context.user, String.fromCharCode(...argument));
}

async function checkPassword(
  context: Pop3Context,
  login: string,
  password: string,
): Promise<void> {
  const answer = await context.deps.auth.checkPassword(login, password);
  switch (answer.kind) {
    case "ok":
      return enterTransaction(context, answer.account);
    case "refused":
      context.user = null;
      traceFailure(context, POP3_EVENTS.loginFailed, login, "wrong login or password");
      context.reply(REPLIES.authFailed);
      if (++context.authFailures >= context.deps.config.maxAuthFailures) {
        context.close("too many failed logins");
      }
      return;
    case "undecided":
      context.user = null;
      traceFailure(context, POP3_EVENTS.loginUndecided, login, answer.reason);
      return context.reply(REPLIES.authUndecided);
  }
}

function traceFailure(
  context: Pop3Context,
  event: typeof POP3_EVENTS.loginFailed,
  login: string,
  reason: string,
): void {
  const { tracer } = context.deps;
  if (tracer.level < 2) return;
  const fields = { login, ip: context.peer.remoteIp, reason };
  tracer.emit(context.peer.session, event, fields);
}

/** Opens the maildrop of a proven login; a maildrop that can't be opened ends the session. */
export function enterTransaction(context: Pop3Context, account: Account): void | Promise<void> {
  const { tracer, openMaildrop } = context.deps;
  const { session, remoteIp } = context.peer;
  context.login = account.login;
  if (tracer.level >= 2) {
    tracer.emit(session, POP3_EVENTS.login, { login: account.login, ip: remoteIp });
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
  const isLasting = error instanceof MaildropError && error.kind === "permanent";
  context.reply(isLasting ? REPLIES.maildropPermanent : REPLIES.maildropTemporary);
  context.close("maildrop could not be opened");
}
