/**
 * The numbers of a service as metrics of Prometheus: name, help, type, labels.
 *
 * docs/metrics.md names them all, and config/alerts.yml goes by some of them: a name never changes.
 */
import { BUCKETS, type HistogramNumbers } from "./meter.ts";
import type { Stats } from "./types.ts";

/** One number with its labels. */
export interface Sample {
  /** The metric's name, in a histogram with _bucket, _sum or _count. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

type Counts = Readonly<Record<string, number>>;

function one(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: number,
  labels: Readonly<Record<string, string>> = {},
): Metric {
  return { name, help, type, samples: [{ name, labels, value }] };
}

/** A number for each value of a label. */
function by(
  type: "counter" | "gauge",
  name: string,
  help: string,
  label: string,
  counts: Counts,
): Metric {
  const samples = Object.entries(counts).map(([key, value]) => ({
    name,
    labels: { [label]: key },
    value,
  }));
  return { name, help, type, samples };
}

function histogram(name: string, help: string, numbers: HistogramNumbers): Metric {
  const samples: Sample[] = [];
  let sum = 0;
  for (const [i, count] of numbers.counts.entries()) {
    sum += count;
    const le = BUCKETS[i] === undefined ? "+Inf" : String(BUCKETS[i]);
    samples.push({ name: `${name}_bucket`, labels: { le }, value: sum });
  }
  samples.push({ name: `${name}_sum`, labels: {}, value: numbers.sumSeconds });
  samples.push({ name: `${name}_count`, labels: {}, value: sum });
  return { name, help, type: "histogram", samples };
}

function verdicts(stats: Stats): Metric {
  const name = "qfront_verdicts_total";
  const samples = Object.entries(stats.checks).flatMap(([check, counts]) =>
    Object.entries(counts).map(([outcome, value]) => ({ name, labels: { check, outcome }, value }))
  );
  return {
    name,
    help: "Verdicts of policy, by check and what became of them",
    type: "counter",
    samples,
  };
}

/** Sessions that were not served, by the reason. */
function refused(sessions: Counts): Metric {
  const counts = Object.entries(sessions).filter(([name]) => name.startsWith("refused_"))
    .map(([name, count]) => [name.slice("refused_".length), count]);
  const help = "Connections answered with 421 and closed, by the limit they met";
  return by("counter", "qfront_refused_total", help, "limit", Object.fromEntries(counts));
}

function sessionMetrics({ sessions, open, meter }: Stats): Metric[] {
  const stalled = sessions["stalled"] ?? 0;
  return [
    by("gauge", "qfront_sessions_open", "Sessions open now", "service", open),
    by("counter", "qfront_sessions_total", "Sessions begun", "service", meter.sessions),
    refused(sessions),
    one(
      "counter",
      "qfront_stalled_total",
      "Sessions ended because the client did not read",
      stalled,
    ),
  ];
}

function mailMetrics({ meter, inHand }: Stats): Metric[] {
  const { replies, pop3Replies, qmtpReplies, lookups, messages, lookupTime, queueTime } = meter;
  return [
    by("counter", "qfront_replies_total", "Replies of SMTP", "code", replies),
    by("counter", "qfront_pop3_replies_total", "Replies of POP3", "status", pop3Replies),
    by("counter", "qfront_qmtp_replies_total", "Replies of QMTP and QMQP", "status", qmtpReplies),
    by("counter", "qfront_recipients_total", "Look-ups of recipients", "answer", lookups),
    by("counter", "qfront_messages_total", "Messages, by what became of them", "outcome", messages),
    one("gauge", "qfront_messages_in_hand", "Messages that are coming in or being queued", inHand),
    histogram("qfront_lookup_seconds", "Time of a look-up", lookupTime),
    histogram("qfront_queue_seconds", "Time from the last byte of a message to safe", queueTime),
  ];
}

/** All metrics. */
export function metricsOf(stats: Stats): readonly Metric[] {
  const { dns, deadZones } = stats;
  const dead = Object.fromEntries(deadZones.map(([zone]) => [zone, 1]));
  const { version } = stats;
  return [
    one("gauge", "qfront_info", "Always 1; the version is a label", 1, { version }),
    one("gauge", "qfront_start_time_seconds", "When the service began", stats.sinceMs / 1000),
    one("gauge", "qfront_workers", "Isolates that serve", stats.workers),
    one("gauge", "qfront_resident_bytes", "Memory of the process", stats.residentBytes),
    ...sessionMetrics(stats),
    ...mailMetrics(stats),
    verdicts(stats),
    one("gauge", "qfront_bans", "Networks banned now", stats.bans),
    by("gauge", "qfront_dnsbl_off", "Lists that failed their self-test", "zone", dead),
    one("counter", "qfront_dns_questions_total", "Questions to the DNS", dns.questions),
    one("counter", "qfront_dns_hits_total", "Those answered from the cache", dns.hits),
  ];
}
