/** Trace events of dns/: questions and name servers. */
import { event } from "./tracer.ts";

export const DNS_EVENTS = {
  answered: event<{
    name: string;
    type: string;
    status: string;
    problem: string;
    ttl_seconds: number;
    records: number;
    ms: number;
  }>(
    "dns.answered",
    3,
    "dns",
    (f) =>
      `${f.type} ${f.name}: ` +
      (f.status === "ok" ? `${f.records} records for ${f.ttl_seconds} s` : f.status) +
      `, ${f.ms} ms` + (f.problem === "" ? "" : ` (${f.problem})`),
  ),
  cached: event<{ name: string; type: string; status: string }>(
    "dns.cached",
    4,
    "dns",
    (f) => `${f.type} ${f.name}: ${f.status}, known`,
  ),
  silent: event<{ reason: string; seconds: number }>(
    "dns.server.silent",
    1,
    "dns",
    (f) => `${f.reason}; it is asked last for ${f.seconds} s`,
  ),
  configured: event<{ source: string; servers: string }>(
    "dns.configured",
    1,
    "dns",
    (f) => `name servers ${f.servers} from ${f.source}`,
  ),
  kept: event<{ file: string; reason: string }>(
    "dns.configured.kept",
    1,
    "dns",
    (f) => `${f.file} can't be used, what was known before stays: ${f.reason}`,
  ),
} as const;
