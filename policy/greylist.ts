/**
 * Greylisting (RFC 6647): the first mail from a network, for a sender and a recipient, is put off
 * for some minutes; mail servers come again, and a network that did so a few times is not asked any
 * more.
 *
 * Kept as lines of JSON; state_file.ts writes them. Bounded: what was not seen longest goes first.
 * Times are milliseconds since 1970 and come from outside.
 */
import { createHash } from "node:crypto";
import { lowerAscii } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import { spfNeed, spfOf } from "./spf_check.ts";
import type { Check, GreyAnswer, RcptValidFacts, Triplet } from "./types.ts";

/** The times of greylisting. */
export interface GreyTerms {
  /** A triplet that comes again sooner is put off again. */
  readonly delaySeconds: number;
  /** One that does not come again within this time begins anew. */
  readonly retrySeconds: number;
  /** One that passed is remembered for this long after it was seen last; so is a network. */
  readonly keepSeconds: number;
  /** Triplets of a network that passed until the network is not asked any more; 0: never. */
  readonly allowAfter: number;
  /** Triplets and networks kept at most, each. */
  readonly maxEntries: number;
}

interface Entry {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly passed: boolean;
}

interface NetworkEntry {
  readonly passes: number;
  readonly lastMs: number;
}

/**
 * A sender as the greylist compares it: what lists and signers change from one message to the next
 * is left out (numbers, "+extension", the tags of BATV and SRS).
 */
export function greySender(sender: string): string {
  const lower = lowerAscii(sender);
  const at = lower.lastIndexOf("@");
  if (at < 0) return lower;
  const local = lower.slice(0, at).replace(/^prvs=[^=]*=/, "").replace(/^srs[01][-+=].*$/, "srs")
    .replace(/(.)\+.*$/, "$1").replace(/[0-9]+/g, "#");
  return local + lower.slice(at);
}

/** The triplet of a recipient. */
export function tripletOf(facts: RcptValidFacts): Triplet {
  return {
    network: facts.client.network,
    sender: greySender(facts.sender),
    recipient: lowerAscii(facts.recipient),
  };
}

/** Longer triplets are kept as a hash: a client chooses most of them, and very many are kept. */
const KEY_CHARS = 200;

function keyOf({ network, sender, recipient }: Triplet): string {
  const key = JSON.stringify([network, sender, recipient]);
  if (key.length <= KEY_CHARS) return key;
  return JSON.stringify([network, createHash("sha256").update(key).digest("base64")]);
}

/** What the greylist remembers. */
export class Greylist {
  #terms: GreyTerms;
  readonly #entries = new Map<string, Entry>();
  readonly #networks = new Map<string, NetworkEntry>();

  constructor(terms: GreyTerms) {
    this.#terms = terms;
  }

  /** Goes by other terms from now on. */
  use(terms: GreyTerms): void {
    this.#terms = terms;
  }

  /** Triplets kept now. */
  get size(): number {
    return this.#entries.size;
  }

  /** A triplet came: what is to be done with it. */
  meet(triplet: Triplet, nowMs: number): GreyAnswer {
    const { delaySeconds, allowAfter } = this.#terms;
    const network = this.#network(triplet.network, nowMs);
    if (allowAfter > 0 && network !== null && network.passes >= allowAfter) {
      this.#put(this.#networks, triplet.network, { ...network, lastMs: nowMs });
      return { status: "allowed" };
    }
    const key = keyOf(triplet);
    const entry = this.#entry(key, nowMs);
    const answer = this.#answer(entry, nowMs, delaySeconds);
    if (entry === null) {
      this.#put(this.#entries, key, { firstMs: nowMs, lastMs: nowMs, passed: false });
      return answer;
    }
    if (answer.status === "early") return answer;
    this.#put(this.#entries, key, { ...entry, lastMs: nowMs, passed: true });
    if (!entry.passed) {
      const passes = (network?.passes ?? 0) + 1;
      this.#put(this.#networks, triplet.network, { passes, lastMs: nowMs });
    }
    return answer;
  }

  /** What `meet` would say; nothing is remembered. */
  peek(triplet: Triplet, nowMs: number): GreyAnswer {
    const { delaySeconds, allowAfter } = this.#terms;
    const network = this.#network(triplet.network, nowMs);
    if (allowAfter > 0 && network !== null && network.passes >= allowAfter) {
      return { status: "allowed" };
    }
    return this.#answer(this.#entry(keyOf(triplet), nowMs), nowMs, delaySeconds);
  }

  #answer(entry: Entry | null, nowMs: number, delaySeconds: number): GreyAnswer {
    if (entry === null) return { status: "new", waitSeconds: delaySeconds };
    const waitMs = entry.firstMs + delaySeconds * 1000 - nowMs;
    if (entry.passed || waitMs <= 0) return { status: "passed" };
    return { status: "early", waitSeconds: Math.ceil(waitMs / 1000) };
  }

  /** All that is remembered, as the lines of its file. */
  *toLines(nowMs: number): Generator<string> {
    for (const [key, { firstMs, lastMs, passed }] of this.#entries) {
      if (this.#entry(key, nowMs) === null) continue;
      yield `${JSON.stringify(["triplet", key, firstMs, lastMs, passed])}\n`;
    }
    for (const [network, { passes, lastMs }] of this.#networks) {
      if (this.#network(network, nowMs) === null) continue;
      yield `${JSON.stringify(["network", network, passes, lastMs])}\n`;
    }
  }

  /** The same as one text. */
  toText(nowMs: number): string {
    return [...this.toLines(nowMs)].join("");
  }

  /** Takes what a file has; returns a sentence for each line that can't be used. */
  takeText(text: string): string[] {
    const faults: string[] = [];
    for (const [i, line] of text.split("\n").entries()) {
      if (line !== "" && !this.#takeLine(line)) faults.push(`Line ${i + 1} is no greylist entry`);
    }
    return faults;
  }

  #takeLine(line: string): boolean {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return false;
    }
    if (!Array.isArray(value)) return false;
    const [kind, key, a, b, passed]: unknown[] = value;
    if (typeof key !== "string" || !Number.isFinite(a) || !Number.isFinite(b)) return false;
    const [first, last] = [Number(a), Number(b)];
    if (kind === "network") {
      this.#put(this.#networks, key, { passes: first, lastMs: last });
      return true;
    }
    if (kind !== "triplet" || typeof passed !== "boolean") return false;
    this.#put(this.#entries, key, { firstMs: first, lastMs: last, passed });
    return true;
  }

  /** An entry that still counts. */
  #entry(key: string, nowMs: number): Entry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const { keepSeconds, retrySeconds } = this.#terms;
    // The clock was wrong then; or it is now, so the entry stays.
    if (!entry.passed && entry.firstMs > nowMs) return null;
    const since = entry.passed ? entry.lastMs : entry.firstMs;
    if (nowMs - since <= (entry.passed ? keepSeconds : retrySeconds) * 1000) return entry;
    this.#entries.delete(key);
    return null;
  }

  #network(network: string, nowMs: number): NetworkEntry | null {
    const entry = this.#networks.get(network);
    if (entry === undefined) return null;
    if (nowMs - entry.lastMs <= this.#terms.keepSeconds * 1000) return entry;
    this.#networks.delete(network);
    return null;
  }

  #put<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    if (map.size <= this.#terms.maxEntries) return;
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
}

/** Whom greylisting does not ask. */
export interface GreyExemptions {
  readonly isExempt: (ip: string) => boolean;
  /** SPF says that the client may send for this domain. */
  readonly sparesSpfPass: boolean;
}

/** The check. */
export function greylist(exempt: GreyExemptions): Check<"rcpt_valid"> {
  const isAsked = (facts: RcptValidFacts) => !exempt.isExempt(facts.client.ip);
  return {
    name: "greylist",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback", "forwarder", "recipient", "sender"],
    needs(facts, known) {
      if (!isAsked(facts)) return [];
      if (known.greylist === null) return [{ kind: "greylist", triplet: tripletOf(facts) }];
      // SPF is asked for those alone that would be put off.
      const isPutOff = known.greylist.status === "new" || known.greylist.status === "early";
      const wantsSpf = isPutOff && exempt.sparesSpfPass && spfOf(facts, known) === null;
      return wantsSpf ? [spfNeed(facts)] : [];
    },
    judge(facts, known) {
      if (!isAsked(facts) || known.greylist === null) return NONE;
      if (exempt.sparesSpfPass && spfOf(facts, known)?.result === "pass") return NONE;
      switch (known.greylist.status) {
        case "passed":
        case "allowed":
          return NONE;
        case "new":
        case "early": {
          const { status, waitSeconds } = known.greylist;
          const { network, sender, recipient } = tripletOf(facts);
          const reason =
            `${network} <${sender}> <${recipient}> is ${status}, ${waitSeconds} s to go`;
          return against(POLICY_REPLIES.greylisted, `greylist: ${status}`, reason);
        }
      }
    },
  };
}
