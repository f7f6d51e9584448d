/** Trace events of trace/ itself. */
import { event } from "./tracer.ts";

export const TRACE_EVENTS = {
  lost: event<{ lines: number }>(
    "trace.lost",
    1,
    "trace",
    (f) => `${f.lines} lines before this one could not be written`,
  ),
} as const;
