/** Writes a trace event when the trace's level asks for it. For places that are not on the fast path. */
import type { Fields, TraceEvent, Tracer } from "../trace/tracer.ts";

/** Emits `event` for `session` (0: no session). */
export function note<F extends Fields>(
  trace: Tracer,
  session: number,
  event: TraceEvent<F>,
  fields: F,
): void {
  if (trace.level >= event.level) trace.emit(session, event, fields);
}
