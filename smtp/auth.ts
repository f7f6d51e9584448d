/**
 * AUTH (RFC 4954): who may log in here, the command, and the lines of an exchange; the mechanisms themselves are
 * auth/sasl.ts.
 *
 * Offered on the services of `smtp_auth_services`, under TLS unless `smtp_auth` is always. A failed login
 * is answered after a pause, is one trace line with the address, and a session may only have so many; local trouble is
 * no failed login. Who logged in is a relay client to whose recipients nothing is appended. No security layer.
 */
import { randomUUID } from "node:crypto";
import { beginSasl, offered, readInitialResponse, readSaslLine } from "../auth/sasl.ts";
import type { SaslContext, SaslExchange, SaslStep } from "../auth/sasl_types.ts";
import { toBase64 } from "../auth/bytes.ts";
import { sessionEnv } from "../net/session_env.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { challengeOf, REPLIES, type Reply } from "./replies.ts";
import { endByLimit, refuse, say, type Session } from "./state.ts";

/** Longest response of a client, in bytes with CRLF: 12288 of base64 (RFC 4954, section 4). */
export const RESPONSE_LINE_BYTES = 12290;

/** AUTH as it was understood. */
export interface AuthCommand {
  readonly mechanism: string;
  readonly exchange: SaslExchange;
  /** The initial response; null: none. */
  readonly initial: string | null;
}

/** May this client log in at all, TLS aside? */
function isOpen(session: Session): boolean {
  const { auth, authServices } = session.config;
  return session.deps.auth !== undefined && auth !== "off" && authServices.has(session.service);
}

const needsTls = (session: Session): boolean =>
  session.config.auth === "tls" && session.tls === null;

/** What EHLO says of AUTH; "" where it is not offered. */
export function authExtension(session: Session): string {
  if (!isOpen(session) || needsTls(session)) return "";
  const words = offered(contextOf(session));
  return words.length === 0 ? "" : `AUTH ${words.join(" ")}`;
}

function contextOf(session: Session): SaslContext {
  const { auth, externalLogin, nonce, clock } = session.deps;
  if (auth === undefined) throw new Error("There is no authenticator");
  const { clientSubject: subject = null, clientEmails = [] } = session.tls ?? {};
  return {
    authenticator: auth,
    secrets: auth.secrets,
    external: subject === null ? null : externalLogin?.(subject, clientEmails) ?? null,
    hostname: session.config.hostname,
    env: sessionEnv(session.peer),
    nonce: nonce ?? randomUUID,
    now: () => Math.floor(clock() / 1000),
  };
}

/** The guards of AUTH, in the order of RFC 4954, section 4. */
export function checkAuth(session: Session, argument: string): AuthCommand | Reply {
  if (!isOpen(session)) return REPLIES.auth_not_offered;
  if (needsTls(session)) return REPLIES.encryption_required;
  if (session.login !== null) return REPLIES.already_authenticated;
  if (session.transaction !== null) return REPLIES.auth_in_transaction;
  if (!session.extended) return REPLIES.ehlo_first;
  const match = /^([A-Za-z0-9_-]{1,20})(?: +(\S+))? *$/.exec(argument);
  if (match === null) return REPLIES.auth_syntax;
  const mechanism = match[1]!.toUpperCase();
  const exchange = beginSasl(mechanism, contextOf(session));
  if (exchange === null) return REPLIES.unknown_mechanism;
  if (match[2] === undefined) return { mechanism, exchange, initial: null };
  const initial = readInitialResponse(match[2]);
  if (initial.kind !== "data") return REPLIES.auth_malformed;
  return { mechanism, exchange, initial: initial.data };
}

/** AUTH was refused. Where it is not to be had, trying counts as a failed login: nobody may do it for ever. */
export function refuseAuth(session: Session, reply: Reply): void {
  session.expectsSecrets = true;
  refuse(session, reply);
  if (reply === REPLIES.auth_not_offered || reply === REPLIES.encryption_required) {
    countFailure(session);
  }
}

/** Begins an exchange. */
export function beginExchange(session: Session, command: AuthCommand): void | Promise<void> {
  const { mechanism, exchange, initial } = command;
  session.expectsSecrets = true;
  session.exchange = { mechanism, exchange };
  return take(session, mechanism, exchange.start(initial));
}

/** Takes a client's line in an exchange, without its line end. */
export function takeResponse(session: Session, line: string): void | Promise<void> {
  const { exchange: inHand } = session;
  if (inHand === null) return;
  const said = readSaslLine(line);
  switch (said.kind) {
    case "cancel":
      return endExchange(session, REPLIES.auth_cancelled);
    case "malformed":
      return endExchange(session, REPLIES.auth_malformed);
    case "data":
      return take(session, inHand.mechanism, inHand.exchange.receive(said.data));
  }
}

/** Ends an exchange that came to nothing. */
export function endExchange(session: Session, reply: Reply): void {
  session.exchange = null;
  refuse(session, reply);
}

function take(
  session: Session,
  mechanism: string,
  step: SaslStep | Promise<SaslStep>,
): void | Promise<void> {
  if (step instanceof Promise) return step.then((late) => answer(session, mechanism, late));
  return answer(session, mechanism, step);
}

function answer(session: Session, mechanism: string, step: SaslStep): void | Promise<void> {
  if (session.isOver) return;
  if (step.kind === "challenge") return say(session, challengeOf(toBase64(step.data)));
  if (step.kind === "malformed") return endExchange(session, REPLIES.auth_malformed);
  session.exchange = null;
  switch (step.answer.kind) {
    case "ok":
      return succeed(session, mechanism, step.answer.account.login);
    case "refused":
      return fail(session, mechanism, step.login);
    case "undecided":
      return suspend(session, mechanism, step.login, step.answer.reason);
  }
}

function succeed(session: Session, mechanism: string, login: string): void {
  const { tracer } = session.deps;
  session.login = login;
  session.expectsSecrets = false;
  if (tracer.level >= 1) {
    const fields = { login, ip: session.peer.remoteIp, mechanism };
    tracer.emit(session.peer.session, SMTP_EVENTS.login, fields);
  }
  say(session, REPLIES.authenticated);
}

function fail(session: Session, mechanism: string, login: string): void | Promise<void> {
  const { tracer, pause } = session.deps;
  const { authDelaySeconds } = session.config;
  if (tracer.level >= 1) {
    const reason = "wrong login or password";
    const fields = { login, ip: session.peer.remoteIp, mechanism, reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.loginFailed, fields);
  }
  if (pause === undefined || authDelaySeconds === 0) return sayFailure(session);
  return pause(authDelaySeconds).then(() => sayFailure(session));
}

function sayFailure(session: Session): void {
  say(session, REPLIES.auth_refused);
  countFailure(session);
}

function countFailure(session: Session): void {
  if (++session.authFailures > session.config.maxAuthFailures) {
    endByLimit(session, REPLIES.auth_limit);
  }
}

function suspend(session: Session, mechanism: string, login: string, reason: string): void {
  const { tracer } = session.deps;
  if (tracer.level >= 1) {
    const fields = { login, ip: session.peer.remoteIp, mechanism, reason };
    tracer.emit(session.peer.session, SMTP_EVENTS.loginUndecided, fields);
  }
  say(session, REPLIES.auth_undecided);
}
