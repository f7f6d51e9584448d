/** Settings of the trace (docs/trace.md). */
import { choice, flag, integer, text } from "./kinds.ts";

export const TRACE_SETTINGS = {
  trace_file: text(
    "",
    "Name of the trace file, below the qmail directory when relative; empty: no trace",
  ),
  trace_level: integer(
    0,
    "",
    "0 off, 1 sessions, 2 verdicts, 3 look-up steps, 4 the dialogue",
    0,
    4,
  ),
  trace_format: choice(["katr", "json", "logfmt"], "katr", "Form of a trace line"),
  trace_remoteip: flag(false, "Every line names the client's address, for fail2ban and the like"),
} as const;
