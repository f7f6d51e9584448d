/** For the tests of report/: logs as text, and what they come to. */
import { type Attempt, attempts } from "../../../report/mod.ts";
import { tallyLogs } from "../../../report/run.ts";
import { type ReadCount, textSource } from "../../../report/sources.ts";
import { maskOf, type Privacy } from "../../../report/privacy.ts";
import type { QueueReport, Recheck, Report } from "../../../report/report_types.ts";
import { summarize } from "../../../report/summary.ts";
import type { Tally } from "../../../report/tally.ts";

export const PERIOD = { fromMs: null, untilMs: null };

export async function tallied(...logs: string[]): Promise<{ tally: Tally; count: ReadCount }> {
  return await tallyLogs(logs.map((log) => textSource(log)), PERIOD);
}

export async function attemptsIn(log: string): Promise<Attempt[]> {
  return await Array.fromAsync(attempts(log.split("\n")));
}

export async function reported(
  logs: readonly string[],
  options: { privacy?: Privacy; queue?: QueueReport; recheck?: Recheck } = {},
): Promise<Report> {
  const { tally, count } = await tallied(...logs);
  return summarize(tally, {
    ...PERIOD,
    top: 10,
    mask: maskOf(options.privacy ?? "none"),
    nowMs: Date.UTC(2026, 2, 1),
    host: "mail.example.org",
    files: logs.length,
    count,
    recheck: options.recheck ?? null,
    queue: options.queue ?? null,
  });
}
