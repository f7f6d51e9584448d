/** What an operation of the keeper is: a question's values and payload in, an answer out. */
import type { SiteLookup } from "../validate/types.ts";
import type { AuthService } from "../auth/mod.ts";
import type { Account } from "../auth/types.ts";
import type { Maildrop } from "../pop3/maildrop.ts";
import type { MaildirQueue } from "../queue/mod.ts";
import type { Header } from "./frames.ts";
import { Trouble, type Values } from "./protocol.ts";

export interface Answer {
  readonly header: Header;
  readonly payload?: Uint8Array;
}

/** May throw, or reject with, Trouble (an answer) or ProtocolError (the end). */
export type Operation = (
  values: Values,
  payload: Uint8Array<ArrayBuffer>,
) => Answer | Promise<Answer>;

export type Operations = Readonly<Record<string, Operation>>;

/** What the keeper works with, made anew at a reload. */
export interface KeeperServices {
  readonly lookup: SiteLookup;
  readonly auth: AuthService;
  readonly queue: MaildirQueue;
  /** Opens the maildrop of an account as its owner. Throws, or rejects with, a MaildropError. */
  openMaildrop(account: Account, session: number): Maildrop | Promise<Maildrop>;
  /** Maildrops, and messages of them, open at one time. */
  readonly maxDrops: number;
  /** Deliveries in hand. */
  readonly maxMails: number;
}

/** Things that the front holds by number: at most so many at a time. */
export interface Handles<T> {
  readonly size: number;
  add(thing: T): number;
  /** @throws {Trouble} when there is none of this number. */
  get(number: number): T;
  has(number: number): boolean;
  remove(number: number): T | undefined;
  values(): Iterable<T>;
}

/** @param what such as "maildrop", for sentences. */
export function makeHandles<T>(what: string, limit: () => number): Handles<T> {
  const things = new Map<number, T>();
  let last = 0;
  return {
    get size() {
      return things.size;
    },
    add(thing) {
      if (things.size >= limit()) {
        throw new Trouble("temporary", `The keeper holds ${things.size} of ${what} already`);
      }
      things.set(++last, thing);
      return last;
    },
    get(number) {
      const thing = things.get(number);
      if (thing === undefined) throw new Trouble("temporary", `The keeper has no such ${what}`);
      return thing;
    },
    has: (number) => things.has(number),
    remove(number) {
      const thing = things.get(number);
      things.delete(number);
      return thing;
    },
    values: () => things.values(),
  };
}
