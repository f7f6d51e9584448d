/** Logs on the command line, for those who read attempts from them: period, progress, and the attempts themselves. */
import { type Attempt, attemptsOf, makeProgress, type Period } from "../report/mod.ts";
import type { ReadCount, Source } from "../report/mod.ts";
import { type CommandOption, type ParsedArgs, UsageError } from "./command.ts";
import type { ReportIo } from "./report.ts";

export const PERIOD_OPTIONS: readonly CommandOption[] = [
  { name: "since", value: "SPAN", about: "the last 24h, 7d, 4w" },
  { name: "from", value: "TIME", about: "from 2026-03-01 or 2026-03-01T14:00 on" },
  { name: "until", value: "TIME", about: "before that time" },
];

/** Bytes of all logs; 0: nobody knows. */
export const totalBytes = (sources: readonly Source[]): number =>
  sources.some(({ bytes }) => bytes === 0) ? 0 : sources.reduce((sum, { bytes }) => sum + bytes, 0);

/** Does the time lie in the period? What has none belongs to no period that is asked for. */
export function isIn({ fromMs, untilMs }: Period, whenMs: number | null): boolean {
  if (fromMs === null && untilMs === null) return true;
  if (whenMs === null) return false;
  return (fromMs === null || whenMs >= fromMs) && (untilMs === null || whenMs < untilMs);
}

/** The attempts of `sources` in `period`, with a progress bar on a terminal. @throws {SourceError} */
export async function* readAttempts(
  sources: readonly Source[],
  period: Period,
  io: ReportIo,
  count: ReadCount,
): AsyncGenerator<Attempt> {
  const terminal = { isTerminal: io.isErrorTerminal, write: io.err };
  const progress = makeProgress(terminal, totalBytes(sources));
  try {
    for await (const attempt of attemptsOf(sources, count)) {
      progress.update(count.bytes);
      if (isIn(period, attempt.whenMs)) yield attempt;
    }
  } finally {
    progress.done();
  }
}

/** Rows of each list. @throws {UsageError} */
export function topOf(args: ParsedArgs, fallback: string): number {
  const text = args.value("top") ?? fallback;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(`--top "${text}" is no number from 1 to 9999`);
}
