/**
 * Counts of one isolate: replies by code, answers of the look-up, outcomes of messages, and how long
 * look-up and queue took. Plain numbers, read when somebody asks; isolates are added up then.
 *
 * What is metered is handed in and comes back with a count around it, so a service that nobody
 * watches runs without any of this. Replies are counted where they are written, by their three
 * digits, or by their class in POP3 and QMTP.
 */
import type { Output } from "../net/types.ts";

/** Upper bounds of the buckets, in seconds; what is longer falls into the last, which has none. */
export const BUCKETS: readonly number[] = [
  0.0001,
  0.001,
  0.005,
  0.01,
  0.05,
  0.1,
  0.5,
  1,
  5,
  30,
];

/** How long something took. */
export interface HistogramNumbers {
  /** One more than BUCKETS; not summed up. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** What was counted. */
export interface MeterNumbers {
  /** Sessions begun, by service. */
  readonly sessions: Readonly<Record<string, number>>;
  readonly replies: Readonly<Record<string, number>>;
  /** ok, err. */
  readonly pop3Replies: Readonly<Record<string, number>>;
  /** K, Z, D; of QMQP as well. */
  readonly qmtpReplies: Readonly<Record<string, number>>;
  readonly lookups: Readonly<Record<string, number>>;
  readonly messages: Readonly<Record<string, number>>;
  readonly lookupTime: HistogramNumbers;
  readonly queueTime: HistogramNumbers;
}

/** One histogram in the making. */
export class Histogram {
  readonly #counts: number[] = new Array(BUCKETS.length + 1).fill(0);
  #sumSeconds = 0;

  take(seconds: number): void {
    let i = 0;
    while (i < BUCKETS.length && seconds > (BUCKETS[i] ?? 0)) i++;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sumSeconds += seconds;
  }

  numbers(): HistogramNumbers {
    return { counts: [...this.#counts], sumSeconds: this.#sumSeconds };
  }
}

/** What is answered in. */
export type MeteredProtocol = "smtp" | "pop3" | "qmtp" | "qmqp";

/** Codes of replies: three digits. */
const CODES = 1000;
const ZERO = 48;

/** An output that counts the replies which go through it. */
class MeteredOutput implements Output {
  readonly #inner: Output;
  readonly #codes: number[];

  constructor(inner: Output, codes: number[]) {
    this.#inner = inner;
    this.#codes = codes;
  }

  get pending(): number {
    return this.#inner.pending;
  }

  bytes(bytes: Uint8Array): void {
    this.#count(bytes[0], bytes[1], bytes[2]);
    this.#inner.bytes(bytes);
  }

  text(text: string): void {
    this.#count(text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2));
    this.#inner.text(text);
  }

  drain(): Promise<void> {
    return this.#inner.drain();
  }

  #count(a = 0, b = 0, c = 0): void {
    const code = (a - ZERO) * 100 + (b - ZERO) * 10 + (c - ZERO);
    const before = this.#codes[code];
    if (before !== undefined) this.#codes[code] = before + 1;
  }
}

/** As much of a reply as tells its class. */
const CLASS_CHARS = 8;

/** An output whose replies have a class, by which they are counted. */
class ClassedOutput implements Output {
  readonly #inner: Output;
  readonly #classOf: (text: string) => string | null;
  readonly #counts: Record<string, number>;

  constructor(
    inner: Output,
    classOf: (text: string) => string | null,
    counts: Record<string, number>,
  ) {
    this.#inner = inner;
    this.#classOf = classOf;
    this.#counts = counts;
  }

  get pending(): number {
    return this.#inner.pending;
  }

  bytes(bytes: Uint8Array): void {
    this.#count(String.fromCharCode(...bytes.subarray(0, CLASS_CHARS)));
    this.#inner.bytes(bytes);
  }

  text(text: string): void {
    this.#count(text.slice(0, CLASS_CHARS));
    this.#inner.text(text);
  }

  drain(): Promise<void> {
    return this.#inner.drain();
  }

  #count(text: string): void {
    const name = this.#classOf(text);
    if (name !== null) this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  }
}

/** Of POP3, where the lines of messages go the same way: one that looks like a reply is rare enough. */
const pop3Class = (text: string): string | null =>
  text.startsWith("+OK") ? "ok" : text.startsWith("-ERR") ? "err" : null;

/** Of QMTP, a netstring that begins with its class. */
const qmtpClass = (text: string): string | null => /^\d+:([KZD])/.exec(text)?.[1] ?? null;

/** The counts of one isolate. */
export class Meter {
  readonly #codes: number[] = new Array(CODES).fill(0);
  readonly #pop3: Record<string, number> = {};
  readonly #qmtp: Record<string, number> = {};
  readonly #sessions: Record<string, number> = {};
  readonly #lookups: Record<string, number> = {};
  readonly #messages: Record<string, number> = {};
  readonly #lookupTime = new Histogram();
  readonly #queueTime = new Histogram();

  /** A session of this service begins. */
  session(service: string): void {
    this.#sessions[service] = (this.#sessions[service] ?? 0) + 1;
  }

  /** Counts what a session answers. */
  output(inner: Output, protocol: MeteredProtocol = "smtp"): Output {
    switch (protocol) {
      case "smtp":
        return new MeteredOutput(inner, this.#codes);
      case "pop3":
        return new ClassedOutput(inner, pop3Class, this.#pop3);
      case "qmtp":
      case "qmqp":
        return new ClassedOutput(inner, qmtpClass, this.#qmtp);
    }
  }

  /** A look-up came to `answer` after so many seconds. */
  lookup(answer: string, seconds: number): void {
    this.#lookups[answer] = (this.#lookups[answer] ?? 0) + 1;
    this.#lookupTime.take(seconds);
  }

  /** A message came to `outcome`, so many seconds after it was complete; null: it never was. */
  message(outcome: string, seconds: number | null): void {
    this.#messages[outcome] = (this.#messages[outcome] ?? 0) + 1;
    if (seconds !== null) this.#queueTime.take(seconds);
  }

  numbers(): MeterNumbers {
    const replies: Record<string, number> = {};
    for (const [code, count] of this.#codes.entries()) if (count > 0) replies[code] = count;
    return {
      sessions: { ...this.#sessions },
      replies,
      pop3Replies: { ...this.#pop3 },
      qmtpReplies: { ...this.#qmtp },
      lookups: { ...this.#lookups },
      messages: { ...this.#messages },
      lookupTime: this.#lookupTime.numbers(),
      queueTime: this.#queueTime.numbers(),
    };
  }
}

/** Nothing counted. */
export const NO_NUMBERS: MeterNumbers = new Meter().numbers();

/** Adds up counts by name. */
export function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

const addTimes = (a: HistogramNumbers, b: HistogramNumbers): HistogramNumbers => ({
  counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)),
  sumSeconds: a.sumSeconds + b.sumSeconds,
});

/** Adds up what two isolates counted. */
export function addMeters(a: MeterNumbers, b: MeterNumbers): MeterNumbers {
  return {
    sessions: addCounts(a.sessions, b.sessions),
    replies: addCounts(a.replies, b.replies),
    pop3Replies: addCounts(a.pop3Replies, b.pop3Replies),
    qmtpReplies: addCounts(a.qmtpReplies, b.qmtpReplies),
    lookups: addCounts(a.lookups, b.lookups),
    messages: addCounts(a.messages, b.messages),
    lookupTime: addTimes(a.lookupTime, b.lookupTime),
    queueTime: addTimes(a.queueTime, b.queueTime),
  };
}
