/**
 * Question 2: check this login. A right password gives a token: random, good for one maildrop within a minute.
 *
 * The token is all that a front needs to open a maildrop, and the only thing that opens one. Of the session's environment
 * only the names that tcpserver sets reach a checkpassword program: it runs as root here.
 */
import { type AuthService, beginSasl, checkApop, randomNonce } from "../auth/mod.ts";
import type { SaslExchange, SaslStep } from "../auth/mod.ts";
import type { Account, AuthAnswer, SessionEnv } from "../auth/types.ts";
import type { Answer, Operations } from "./operations.ts";
import { MAX_TOKENS, TOKEN_SECONDS, Trouble } from "./protocol.ts";

/** Tokens that were given and not used yet. */
export interface Tokens {
  readonly size: number;
  give(account: Account): string;
  /** The account of a token, once. @throws {Trouble} when it was never given, is used up or too old. */
  take(token: string): Account;
}

/** `now` in milliseconds, never going back. */
export function makeTokens(
  now: () => number,
  limit = MAX_TOKENS,
  seconds = TOKEN_SECONDS,
): Tokens {
  // In the order in which they were given, so the oldest are first.
  const given = new Map<string, { readonly account: Account; readonly until: number }>();
  const forgetOld = () => {
    for (const [token, { until }] of given) {
      if (until > now() && given.size < limit) return;
      given.delete(token);
    }
  };
  return {
    get size() {
      return given.size;
    },
    give(account) {
      forgetOld();
      const token = crypto.getRandomValues(new Uint8Array(32)).toHex();
      given.set(token, { account, until: now() + seconds * 1000 });
      return token;
    },
    take(token) {
      const found = given.get(token);
      given.delete(token);
      if (found === undefined || found.until <= now()) {
        throw new Trouble("temporary", "The keeper knows no such login, or no longer");
      }
      return found.account;
    },
  };
}

const FROM_TCPSERVER = /^(PROTO|TCP6?(LOCAL|REMOTE)(IP|PORT|HOST|INFO))$/;
const HARMLESS = /^[\x20-\x7e]{0,255}$/;

/** What of a session's environment a program that runs as root may see. */
export function harmlessEnv(env: SessionEnv): SessionEnv {
  const entries = Object.entries(env).filter(([name, value]) =>
    FROM_TCPSERVER.test(name) && HARMLESS.test(value) && !value.startsWith("(")
  );
  return Object.fromEntries(entries);
}

/** Opens the maildrop of a proven account. Throws, or rejects with, Trouble. */
export type OpenFor = (account: Account, session: number) => Answer | Promise<Answer>;

/** A right login and its maildrop, or why that can't be opened. */
function answerOpened(
  answer: Extract<AuthAnswer, { kind: "ok" }>,
  session: number,
  openFor: OpenFor,
): Answer | Promise<Answer> {
  const withDrop = ({ header }: Answer): Answer => ({ header: { ...answer, opened: header } });
  const without = (error: unknown): Answer => {
    if (!(error instanceof Trouble)) throw error;
    return { header: { ...answer, opened: { trouble: error.kind, reason: error.message } } };
  };
  try {
    const opened = openFor(answer.account, session);
    return opened instanceof Promise ? opened.then(withDrop, without) : withDrop(opened);
  } catch (error) {
    return without(error);
  }
}

/** An answer for the front: what it may know of it. */
function answerWith(answer: AuthAnswer, tokens: Tokens): Answer {
  if (answer.kind !== "ok") return { header: { ...answer } };
  return { header: { ...answer, token: tokens.give(answer.account) } };
}

const cannot = (what: string): Trouble =>
  new Trouble("temporary", `There are no logins by ${what}`);

export function loginOperations(
  auth: () => AuthService,
  tokens: Tokens,
  openFor: OpenFor,
): Operations {
  return {
    login(values) {
      const env = harmlessEnv(values.texts("env"));
      const login = values.text("login");
      const opensFor = values.numberOrNone("opensFor");
      const settle = (answer: AuthAnswer): Answer | Promise<Answer> =>
        answer.kind !== "ok" || opensFor === 0
          ? answerWith(answer, tokens)
          : answerOpened(answer, opensFor, openFor);
      const answer = auth().checkPassword(login, values.text("password"), env);
      return answer instanceof Promise ? answer.then(settle) : settle(answer);
    },
    async "login.response"(values) {
      const { checkResponse } = auth();
      if (checkResponse === undefined) throw cannot("a response to a challenge");
      const [login, response] = [values.text("login"), values.text("response")];
      const env = harmlessEnv(values.texts("env"));
      return answerWith(await checkResponse(login, response, values.text("stamp"), env), tokens);
    },
    async "login.apop"(values) {
      const { secrets } = auth();
      if (secrets === null) throw cannot("APOP");
      const [login, digest] = [values.text("login"), values.text("digest")];
      return answerWith(await checkApop(secrets, login, digest, values.text("stamp")), tokens);
    },
    // For a login that a certificate proved to the front: yes or no, and nothing that opens a maildrop.
    async "login.known"(values) {
      const { secrets } = auth();
      if (secrets === null) throw cannot("certificate");
      if (secrets.isThere?.() === false) return { header: { known: true } };
      const found = await secrets.secretOf(values.text("login"));
      if (found.kind === "undecided") throw new Trouble("temporary", found.reason);
      return { header: { known: found.kind === "secret" } };
    },
    "login.forms": () => ({ header: auth().secrets?.forms() ?? { clear: false, scram: false } }),
  };
}

/** Exchanges that wait for their client no longer than this. */
const EXCHANGE_SECONDS = 600;

interface OpenExchange {
  readonly exchange: SaslExchange;
  readonly until: number;
}

/**
 * The challenge-response mechanisms: the secret stays here, the front carries challenges and responses. `limit`: exchanges
 * in hand; the oldest goes for one more.
 */
export function saslOperations(
  auth: () => AuthService,
  tokens: Tokens,
  now: () => number,
  limit: () => number,
): Operations {
  const exchanges = new Map<number, OpenExchange>();
  let last = 0;

  function keep(exchange: SaslExchange): number {
    for (const [number, { until }] of exchanges) {
      if (until > now() && exchanges.size < limit()) break;
      exchanges.delete(number);
    }
    exchanges.set(++last, { exchange, until: now() + EXCHANGE_SECONDS * 1000 });
    return last;
  }

  function answerOf(number: number, step: SaslStep): Answer {
    if (step.kind === "challenge") {
      return { header: { step: step.kind, data: step.data, exchange: number } };
    }
    exchanges.delete(number);
    if (step.kind === "malformed") return { header: { step: step.kind, reason: step.reason } };
    const { header } = answerWith(step.answer, tokens);
    return { header: { ...header, step: "done", login: step.login } };
  }

  return {
    async "sasl.begin"(values) {
      const { secrets, checkPassword } = auth();
      const mechanism = values.text("mechanism");
      if (mechanism !== "CRAM-MD5" && mechanism !== "SCRAM-SHA-256") throw cannot(mechanism);
      const exchange = beginSasl(mechanism, {
        authenticator: { checkPassword },
        secrets,
        external: null,
        hostname: values.text("hostname"),
        nonce: randomNonce,
        now: () => Math.floor(Date.now() / 1000),
      });
      if (exchange === null) throw cannot(mechanism);
      const number = keep(exchange);
      const initial = values.flag("hasInitial") ? values.text("initial") : null;
      return answerOf(number, await exchange.start(initial));
    },
    async "sasl.next"(values) {
      const number = values.number("exchange");
      const open = exchanges.get(number);
      if (open === undefined) throw new Trouble("temporary", "The keeper has no such exchange");
      return answerOf(number, await open.exchange.receive(values.text("data")));
    },
  };
}
