/** What a service said of itself, as lines for people. */
import { escapeText } from "../trace/escape.ts";
import type { Ban } from "../policy/bans.ts";
import { BUCKETS, type HistogramNumbers } from "./meter.ts";
import type { SessionInfo, Stats } from "./types.ts";

/** "45 s", "12 min", "3 h 20 min", "2 d 5 h". */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = (n: number, unit: string) => n === 0 ? "" : ` ${n} ${unit}`;
  if (hours < 24) return `${hours} h${rest(minutes % 60, "min")}`;
  return `${Math.floor(hours / 24)} d${rest(hours % 24, "h")}`;
}

/** "2026-11-20 19:30:05", as the clock on the wall has it here. */
export function showTime(ms: number): string {
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Lines of a table; the last column may be as wide as it likes. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)).join("  ")
      .trimEnd()
  );
}

/** The bans, one a line. */
export function showBans(bans: readonly Ban[], nowMs: number): string[] {
  if (bans.length === 0) return ["No network is banned"];
  const rows = bans.map((ban) => [
    ban.network,
    showTime(ban.sinceMs),
    showTime(ban.untilMs),
    showDuration((ban.untilMs - nowMs) / 1000),
    String(ban.times),
    ban.by,
    escapeText(ban.reason),
  ]);
  return table(["network", "since", "until", "left", "times", "by", "reason"], rows);
}

/** The sessions, one a line. */
export function showSessions(sessions: readonly SessionInfo[]): string[] {
  if (sessions.length === 0) return ["No session is open"];
  const rows = sessions.map((one) => [
    String(one.id),
    one.ip,
    one.service,
    showDuration(one.seconds),
    one.state,
    String(one.messages),
    String(one.recipients),
    escapeText(one.login ?? ""),
    one.sender === null ? "" : `<${escapeText(one.sender)}>`,
  ]);
  const head = ["id", "ip", "service", "since", "state", "messages", "rcpts", "login", "sender"];
  return table(head, rows);
}

/** "answer 12, other 3"; "none" without any. */
export function showCounts(counts: Readonly<Record<string, number>>): string {
  const shown = Object.entries(counts).filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name} ${count}`);
  return shown.length === 0 ? "none" : shown.join(", ");
}

/** The time that so much of all took at most: a bucket's bound, as text. */
export function showQuantile(numbers: HistogramNumbers, share: number): string {
  const all = numbers.counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return "-";
  let sum = 0;
  for (const [i, bound] of BUCKETS.entries()) {
    sum += numbers.counts[i] ?? 0;
    if (sum >= all * share) return bound < 1 ? `${bound * 1000} ms` : `${bound} s`;
  }
  return `over ${BUCKETS.at(-1)} s`;
}

/** The mean as text. */
export function showMean(numbers: HistogramNumbers): string {
  const all = numbers.counts.reduce((sum, count) => sum + count, 0);
  return all === 0 ? "-" : `${(numbers.sumSeconds * 1000 / all).toFixed(2)} ms`;
}

const times = (numbers: HistogramNumbers): string =>
  `mean ${showMean(numbers)}, 95 % within ${showQuantile(numbers, 0.95)}`;

/** The numbers of a service, a screen of them. */
export function showStats(stats: Stats, nowMs: number): string[] {
  const { meter, dns, sessions } = stats;
  const refused = Object.fromEntries(
    Object.entries(sessions).filter(([name]) => name.startsWith("refused_"))
      .map(([name, count]) => [name.slice("refused_".length), count]),
  );
  const checks = Object.entries(stats.checks).map(([check, counts]) =>
    `  ${check}: ${showCounts({ ...counts })}`
  );
  return [
    `qfront ${stats.version}, pid ${stats.pid}, up ${showDuration((nowMs - stats.sinceMs) / 1000)}`,
    `workers: ${stats.workers}, memory ${Math.round(stats.residentBytes / 1048576)} MiB`,
    `sessions open: ${sessions["sessions_open"] ?? 0} (${showCounts(stats.open)})`,
    `sessions so far: ${sessions["sessions_total"] ?? 0}, refused: ${showCounts(refused)}`,
    `replies of SMTP: ${showCounts(meter.replies)}`,
    `replies of POP3: ${showCounts(meter.pop3Replies)}; of QMTP: ${showCounts(meter.qmtpReplies)}`,
    `look-ups: ${showCounts(meter.lookups)}; ${times(meter.lookupTime)}`,
    `messages: ${showCounts(meter.messages)}, in hand ${stats.inHand}; ${times(meter.queueTime)}`,
    `DNS: ${dns.questions} questions, ${dns.hits} from the cache`,
    `bans: ${stats.bans}`,
    `verdicts:${checks.length === 0 ? " none" : ""}`,
    ...checks,
    ...stats.deadZones.map(([zone, reason]) => `switched off: ${zone} (${escapeText(reason)})`),
  ];
}
