/** A tracer that keeps its events, for tests and for whoever wants to look at a session's trace in the process. */
import { lineText } from "./katr.ts";
import type { Fields, Level, Tracer } from "./tracer.ts";

/** An event as it was emitted. */
export interface KeptEvent {
  readonly session: number;
  readonly id: string;
  readonly level: Level;
  readonly fn: string;
  /** As a trace line shows it. */
  readonly text: string;
  readonly fields: Fields;
}

export interface MemoryTracer extends Tracer {
  readonly events: readonly KeptEvent[];
  /** `(level) fn: text` of each event. */
  lines(): string[];
  clear(): void;
}

/** Keeps every event up to `level`. */
export function createMemoryTracer(level = 4): MemoryTracer {
  const events: KeptEvent[] = [];
  return {
    level,
    events,
    emit(session, event, fields) {
      if (event.level > level) return;
      const { id, fn } = event;
      events.push({ session, id, level: event.level, fn, text: lineText(event, fields), fields });
    },
    lines: () => events.map((e) => `(${e.level}) ${e.fn}: ${e.text}`),
    clear() {
      events.length = 0;
    },
  };
}
