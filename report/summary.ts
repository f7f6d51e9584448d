/** From counts to a report: the most frequent of each table, masked as wanted. */
import type { Histogram } from "./histogram.ts";
import type { Mask } from "./privacy.ts";
import type { Latency, QueueReport, Recheck, Report, Row, Table, Zone } from "./report_types.ts";
import type { ReadCount } from "./sources.ts";
import type { Tally } from "./tally.ts";
import { TopCounter } from "./top_counter.ts";

const TIMELINE_STEPS = 72;
/** Rows that are joined where masks make names equal. */
const MASKED_ROWS = 1000;

export interface SummaryOptions {
  readonly top: number;
  readonly mask: Mask;
  readonly nowMs: number;
  readonly host: string;
  readonly files: number;
  readonly count: ReadCount;
  /** Of the question; null: of the logs. */
  readonly fromMs: number | null;
  readonly untilMs: number | null;
  readonly recheck: Recheck | null;
  readonly queue: QueueReport | null;
}

const isoTime = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();

/** Rows whose names a mask made equal, as one. */
function merged(rows: readonly Row[], show: (name: string) => string): Row[] {
  const sums = new Map<string, number>();
  for (const { key, count } of rows.map((r) => ({ key: show(r.name), count: r.count }))) {
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
  return [...sums].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
}

function tableOf(counter: TopCounter, most: number, mask: Mask, kind: keyof Mask): Table {
  const show = kind === "level" ? (name: string) => name : mask[kind];
  const wanted = mask.level === "none" ? most : Math.max(most, MASKED_ROWS);
  const rows = counter.top(wanted).map(({ key, count }) => ({ name: key, count }));
  return {
    rows: merged(rows, show).slice(0, most),
    total: counter.total,
    distinct: counter.distinct,
    may_miss: counter.mayMiss,
  };
}

const rounded = (ms: number): number => ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);

const latencyOf = (histogram: Histogram): Latency => ({
  count: histogram.total,
  median_ms: rounded(histogram.at(0.5)),
  p90_ms: rounded(histogram.at(0.9)),
  p99_ms: rounded(histogram.at(0.99)),
  longest_ms: rounded(histogram.mostMs),
});

function zonesOf(tally: Tally): Zone[] {
  return [...tally.zones].map(([zone, { listed, alone, errors, together }]) => ({
    zone,
    listed,
    alone,
    errors,
    together: [...together].map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count),
  })).sort((a, b) => b.listed - a.listed);
}

function suspectsOf(tally: Tally, { mask, top }: SummaryOptions): Report["suspects"] {
  const rows = tally.suspects.slice(0, top).map((s) => ({
    when: isoTime(s.whenMs),
    ip: mask.ip(s.ip),
    helo: mask.host(s.helo),
    sender: s.sender === null ? null : mask.address(s.sender),
    rule: mask.text(s.rule),
    fcrdns: s.fcrdns,
  }));
  return { count: tally.suspectCount, rows };
}

function timelineOf(tally: Tally): Report["timeline"] {
  const { stepMs, steps } = tally.timeline.steps(TIMELINE_STEPS);
  return {
    step_seconds: stepMs / 1000,
    steps: steps.map(({ startMs, ...counts }) => ({
      start: new Date(startMs).toISOString(),
      ...counts,
    })),
  };
}

const NOTHING = new TopCounter(1);

/** The report. */
export function summarize(tally: Tally, options: SummaryOptions): Report {
  const { top, mask, count } = options;
  const table = (counter: TopCounter, kind: keyof Mask) => tableOf(counter, top, mask, kind);
  const result = (check: "spf" | "dkim" | "dmarc" | "arc") =>
    table(tally.results.get(check) ?? NOTHING, "level");
  return {
    made: new Date(options.nowMs).toISOString(),
    host: options.host,
    from: isoTime(options.fromMs ?? tally.firstMs),
    until: isoTime(options.untilMs ?? tally.lastMs),
    privacy: mask.level,
    read: {
      files: options.files,
      bytes: count.bytes,
      lines: count.lines,
      unknown_lines: count.unknown,
      lines_without_time: count.timeless,
      lines_lost: tally.lostLines,
    },
    sessions: table(tally.sessions, "level"),
    clients: tally.clients.distinct,
    connections: tally.connections,
    recipients: tally.attempts,
    messages: { count: tally.messages.count, bytes: tally.messages.bytes },
    arrivals: { count: tally.arrivals.count, bytes: tally.arrivals.bytes },
    refused_by: table(tally.rules, "text"),
    deferred_by: table(tally.deferredBy, "text"),
    shadow: table(tally.shadows, "text"),
    softened: table(tally.softenedBy, "text"),
    refused_networks: table(tally.refusedNetworks, "ip"),
    guessing: {
      addresses: table(tally.guessAddresses, "ip"),
      networks: table(tally.guessNetworks, "ip"),
      names: table(tally.guessedNames, "address"),
      harvest_answers: tally.deferredBy.count("harvest"),
      decoys: table(tally.decoys, "ip"),
      bans: table(tally.bans, "ip"),
    },
    relay_attempts: table(tally.relayAddresses, "ip"),
    failed_logins: table(tally.logins, "ip"),
    bounced: {
      recipients: table(tally.bouncedRecipients, "address"),
      reasons: table(tally.bounceReasons, "text"),
    },
    backscatter: {
      victims: table(tally.victims, "address"),
      recipients: table(tally.backscatterRecipients, "address"),
      sources: table(tally.backscatterSources, "ip"),
      bounces: tally.bounces.bounce,
      double_bounces: tally.bounces.double,
      triple_bounces: tally.bounces.triple,
    },
    recheck: options.recheck,
    results: {
      spf: result("spf"),
      dkim: result("dkim"),
      dmarc: result("dmarc"),
      arc: result("arc"),
    },
    dnsbl: zonesOf(tally),
    suspects: suspectsOf(tally, options),
    timeline: timelineOf(tally),
    deliveries: tally.deliveries,
    latency: {
      local: latencyOf(tally.latency.local),
      remote: latencyOf(tally.latency.remote),
      since_arrival: latencyOf(tally.arrivalLatency),
    },
    troubles: table(tally.troubles, "text"),
    queue: options.queue,
  };
}
