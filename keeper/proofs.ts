/**
 * The proofs of accounts, from the login until its maildrop is opened. What nobody takes within the time that a token is good for
 * is forgotten, and a maildrop that was opened with the login is closed then.
 *
 * No weak references: each keeps what it names alive through many collections, which for one in every session costs more
 * than all else here. And no Map, as net/held.ts says.
 */
import type { Account } from "../auth/types.ts";
import type { Asking } from "./connection.ts";
import type { Header } from "./frames.ts";
import { TOKEN_SECONDS } from "./protocol.ts";

/** What a proven account's maildrop is had by: a token, or what came of opening it with the same question. */
export type Proof = { readonly token: string } | { readonly opened: Header };

interface Kept {
  readonly account: Account;
  readonly proof: Proof;
  readonly until: number;
}

export class Proofs {
  readonly #keeper: Pick<Asking, "tell">;
  readonly #now: () => number;
  /** In the order of their logins, the oldest first. */
  readonly #kept: Kept[] = [];

  /** `now` in milliseconds, never going back. */
  constructor(keeper: Pick<Asking, "tell">, now: () => number = () => performance.now()) {
    this.#keeper = keeper;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.length;
  }

  add(account: Account, proof: Proof): void {
    const now = this.#now();
    this.#forgetUntil(now);
    this.#kept.push({ account, proof, until: now + TOKEN_SECONDS * 1000 });
  }

  get(account: Account): Proof | undefined {
    return this.#kept[this.#find(account)]?.proof;
  }

  /** Once: whoever takes it closes what is open. */
  take(account: Account): Proof | undefined {
    const at = this.#find(account);
    return at < 0 ? undefined : this.#kept.splice(at, 1)[0]?.proof;
  }

  /** It was added a moment ago: no more than the logins of that moment are behind it. */
  #find(account: Account): number {
    return this.#kept.findLastIndex((kept) => kept.account === account);
  }

  #forgetUntil(now: number): void {
    const some = this.#kept.findIndex(({ until }) => until > now);
    const old = this.#kept.splice(0, some < 0 ? this.#kept.length : some);
    for (const { proof } of old) this.#close(proof);
  }

  #close(proof: Proof): void {
    const drop = "opened" in proof ? proof.opened["drop"] : undefined;
    if (drop !== undefined) this.#keeper.tell("drop.close", { drop });
  }
}
