/** What an operation of the keeper is: a question's values and payload in, an answer out. */
import { Held } from "../net/held.ts";
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

/** Places in a number: more than a service has sessions. */
const PLACES = 2 ** 24;
/** How often a place is given back until its numbers begin again. */
const TURNS = 2 ** 28;

/** @param what such as "maildrop", for sentences. */
export function makeHandles<T>(what: string, limit: () => number): Handles<T> {
  const held = new Held<T>();
  /** How often each place was given back: the number of what was there before is nobody's. */
  const turns: number[] = [];
  const placeOf = (number: number) => (number - 1) % PLACES;
  const at = (number: number): T | undefined => {
    const place = placeOf(number);
    return turns[place] === Math.floor((number - 1) / PLACES) ? held.get(place) : undefined;
  };
  return {
    get size() {
      return held.size;
    },
    add(thing) {
      if (held.size >= limit()) {
        throw new Trouble("temporary", `The keeper holds ${held.size} of ${what} already`);
      }
      const place = held.add(thing);
      const turn = turns[place] ??= 0;
      return turn * PLACES + place + 1;
    },
    get(number) {
      const thing = at(number);
      if (thing === undefined) throw new Trouble("temporary", `The keeper has no such ${what}`);
      return thing;
    },
    has: (number) => at(number) !== undefined,
    remove(number) {
      const thing = at(number);
      if (thing === undefined) return undefined;
      const place = placeOf(number);
      held.remove(place);
      turns[place] = (turns[place]! + 1) % TURNS;
      return thing;
    },
    values: () => held.values(),
  };
}
