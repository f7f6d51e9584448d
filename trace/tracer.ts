/**
 * What every room knows of the trace: a typed event, and something that takes it.
 *
 * Events stand in the events_*.ts tables (id, level, function name, text); formats in katr.ts and json.ts.
 */

/** Values an event carries; strings that come from clients are latin1, one char a byte. */
export type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** Trace levels: 1 sessions, 2 verdicts, 3 look-up steps and policy decisions, 4 the dialogue. */
export type Level = 1 | 2 | 3 | 4;

/** One kind of trace line. */
export interface TraceEvent<F extends Fields> {
  /** Stable id, such as "smtp.rcpt.invalid". */
  readonly id: string;
  readonly level: Level;
  /** The name before the colon in a KATR line, such as "smtp_rcpt". */
  readonly fn: string;
  readonly text: (fields: F) => string;
}

/** Defines an event; its text must fit one line. */
export function event<F extends Fields>(
  id: string,
  level: Level,
  fn: string,
  text: (fields: F) => string,
): TraceEvent<F> {
  return { id, level, fn, text };
}

/** Where events go. `level` is read before an event's fields are put together: `if (t.level >= 3) t.emit(...)`. */
export interface Tracer {
  readonly level: number;
  /** `session`: the number in the line's second parentheses. Never throws, never blocks for long. */
  emit<F extends Fields>(session: number, event: TraceEvent<F>, fields: F): void;
}

/** A tracer that is off. */
export const NO_TRACE: Tracer = { level: 0, emit: () => {} };
