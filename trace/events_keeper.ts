/** Trace events of keeper/: the process that holds root when the service has given it away. */
import { event } from "./tracer.ts";

export const KEEPER_EVENTS = {
  started: event<{ pid: number; uid: number; gid: number }>(
    "keeper.started",
    1,
    "keeper",
    (f) => `process ${f.pid} keeps root, this one runs as ${f.uid}:${f.gid}`,
  ),
  gone: event<{ reason: string }>(
    "keeper.gone",
    1,
    "keeper",
    (f) => `gone, serving stops: ${f.reason}`,
  ),
  asked: event<{ address: string; reason: string }>(
    "keeper.asked",
    3,
    "keeper",
    (f) => `asked for <${f.address}>, since here: ${f.reason}`,
  ),
} as const;
