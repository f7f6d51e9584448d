/**
 * Question 2: check this login. A right password gives a token: random, good for one maildrop within a minute.
 *
 * The token is all that a front needs to open a maildrop, and the only thing that opens one. Of the session's environment
 * only the names that tcpserver sets reach a checkpassword program: it runs as root here.
 */
import type { Account, Authenticator, SessionEnv } from "../auth/types.ts";
import type { Operations } from "./operations.ts";
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

export function loginOperations(auth: () => Authenticator, tokens: Tokens): Operations {
  return {
    async login(values) {
      const login = values.text("login");
      const password = values.text("password");
      const answer = await auth().checkPassword(login, password, harmlessEnv(values.texts("env")));
      if (answer.kind !== "ok") return { header: { ...answer } };
      return { header: { ...answer, token: tokens.give(answer.account) } };
    },
  };
}
