/**
 * How often something happened lately, by key: a sliding window that costs two numbers a key.
 *
 * The window is made of the current span and what of the span before it still counts, taken as
 * evenly spread; so a count is an estimate that is exact when all happened in the current span.
 * Memory is bounded: beyond the limit of keys the one that was quiet longest is forgotten. Time
 * comes from outside and may not run backwards; if it does, the count stays.
 */

interface Span {
  index: number;
  now: number;
  before: number;
}

/**
 * A key as it is kept elsewhere: when its current span began (milliseconds since 1970), the counts of
 * this span and of the one before.
 */
export type SpanRow = readonly [key: string, sinceMs: number, now: number, before: number];

/** Is this a row? For what comes from a file. */
export function isSpanRow(value: unknown): value is SpanRow {
  if (!Array.isArray(value)) return false;
  const [key, ...numbers]: unknown[] = value;
  const isCount = (n: unknown) => typeof n === "number" && Number.isFinite(n) && n >= 0;
  return typeof key === "string" && numbers.length === 3 && numbers.every(isCount);
}

/** Counts of one kind. */
export class SlidingWindow {
  readonly #spanMs: number;
  readonly #maxKeys: number;
  readonly #spans = new Map<string, Span>();

  /** `seconds`: length of the window; `maxKeys`: keys kept at most. */
  constructor(seconds: number, maxKeys: number) {
    this.#spanMs = seconds * 1000;
    this.#maxKeys = maxKeys;
  }

  /** Keys kept now. */
  get size(): number {
    return this.#spans.size;
  }

  /** Counts `by` more at `nowMs`; the count within the window, these included. */
  add(key: string, nowMs: number, by = 1): number {
    const span = this.#turned(key, nowMs) ?? { index: this.#index(nowMs), now: 0, before: 0 };
    span.now += by;
    // Again at the end of the map: the first key is the one that was quiet longest.
    this.#spans.delete(key);
    this.#spans.set(key, span);
    if (this.#spans.size > this.#maxKeys) this.#forgetOldest();
    return this.#estimate(span, nowMs);
  }

  /** The count within the window at `nowMs`. */
  count(key: string, nowMs: number): number {
    const span = this.#turned(key, nowMs);
    return span === null ? 0 : this.#estimate(span, nowMs);
  }

  /** Forgets a key. */
  clear(key: string): void {
    this.#spans.delete(key);
  }

  /** What is kept, at most `most` keys: those that moved last. */
  *rows(nowMs: number, most = Infinity): Generator<SpanRow> {
    let passed = this.#spans.size - most;
    for (const key of this.#spans.keys()) {
      if (passed-- > 0) continue;
      const span = this.#turned(key, nowMs);
      if (span !== null) yield [key, span.index * this.#spanMs, span.now, span.before];
    }
  }

  /** Takes a row back; one of another length of window counts where it fits. */
  take([key, sinceMs, now, before]: SpanRow): void {
    this.#spans.delete(key);
    this.#spans.set(key, { index: this.#index(sinceMs), now, before });
    if (this.#spans.size > this.#maxKeys) this.#forgetOldest();
  }

  #index(nowMs: number): number {
    return Math.floor(nowMs / this.#spanMs);
  }

  /** The key's span, turned on to `nowMs`; null when it is not known or all of it is too old. */
  #turned(key: string, nowMs: number): Span | null {
    const span = this.#spans.get(key);
    if (span === undefined) return null;
    const passed = this.#index(nowMs) - span.index;
    if (passed <= 0) return span;
    if (passed > 1) {
      this.#spans.delete(key);
      return null;
    }
    span.before = span.now;
    span.now = 0;
    span.index += 1;
    return span;
  }

  #estimate(span: Span, nowMs: number): number {
    const share = 1 - (nowMs - span.index * this.#spanMs) / this.#spanMs;
    return span.now + Math.ceil(span.before * Math.min(1, Math.max(0, share)));
  }

  #forgetOldest(): void {
    const oldest = this.#spans.keys().next();
    if (!oldest.done) this.#spans.delete(oldest.value);
  }
}
