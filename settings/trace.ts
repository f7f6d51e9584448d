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
  trace_tcpserver: flag(
    false,
    "Sessions of serve are told of in tcpserver's words as well, for old scripts",
  ),
  trace_privacy: choice(
    ["none", "network", "hash"],
    "none",
    "What is masked as it is written: nothing, clients' addresses, local parts as well",
  ),
  trace_privacy_key: text(
    "",
    "File with the key of the hashes, below the qmail directory when relative; empty: a new key each start",
  ),
} as const;
