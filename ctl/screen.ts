/** The screen of `qfront watch`: what changed between two looks at the numbers, and the last events. */
import { escapeText } from "../trace/escape.ts";
import type { HistogramNumbers, MeterNumbers } from "./meter.ts";
import { showCounts, showDuration, showMean, showQuantile, showTime } from "./show.ts";
import type { Stats, WatchEvent } from "./types.ts";

type Counts = Readonly<Record<string, number>>;

/** What came since `before`. */
const since = (now: Counts, before: Counts): Record<string, number> =>
  Object.fromEntries(Object.entries(now).map(([name, n]) => [name, n - (before[name] ?? 0)]));

const timesSince = (now: HistogramNumbers, before: HistogramNumbers): HistogramNumbers => ({
  counts: now.counts.map((count, i) => count - (before.counts[i] ?? 0)),
  sumSeconds: now.sumSeconds - before.sumSeconds,
});

/** "answer 1.2/s, other 3/s". */
function rates(counts: Counts, seconds: number): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0).map(([name, count]) => {
    const rate = count / seconds;
    return `${name} ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`;
  });
  return shown.length === 0 ? "quiet" : shown.join(", ");
}

const duration = (numbers: HistogramNumbers): string =>
  `mean ${showMean(numbers)}, 95 % within ${showQuantile(numbers, 0.95)}`;

function meterLines(now: MeterNumbers, before: MeterNumbers, seconds: number): string[] {
  return [
    `replies   ${rates(since(now.replies, before.replies), seconds)}`,
    `look-ups  ${rates(since(now.lookups, before.lookups), seconds)}; ${
      duration(timesSince(now.lookupTime, before.lookupTime))
    }`,
    `queue     ${rates(since(now.messages, before.messages), seconds)}; ${
      duration(timesSince(now.queueTime, before.queueTime))
    }`,
  ];
}

/** Verdicts by check and what became of them, together. */
function checkCounts(stats: Stats): Counts {
  const entries = Object.entries(stats.checks).flatMap(([check, counts]) => [
    [check, counts.applied + counts.accepted - counts.softened] as const,
    [`${check} (shadow)`, counts.shadow] as const,
    [`${check} (softened)`, counts.softened] as const,
  ]);
  return Object.fromEntries(entries);
}

/** An event as one line. */
export function showEvent({ atMs, session, text }: WatchEvent): string {
  return `${showTime(atMs).slice(11)} ${session === 0 ? "-" : session} ${escapeText(text)}`;
}

/** What is shown. */
export interface Look {
  readonly before: Stats;
  readonly now: Stats;
  /** Between the two. */
  readonly seconds: number;
  readonly nowMs: number;
  /** The last events, oldest first. */
  readonly lines: readonly string[];
}

/** The lines of a screen of so many columns and rows; never more of either. */
export function screenLines(look: Look, columns: number, rows: number): string[] {
  const { before, now, seconds, nowMs, lines } = look;
  const total = since(now.sessions, before.sessions);
  const up = showDuration((nowMs - now.sinceMs) / 1000);
  const memory = Math.round(now.residentBytes / 1048576);
  const head = [
    `qfront ${now.version}  pid ${now.pid}  up ${up}  workers ${now.workers}  memory ${memory} MiB`,
    `sessions  ${now.sessions["sessions_open"] ?? 0} open (${showCounts(now.open)}); ${
      rates({ new: total["sessions_total"] ?? 0, refused: refusedOf(total) }, seconds)
    }`,
    ...meterLines(now.meter, before.meter, seconds),
    `verdicts  ${rates(since(checkCounts(now), checkCounts(before)), seconds)}`,
    `bans      ${now.bans}${
      now.deadZones.length === 0
        ? ""
        : `; switched off: ${now.deadZones.map(([zone]) => zone).join(" ")}`
    }`,
    "",
  ].slice(0, rows);
  const room = Math.max(0, rows - head.length);
  const last = room === 0 ? [] : lines.slice(-room);
  return [...head, ...last].map((line) => line.slice(0, columns));
}

const refusedOf = (counts: Counts): number =>
  Object.entries(counts).filter(([name]) => name.startsWith("refused_"))
    .reduce((sum, [, count]) => sum + count, 0);
