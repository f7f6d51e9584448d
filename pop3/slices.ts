/**
 * Long work in short slices, so that one huge Maildir does not stop all other sessions.
 *
 * Work is a generator that yields after each slice. What fits into the first slice is done at once and gives a
 * value, not a promise (the usual small Maildir); the rest goes on between the turns of the event loop.
 */

/** A slice's end; a yielded promise is waited for. */
export type Steps<T> = Generator<Promise<unknown> | undefined, T, void>;

/** How each slice is run, from its beginning to its end. */
export type RunSlice = <T>(slice: () => T) => T;

const asItIs: RunSlice = (slice) => slice();

/** Runs `steps`; the answer is a promise only if they yielded. */
export function inSlices<T>(steps: Steps<T>, run: RunSlice = asItIs): T | Promise<T> {
  const first = run(() => steps.next());
  return first.done === true ? first.value : goOn(steps, first.value, run);
}

async function goOn<T>(
  steps: Steps<T>,
  waitFor: Promise<unknown> | undefined,
  run: RunSlice,
): Promise<T> {
  for (let wait = waitFor;;) {
    await (wait ?? new Promise((resolve) => setTimeout(resolve, 0)));
    const next = run(() => steps.next());
    if (next.done === true) return next.value;
    wait = next.value;
  }
}
