/**
 * Several logs as one, in the order of time: only so can a session of the trace meet its message in qmail-send's log without
 * either being kept.
 *
 * Each log is taken to be in order itself; lines without a time follow the line before them. Logs are opened when their
 * time has come, so a year of rotated ones is one open file at a time.
 */
import type { Timed } from "./record.ts";
import { batchesOf, type ReadCount, type Source } from "./sources.ts";

/** A log on its way. */
interface Head {
  readonly source: Source;
  batches: AsyncGenerator<Timed[]> | null;
  batch: readonly Timed[];
  next: number;
  /** Time of the next record; of the last one before it that had any. */
  atMs: number;
}

const FAR = -Infinity;

/** Goes to the next record that is there; false: the log is at its end. */
async function advance(head: Head, count: ReadCount): Promise<boolean> {
  head.batches ??= batchesOf(head.source, count);
  const { done, value } = await head.batches.next();
  if (done === true) return false;
  head.batch = value;
  head.next = 0;
  head.atMs = value[0]?.whenMs ?? head.atMs;
  return true;
}

/** The time of a log's first record, from a look into it. */
async function firstMs(source: Source): Promise<number> {
  const unused: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
  const batches = batchesOf(source, unused);
  try {
    for await (const batch of batches) {
      for (const { whenMs } of batch) if (whenMs !== null) return whenMs;
    }
    return FAR;
  } finally {
    await batches.return(undefined);
  }
}

async function headOf(source: Source, count: ReadCount): Promise<Head | null> {
  const head: Head = { source, batches: null, batch: [], next: 0, atMs: FAR };
  // Standard input can be read only once.
  if (source.name === "-") return await advance(head, count) ? head : null;
  head.atMs = await firstMs(source);
  return head;
}

/** The head whose record comes first, and until when it may go on alone. */
function earliest(heads: readonly Head[]): { head: Head; untilMs: number } | null {
  let [head, ...others] = heads;
  if (head === undefined) return null;
  let untilMs = Infinity;
  for (const other of others) {
    if (other.atMs < head.atMs) {
      untilMs = Math.min(untilMs, head.atMs);
      head = other;
    } else untilMs = Math.min(untilMs, other.atMs);
  }
  return { head, untilMs };
}

/** Hands records to `take` until the head's time passes `untilMs` or its batch is used up. */
function runHead(head: Head, untilMs: number, take: (timed: Timed) => void): void {
  while (head.next < head.batch.length) {
    const timed = head.batch[head.next];
    if (timed === undefined) return;
    head.atMs = timed.whenMs ?? head.atMs;
    if (head.atMs > untilMs) return;
    head.next++;
    take(timed);
  }
}

/** Standard input may be several logs, one behind the other. */
export const areInOrder = (sources: readonly Source[]): boolean =>
  sources.every(({ name }) => name !== "-");

/** Reads all `sources`; `onPiece` is called now and then. @throws {SourceError} */
export async function* mergeSources(
  sources: readonly Source[],
  count: ReadCount,
): AsyncGenerator<readonly Timed[]> {
  const started = sources.length === 1 && sources[0] !== undefined
    ? [{ source: sources[0], batches: null, batch: [], next: 0, atMs: FAR }]
    : await Promise.all(sources.map((source) => headOf(source, count)));
  const heads: Head[] = started.filter((head) => head !== null);
  for (let pick = earliest(heads); pick !== null; pick = earliest(heads)) {
    const { head, untilMs } = pick;
    if (head.next >= head.batch.length) {
      if (!await advance(head, count)) heads.splice(heads.indexOf(head), 1);
      continue;
    }
    const ready: Timed[] = [];
    runHead(head, untilMs, (timed) => ready.push(timed));
    yield ready;
  }
}
