/** Every attempt to send to somebody, from lines of any log that is known here: what `replay` judges again. */
import { type Attempt, NO_FACTS } from "./facts.ts";
import { Join } from "./join.ts";
import { readLine } from "./read_line.ts";
import { areInOrder, mergeSources } from "./merge.ts";
import type { ReadCount, Source } from "./sources.ts";

/** Collects what a join tells until it is asked for. */
function collector(isInOrder: boolean): { readonly join: Join; take(): Attempt[] } {
  let ready: Attempt[] = [];
  const join = new Join({ ...NO_FACTS, attempt: (attempt) => void ready.push(attempt) }, isInOrder);
  return {
    join,
    take() {
      const taken = ready;
      ready = [];
      return taken;
    },
  };
}

/**
 * The attempts in `lines` (binary, without line ends, in the order of time), each as soon as nothing more can come about it.
 * `beforeMs`: the log was written until then, at the latest.
 */
export async function* attempts(
  lines: Iterable<string> | AsyncIterable<string>,
  beforeMs: number = Date.now(),
): AsyncGenerator<Attempt> {
  const { join, take } = collector(false);
  for await (const line of lines) {
    const timed = readLine(line, beforeMs);
    if (timed === null) continue;
    join.take(timed);
    yield* take();
  }
  join.finish();
  yield* take();
}

/** The attempts in logs (findSources), merged by time. @throws {SourceError} */
export async function* attemptsOf(
  sources: readonly Source[],
  count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 },
): AsyncGenerator<Attempt> {
  const { join, take } = collector(areInOrder(sources));
  for await (const batch of mergeSources(sources, count)) {
    for (const timed of batch) join.take(timed);
    yield* take();
  }
  join.finish();
  yield* take();
}
