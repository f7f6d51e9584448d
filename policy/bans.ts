/**
 * Networks that are refused at connect for a while, with reason and end; the while doubles each
 * time.
 *
 * Kept as lines of JSON, so that a person can read and mend the file (state_file.ts writes it). Who
 * is banned is decided in guesses.ts; who is never banned, there too. Times are milliseconds since
 * 1970 and come from outside.
 */
import { networkOf, networksAround, parseNetwork, showNetwork } from "./networks.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** The last moment of the calendar: who bans for longer bans until then. */
const LAST_MS = 8.64e15;

/** One ban. */
export interface Ban {
  /** As networks.ts writes it: "192.0.2.0/24", "2001:db8::/64". */
  readonly network: string;
  readonly reason: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** How many bans this network had, this one included. */
  readonly times: number;
  readonly by: "policy" | "admin";
}

/** How long bans last. */
export interface BanTerms {
  readonly firstSeconds: number;
  readonly maxSeconds: number;
  /** After this long behind its end a ban is forgotten, and the next is a first one. */
  readonly forgetSeconds: number;
  /** Networks kept at most. */
  readonly maxBans: number;
}

/** The bans. */
export class Bans {
  readonly #bans = new Map<string, Ban>();
  /** Those that are no /24 or /64, an administrator's, by their bits (of 128): an address is looked up once for each. */
  readonly #odd = new Map<number, Set<string>>();
  #terms: BanTerms;

  constructor(terms: BanTerms) {
    this.#terms = terms;
  }

  /** Goes by other terms from now on; bans that hold keep their end. */
  use(terms: BanTerms): void {
    this.#terms = terms;
  }

  /** Bans kept, those that ended included. */
  get size(): number {
    return this.#bans.size;
  }

  /**
   * Bans a network, twice as long as the last time. A ban that still holds is left as it is: it
   * does not grow while it lasts. `untilMs`: an end that the administrator chose.
   */
  add(
    network: string,
    reason: string,
    nowMs: number,
    by: Ban["by"] = "policy",
    untilMs?: number,
  ): Ban {
    const last = this.#remembered(network, nowMs);
    if (by === "policy" && last !== null && last.untilMs > nowMs) return last;
    const times = (last?.times ?? 0) + 1;
    const { firstSeconds, maxSeconds } = this.#terms;
    const seconds = Math.min(maxSeconds, firstSeconds * 2 ** Math.min(times - 1, 40));
    const end = Math.min(untilMs ?? nowMs + seconds * 1000, LAST_MS);
    const ban: Ban = { network, reason, sinceMs: nowMs, untilMs: end, times, by };
    this.#put(ban);
    if (this.#bans.size > this.#terms.maxBans) this.#makeRoom(nowMs);
    return ban;
  }

  /** The ban of a network that holds now. */
  find(network: string, nowMs: number): Ban | null {
    const ban = this.#bans.get(network);
    return ban !== undefined && ban.untilMs > nowMs ? ban : null;
  }

  /** The ban that holds for an address now; `network` is its /24 or /64. */
  match(ip: string, network: string, nowMs: number): Ban | null {
    if (this.#bans.size === 0) return null;
    const usual = this.find(network, nowMs);
    if (usual !== null || this.#odd.size === 0) return usual;
    for (const name of networksAround(ip, this.#odd.keys())) {
      const ban = this.find(name, nowMs);
      if (ban !== null) return ban;
    }
    return null;
  }

  /** Takes a ban that was made elsewhere, unless a younger one is known. */
  take(ban: Ban): void {
    const known = this.#bans.get(ban.network);
    if (known === undefined || known.sinceMs <= ban.sinceMs) this.#put(ban);
    if (this.#bans.size > this.#terms.maxBans) this.#makeRoom(ban.sinceMs);
  }

  /** Ends a ban and forgets it; false: there was none. */
  lift(network: string): boolean {
    return this.#forget(network);
  }

  /** The bans that hold now, the next to end first. */
  list(nowMs: number): Ban[] {
    return [...this.#bans.values()].filter((ban) => ban.untilMs > nowMs)
      .toSorted((a, b) => a.untilMs - b.untilMs);
  }

  /** All that is remembered, ended bans included. */
  *kept(nowMs: number): Generator<Ban> {
    for (const network of this.#bans.keys()) {
      const ban = this.#remembered(network, nowMs);
      if (ban !== null) yield ban;
    }
  }

  /** The same as the text of its file. */
  toText(nowMs: number): string {
    return [...this.kept(nowMs)].map((ban) => `${JSON.stringify(ban)}\n`).join("");
  }

  /** Takes what a file has; returns a sentence for each line that can't be used. */
  takeText(text: string, nowMs: number): string[] {
    const faults: string[] = [];
    for (const [i, line] of text.split("\n").entries()) {
      if (line.trim() === "") continue;
      const ban = readBan(line);
      if (ban === null) faults.push(`Line ${i + 1} is no ban`);
      else if (!this.isForgotten(ban, nowMs)) this.#put(ban);
    }
    if (this.#bans.size > this.#terms.maxBans) this.#makeRoom(nowMs);
    return faults;
  }

  /** It ended so long ago that the next is a first one. */
  isForgotten(ban: Ban, nowMs: number): boolean {
    return nowMs - ban.untilMs >= this.#terms.forgetSeconds * 1000;
  }

  #put(ban: Ban): void {
    const { network } = ban;
    this.#bans.delete(network);
    this.#bans.set(network, ban);
    const bits = oddBits(network);
    if (bits === null) return;
    const alike = this.#odd.get(bits);
    if (alike === undefined) this.#odd.set(bits, new Set([network]));
    else alike.add(network);
  }

  #forget(network: string): boolean {
    const bits = oddBits(network);
    const alike = bits === null ? undefined : this.#odd.get(bits);
    if (bits !== null && alike?.delete(network) === true && alike.size === 0) {
      this.#odd.delete(bits);
    }
    return this.#bans.delete(network);
  }

  /** The last ban of a network, unless it is forgotten. */
  #remembered(network: string, nowMs: number): Ban | null {
    const ban = this.#bans.get(network);
    if (ban === undefined) return null;
    if (!this.isForgotten(ban, nowMs)) return ban;
    this.#forget(network);
    return null;
  }

  /**
   * Down to nine tenths, so that it is not done for every ban: those that end first go first, an
   * administrator's last.
   */
  #makeRoom(nowMs: number): void {
    for (const network of [...this.#bans.keys()]) this.#remembered(network, nowMs);
    const rank = (ban: Ban) => ban.by === "admin" ? Infinity : ban.untilMs;
    const inOrder = [...this.#bans.values()].toSorted((a, b) => rank(a) < rank(b) ? -1 : 1);
    const surplus = this.#bans.size - Math.floor(this.#terms.maxBans * 0.9);
    for (const ban of inOrder.slice(0, Math.max(0, surplus))) this.#forget(ban.network);
  }
}

/** Bits of a network that is no /24 or /64; null: it is one. */
function oddBits(network: string): number | null {
  const isUsual = networkOf(network.slice(0, network.indexOf("/"))) === network;
  return isUsual ? null : parseNetwork(network)?.bits ?? null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A line of the file; null when it is none. */
export function readBan(line: string): Ban | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const { network, reason, sinceMs, untilMs, times, by } = value;
  const known = typeof network === "string" ? parseNetwork(network) : null;
  if (known === null || typeof reason !== "string") return null;
  if (by !== "policy" && by !== "admin") return null;
  const isTime = (t: unknown): t is number => typeof t === "number" && Number.isFinite(t) && t >= 0;
  if (!isTime(sinceMs) || !isTime(untilMs) || !isTime(times)) return null;
  const [since, until] = [Math.min(sinceMs, LAST_MS), Math.min(untilMs, LAST_MS)];
  return { network: showNetwork(known), reason, sinceMs: since, untilMs: until, times, by };
}

/**
 * The check; forwarders, relay clients and this machine are never refused for a ban of their
 * network.
 */
export function ban(): Check<"connect"> {
  return {
    name: "ban",
    stage: "connect",
    spares: ["trusted", "loopback", "forwarder"],
    judge({ ban: held }) {
      if (held === null) return NONE;
      const until = new Date(held.untilMs).toISOString();
      const reason = `${held.network} is banned until ${until}: ${held.reason}`;
      return against(POLICY_REPLIES.banned, `ban: ${held.network}`, reason, { ends: true });
    },
  };
}
