/**
 * Answers kept for as long as they may be believed (RFC 1035 section 7.4, RFC 2308), bounded in number and in size:
 * what was not asked for longest goes first.
 */
import type { DnsAnswer } from "./types.ts";

export interface AnswerCache {
  /** The kept answer with what is left of its time, null: none. `nowMs` is a monotonic clock. */
  get(key: string, nowMs: number): DnsAnswer | null;
  put(key: string, answer: DnsAnswer, nowMs: number): void;
  readonly size: number;
}

interface Entry {
  readonly answer: DnsAnswer;
  readonly endMs: number;
  readonly weight: number;
}

/** Weight that one entry may have on average before others have to go, in characters. */
const MEAN_WEIGHT = 1024;

/** About how much an answer holds. */
function weightOf(key: string, answer: DnsAnswer): number {
  let weight = key.length + 64;
  for (const record of answer.records) {
    weight += 64 + record.name.length;
    if (record.type === "TXT") { for (const text of record.texts) weight += text.length; }
  }
  return weight;
}

/** A cache of at most `maxEntries`; 0: it keeps nothing. */
export function createAnswerCache(maxEntries: number): AnswerCache {
  const entries = new Map<string, Entry>();
  const maxWeight = maxEntries * MEAN_WEIGHT;
  let total = 0;
  const remove = (key: string, entry: Entry) => {
    entries.delete(key);
    total -= entry.weight;
  };
  return {
    get size() {
      return entries.size;
    },
    get(key, nowMs) {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      entries.delete(key);
      if (nowMs >= entry.endMs) {
        total -= entry.weight;
        return null;
      }
      entries.set(key, entry);
      return { ...entry.answer, ttlSeconds: Math.ceil((entry.endMs - nowMs) / 1000) };
    },
    put(key, answer, nowMs) {
      const old = entries.get(key);
      if (old !== undefined) remove(key, old);
      const weight = weightOf(key, answer);
      if (answer.ttlSeconds <= 0 || weight > maxWeight) return;
      entries.set(key, { answer, endMs: nowMs + answer.ttlSeconds * 1000, weight });
      total += weight;
      for (const [oldest, entry] of entries) {
        if (entries.size <= maxEntries && total <= maxWeight) break;
        remove(oldest, entry);
      }
    },
  };
}
