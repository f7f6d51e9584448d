/**
 * AUTH (RFC 5034): the frame that POP3 puts around a SASL exchange. AUTH alone lists the mechanisms, as clients
 * older than CAPA ask for them; "AUTH MECHANISM [RESPONSE]" begins one, "+ CHALLENGE" asks for the next line, "*" ends
 * it. The mechanisms themselves are auth/sasl.ts.
 *
 * PLAIN and LOGIN carry the password in clear and are bound to TLS as USER and PASS are. A line that breaks the
 * exchange counts as an error, a wrong login as a failed login, with the text and the cost of any other.
 */
import {
  beginSasl,
  offered,
  readInitialResponse,
  readSaslLine,
  type SaslContext,
  type SaslExchange,
  type SaslStep,
} from "../auth/mod.ts";
import { toBase64 } from "../auth/bytes.ts";
import { sessionEnv } from "../net/session_env.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import { textArgument } from "./arguments.ts";
import { mayUseClearText, refuseClearText } from "./clear_text.ts";
import type { Pop3Context } from "./context.ts";
import { settleLogin } from "./login.ts";
import { END, REPLIES, VALUE_REPLIES } from "./replies.ts";

/** Longest line of an exchange, CRLF included (RFC 4954, section 4). */
export const SASL_LINE_BYTES = 12288;

const IN_CLEAR: readonly string[] = ["PLAIN", "LOGIN"];

function saslContext(context: Pop3Context): SaslContext {
  const { deps, peer, secure } = context;
  const subject = secure?.clientSubject ?? null;
  return {
    authenticator: deps.auth,
    secrets: deps.secrets ?? null,
    external: subject === null
      ? null
      : deps.externalLogin?.(subject, secure?.clientEmails ?? []) ?? null,
    hostname: deps.config.host,
    env: sessionEnv(peer),
    nonce: () => crypto.randomUUID(),
    now: () => Math.floor(deps.clock() / 1000),
  };
}

/** What this session could log in with as the connection is now, the best first. */
export function mechanisms(context: Pop3Context): readonly string[] {
  const all = offered(saslContext(context));
  return mayUseClearText(context) ? all : all.filter((name) => !IN_CLEAR.includes(name));
}

export function auth(context: Pop3Context, argument: Uint8Array): void | Promise<void> {
  const [name = "", initial, ...rest] = textArgument(argument).trimEnd().split(/ +/);
  if (name === "") return listMechanisms(context);
  if (rest.length > 0) return context.replyError(REPLIES.syntax);
  const mechanism = name.toUpperCase();
  if (IN_CLEAR.includes(mechanism) && !mayUseClearText(context)) {
    return refuseClearText(context, `AUTH ${mechanism}`);
  }
  const exchange = beginSasl(mechanism, saslContext(context));
  if (exchange === null) return context.replyError(REPLIES.mechanismUnknown);
  context.user = null;
  if (initial === undefined) return take(context, mechanism, exchange, exchange.start(null));
  const read = readInitialResponse(initial);
  if (read.kind !== "data") return giveUp(context, mechanism, read);
  return take(context, mechanism, exchange, exchange.start(read.data));
}

function listMechanisms(context: Pop3Context): void {
  context.reply(REPLIES.ok);
  for (const name of mechanisms(context)) context.output.text(`${name}\r\n`);
  context.output.bytes(END);
}

/** The client's line within an exchange, without its line end. */
export function answerChallenge(context: Pop3Context, line: Uint8Array): void | Promise<void> {
  const { mechanism, exchange } = context.sasl!;
  context.sasl = null;
  const read = readSaslLine(String.fromCharCode(...line));
  if (read.kind !== "data") return giveUp(context, mechanism, read);
  return take(context, mechanism, exchange, exchange.receive(read.data));
}

function take(
  context: Pop3Context,
  mechanism: string,
  exchange: SaslExchange,
  step: SaslStep | Promise<SaslStep>,
): void | Promise<void> {
  if (step instanceof Promise) return step.then((s) => take(context, mechanism, exchange, s));
  // The session may have ended while the step was waited for.
  if (context.wants === "close") return;
  switch (step.kind) {
    case "challenge":
      context.sasl = { mechanism, exchange };
      return context.replyText(VALUE_REPLIES.challenge.text(toBase64(step.data)), "+ ...");
    case "malformed":
      return giveUp(context, mechanism, step);
    case "done":
      return settleLogin(context, step.login, mechanism, step.answer);
  }
}

function giveUp(
  context: Pop3Context,
  mechanism: string,
  why: { readonly kind: "cancel" } | { readonly kind: "malformed"; readonly reason: string },
): void {
  const { tracer } = context.deps;
  if (tracer.level >= 2) {
    const reason = why.kind === "cancel" ? "cancelled" : why.reason;
    const fields = { ip: context.peer.remoteIp, mechanism, reason };
    tracer.emit(context.peer.session, POP3_EVENTS.saslBroken, fields);
  }
  context.replyError(why.kind === "cancel" ? REPLIES.saslCancelled : REPLIES.saslMalformed);
}
