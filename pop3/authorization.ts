/**
 * The commands of the AUTHORIZATION state that name a user (RFC 1939, sections 4 and 7; qmail-popup): USER and PASS,
 * APOP, and UTF8. AUTH is sasl.ts, STLS is stls.ts, what follows the proof is login.ts.
 *
 * DIFFERS: everything behind "PASS " is the password, blanks included (RFC 1939 allows it); qmail-popup drops
 * blanks at the beginning.
 * DIFFERS: UTF8 (RFC 6856) changes nothing: a message is sent as it is stored, with UTF8 and without. To refuse mail with
 * UTF-8 in its header to clients that did not ask for it would keep it from everybody who reads it today.
 */
import { checkApop } from "../auth/mod.ts";
import { sessionEnv } from "../net/session_env.ts";
import { isEmpty, textArgument } from "./arguments.ts";
import { mayUseClearText, refuseClearText } from "./clear_text.ts";
import type { CheckResponse, Pop3Context, Pop3Deps } from "./context.ts";
import { settleLogin } from "./login.ts";
import { REPLIES } from "./replies.ts";

export function user(context: Pop3Context, argument: Uint8Array): void {
  if (!mayUseClearText(context)) return refuseClearText(context, "USER");
  const login = textArgument(argument);
  if (login === "") return context.replyError(REPLIES.syntax);
  context.user = login;
  context.reply(REPLIES.userOk);
}

export function pass(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  if (!mayUseClearText(context)) return refuseClearText(context, "PASS");
  if (context.user === null) return context.replyError(REPLIES.userFirst);
  if (argument.length === 0) return context.replyError(REPLIES.syntax);
  return checkPassword(context, context.user, String.fromCharCode(...argument));
}

function checkPassword(
  context: Pop3Context,
  login: string,
  password: string,
): void | Promise<void> {
  const { auth, config } = context.deps;
  const { peer } = context;
  // A login that may come too soon opens nothing before that is known.
  const opensFor = config.loginDelaySeconds > 0 ? undefined : peer.session;
  const env = auth.wantsEnv === false ? undefined : sessionEnv(peer);
  const answer = auth.checkPassword(login, password, env, opensFor);
  return answer instanceof Promise
    ? answer.then((a) => settleLogin(context, login, "USER", a))
    : settleLogin(context, login, "USER", answer);
}

/** Who judges APOP; null: nobody can, and it is not offered. */
export function apopJudge({ config, secrets, checkResponse }: Pop3Deps): CheckResponse | null {
  if (!config.apop) return null;
  if (checkResponse !== undefined) return checkResponse;
  if (secrets === null || secrets === undefined || !secrets.forms().clear) return null;
  return (login, digest, stamp) => checkApop(secrets, login, digest, stamp);
}

/** "APOP LOGIN DIGEST"; what stands behind the first blank is the digest, as in qmail-popup. */
export function apop(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  const judge = context.offersApop ? apopJudge(context.deps) : null;
  if (judge === null) return context.replyError(REPLIES.unknown);
  const text = textArgument(argument);
  const blank = text.indexOf(" ");
  if (blank < 0) return context.replyError(REPLIES.syntax);
  return checkDigest(context, judge, text.slice(0, blank), text.slice(blank + 1));
}

async function checkDigest(
  context: Pop3Context,
  judge: CheckResponse,
  login: string,
  digest: string,
): Promise<void> {
  const answer = await judge(login, digest, context.timestamp, sessionEnv(context.peer));
  return await settleLogin(context, login, "APOP", answer);
}

export function utf8(context: Pop3Context, argument: Uint8Array): void {
  if (!isEmpty(argument)) return context.replyError(REPLIES.syntax);
  context.reply(REPLIES.utf8On);
}
