/** Logins that the keeper checks; a right one gives a token, which its maildrop is opened with. */
import type { Account, AuthAnswer, Authenticator } from "../auth/types.ts";
import type { Asking } from "./connection.ts";
import { Trouble } from "./protocol.ts";

/** The tokens of proven accounts, until their maildrops are opened. */
export type AccountTokens = WeakMap<Account, string>;

/** Longer logins and passwords are nobody's. */
const MAX_LOGIN_CHARS = 4096;

/** Logins checked by the keeper. */
export function openKeeperAuth(keeper: Asking, tokens: AccountTokens): Authenticator {
  return {
    async checkPassword(login, password, env = {}): Promise<AuthAnswer> {
      if (login.length > MAX_LOGIN_CHARS || password.length > MAX_LOGIN_CHARS) {
        return { kind: "refused" };
      }
      try {
        const reply = await keeper.ask("login", "login", { login, password, env });
        const kind = reply.text("kind");
        if (kind === "refused") return { kind };
        if (kind !== "ok") return { kind: "undecided", reason: reply.text("reason") };
        const account = reply.header["account"] as Account;
        tokens.set(account, reply.text("token"));
        return { kind, account };
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        return { kind: "undecided", reason: error.message };
      }
    },
  };
}
