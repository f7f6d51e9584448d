/**
 * Who guesses recipients: invalid ones per network and sender domain over time, across sessions,
 * and what follows - a ban, or answers that tell nothing.
 *
 * A list tried out has a valid address here and there, so it is the share of invalid ones that
 * counts, and a few mistypes of a large provider never reach it. The sender's domain is part of the
 * key: one customer of a shared smarthost who guesses is stopped with his domain long before the
 * smarthost's network has a bad share of its own.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import { isSpanRow, SlidingWindow, type SpanRow } from "./windows.ts";
import { domainOf } from "./addresses.ts";
import type { Check, ClientFacts } from "./types.ts";

/** When guessing is guessing. */
export interface GuessTerms {
  readonly windowSeconds: number;
  /** Invalid recipients within the window that are borne; 0: any number. */
  readonly maxInvalid: number;
  /** Share of invalid among all recipients, in percent, from which on it is no accident. */
  readonly minPercent: number;
  /** Networks and domains kept at most. */
  readonly maxKeys: number;
}

/**
 * sender: this sender domain of this network guesses; network: the network as a whole does. both
 * false: neither, or not yet.
 */
export interface GuessFinding {
  readonly sender: boolean;
  readonly network: boolean;
}

/** Recipients by network, and by network and sender domain. */
export class Guesses {
  #terms: GuessTerms;
  #invalid: SlidingWindow;
  #valid: SlidingWindow;

  constructor(terms: GuessTerms) {
    this.#terms = terms;
    this.#invalid = new SlidingWindow(terms.windowSeconds, terms.maxKeys);
    this.#valid = new SlidingWindow(terms.windowSeconds, terms.maxKeys);
  }

  /** Goes by other terms from now on; another length of window begins to count anew. */
  use(terms: GuessTerms): void {
    const { windowSeconds } = this.#terms;
    this.#terms = terms;
    if (terms.windowSeconds === windowSeconds) return;
    this.#invalid = new SlidingWindow(terms.windowSeconds, terms.maxKeys);
    this.#valid = new SlidingWindow(terms.windowSeconds, terms.maxKeys);
  }

  /** Networks and domains kept now. */
  get size(): number {
    return this.#invalid.size + this.#valid.size;
  }

  /**
   * Counts a recipient, and says what is known of the client now. Relay clients and forwarders are
   * not counted.
   */
  note(client: ClientFacts, sender: string, isValid: boolean, nowMs: number): GuessFinding {
    if (isNeverBanned(client)) return { sender: false, network: false };
    const domain = domainOf(sender);
    this.add(client.network, domain, isValid, nowMs);
    return this.find(client.network, domain, nowMs);
  }

  /** What is known without counting. */
  look(client: ClientFacts, sender: string, nowMs: number): GuessFinding {
    if (isNeverBanned(client)) return { sender: false, network: false };
    return this.find(client.network, domainOf(sender), nowMs);
  }

  /** Counts recipients of a network and of a sender domain of it, whoever the client is. */
  add(network: string, domain: string, isValid: boolean, nowMs: number, by = 1): void {
    const counts = isValid ? this.#valid : this.#invalid;
    counts.add(network, nowMs, by);
    counts.add(pairKey(network, domain), nowMs, by);
  }

  /** What is known of them. */
  find(network: string, domain: string, nowMs: number): GuessFinding {
    return {
      sender: this.#isGuessing(pairKey(network, domain), nowMs),
      network: this.#isGuessing(network, nowMs),
    };
  }

  /** How many invalid recipients of a network there were within the window. */
  invalidOf(network: string, nowMs: number): number {
    return this.#invalid.count(network, nowMs);
  }

  /** All that is kept, at most `most` keys of each kind. */
  *rows(nowMs: number, most = Infinity): Generator<GuessRow> {
    for (const row of this.#invalid.rows(nowMs, most)) yield ["invalid", row];
    for (const row of this.#valid.rows(nowMs, most)) yield ["valid", row];
  }

  /** Takes one back. */
  take([kind, row]: GuessRow): void {
    (kind === "valid" ? this.#valid : this.#invalid).take(row);
  }

  #isGuessing(key: string, nowMs: number): boolean {
    const { maxInvalid, minPercent } = this.#terms;
    if (maxInvalid === 0) return false;
    const invalid = this.#invalid.count(key, nowMs);
    if (invalid <= maxInvalid) return false;
    const all = invalid + this.#valid.count(key, nowMs);
    return invalid * 100 >= minPercent * all;
  }
}

/** So much of a domain tells it from others of its network: a client chooses it, and very many are kept. */
const DOMAIN_CHARS = 100;

const pairKey = (network: string, domain: string): string =>
  `${network} ${domain.slice(0, DOMAIN_CHARS)}`;

/** What is kept of a key. */
export type GuessRow = readonly [kind: "valid" | "invalid", row: SpanRow];

/** A line of the file; null when it is none. */
export function readGuessRow(line: string): GuessRow | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [kind, row]: unknown[] = value;
  if ((kind !== "valid" && kind !== "invalid") || !isSpanRow(row)) return null;
  return [kind, row];
}

/**
 * Whom nothing here is ever held against; also a client on standard input whose address nobody
 * told.
 */
export function isNeverBanned(client: ClientFacts): boolean {
  const hasNetwork = client.network.includes("/");
  return !hasNetwork || client.isForwarder || client.isLoopback || client.isRelayClient ||
    client.login !== null;
}

/**
 * While a client guesses, valid and invalid recipients get one answer, 451, before anybody looks
 * them up: a dictionary run learns nothing, not even from the time it takes, and real mail comes
 * again.
 */
export function harvest(): Check<"rcpt"> {
  return {
    name: "harvest",
    stage: "rcpt",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    judge({ isHarvesting, client }) {
      if (!isHarvesting) return NONE;
      const reason = `${client.network} guesses recipients; all get the same answer for a while`;
      return against(POLICY_REPLIES.harvest, "harvest", reason);
    },
  };
}
