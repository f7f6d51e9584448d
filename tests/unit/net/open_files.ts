/** Descriptors of this process for files below `dir`: other tests, in other threads, have theirs. */
export function openBelow(dir: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(dir)) count++;
    } catch (error) {
      // Closed meanwhile: somebody else's.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return count;
}
