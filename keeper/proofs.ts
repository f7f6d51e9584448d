/**
 * The proofs of accounts, from the login until its maildrop is opened. What nobody takes within the time that a token is good for
 * is forgotten, and a maildrop that was opened with the login is closed then.
 *
 * No weak references: each keeps what it names alive through many collections, which for one in every session costs more
 * than all else here.
 */
import type { Account } from "../auth/types.ts";
import type { Asking } from "./connection.ts";
import type { Header } from "./frames.ts";
import { TOKEN_SECONDS } from "./protocol.ts";

/** What a proven account's maildrop is had by: a token, or what came of opening it with the same question. */
export type Proof = { readonly token: string } | { readonly opened: Header };

interface Kept {
  readonly proof: Proof;
  readonly until: number;
}

export class Proofs {
  readonly #keeper: Pick<Asking, "tell">;
  readonly #now: () => number;
  /** In the order of their logins, the oldest first. */
  readonly #kept = new Map<Account, Kept>();

  /** `now` in milliseconds, never going back. */
  constructor(keeper: Pick<Asking, "tell">, now: () => number = () => performance.now()) {
    this.#keeper = keeper;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  add(account: Account, proof: Proof): void {
    const now = this.#now();
    for (const [old, { proof: untaken, until }] of this.#kept) {
      if (until > now) break;
      this.#kept.delete(old);
      this.#close(untaken);
    }
    this.#kept.set(account, { proof, until: now + TOKEN_SECONDS * 1000 });
  }

  get(account: Account): Proof | undefined {
    return this.#kept.get(account)?.proof;
  }

  /** Once: whoever takes it closes what is open. */
  take(account: Account): Proof | undefined {
    const proof = this.get(account);
    this.#kept.delete(account);
    return proof;
  }

  #close(proof: Proof): void {
    const drop = "opened" in proof ? proof.opened["drop"] : undefined;
    if (drop !== undefined) this.#keeper.tell("drop.close", { drop });
  }
}
