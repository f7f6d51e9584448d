/** Logs in, counts out: reads, joins and counts what lies within a period. */
import { Join } from "./join.ts";
import { areInOrder, mergeSources } from "./merge.ts";
import type { Timed } from "./record.ts";
import type { ReadCount, Source } from "./sources.ts";
import { Tally } from "./tally.ts";

export interface Period {
  /** Milliseconds since 1970; null: no bound. */
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

/** A record without a time belongs to no period that is asked for. */
function isWithin({ whenMs }: Timed, { fromMs, untilMs }: Period): boolean {
  if (fromMs === null && untilMs === null) return true;
  if (whenMs === null) return false;
  return (fromMs === null || whenMs >= fromMs) && (untilMs === null || whenMs < untilMs);
}

/** Reads all logs. `onPiece` is called after each piece. @throws {SourceError} */
export async function tallyLogs(
  sources: readonly Source[],
  period: Period,
  onPiece: (count: ReadCount) => void = () => {},
): Promise<{ readonly tally: Tally; readonly count: ReadCount }> {
  const count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
  const tally = new Tally();
  const join = new Join(tally, areInOrder(sources));
  for await (const batch of mergeSources(sources, count)) {
    for (const timed of batch) if (isWithin(timed, period)) join.take(timed);
    onPiece(count);
  }
  join.finish();
  return { tally, count };
}
