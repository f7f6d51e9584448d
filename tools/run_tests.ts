/**
 * Runs `deno test` and counts what it says, within a time limit: a test that hangs ends the run aloud, with the names of
 * the files that had not reported, instead of keeping whoever waits for the result.
 *
 * Only the `deno test` that was started here is ended, by its process id.
 */
export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Ten minutes; the whole run takes less than two on two cores. */
export const LIMIT_MILLIS = 600_000;
const GRACE_MILLIS = 5_000;

/** Reads deno's closing line, such as "ok | 2 passed (1 step) | 0 failed | 1 ignored (7ms)". */
export function readClosingLine(output: string): Count | null {
  const line = output.split("\n").findLast((l) => /^(ok|FAILED) \| \d+ passed/.test(l));
  if (line === undefined) return null;
  const number = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: number("passed"), failed: number("failed"), skipped: number("ignored") };
}

/** Those of `files` (paths below the working directory) that the output of `deno test` does not name as run. */
export function unreported(files: readonly string[], output: string): string[] {
  return files.filter((file) => !output.includes(` from ./${file}\n`));
}

async function endsWithin(child: Deno.ChildProcess, millis: number): Promise<boolean> {
  let timer: number | undefined;
  const late = new Promise<false>((done) => timer = setTimeout(() => done(false), millis));
  const inTime = await Promise.race([child.status.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended by itself in between
  }
}

/**
 * Runs `deno test` with `args`, giving what it prints to `show` as it goes. `files` are the test files, for the sentence about a
 * run that took longer than `limitMillis`; that one counts as a failure.
 */
export async function runTests(
  args: readonly string[],
  files: readonly string[],
  limitMillis: number = LIMIT_MILLIS,
  show: (bytes: Uint8Array) => Promise<unknown> = (bytes) => Deno.stdout.write(bytes),
): Promise<Count> {
  const say = (line: string) => show(new TextEncoder().encode(`${line}\n`));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...args],
    stdin: "null",
    stdout: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let output = "";
  const reader = child.stdout.getReader();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      output += decoder.decode(part.value, { stream: true });
      await show(part.value);
    }
  })();
  const inTime = await endsWithin(child, limitMillis);
  if (!inTime) {
    kill(child, "SIGTERM");
    if (!await endsWithin(child, GRACE_MILLIS)) kill(child, "SIGKILL");
    // What the tests had started may hold the pipe open: it is not waited for.
    await reader.cancel();
  }
  await reading;
  const { success } = await child.status;
  if (!inTime) {
    await say(`FAILED: deno test had not ended after ${limitMillis / 1000} s and was ended`);
    for (const file of unreported(files, output)) await say(`not reported: ${file}`);
  }
  const count = readClosingLine(output) ?? { passed: 0, failed: 1, skipped: 0 };
  if (!(success && inTime) && count.failed === 0) count.failed = 1;
  for (const line of output.split("\n")) {
    if (/\.\.\. ignored/.test(line)) {
      await say(`skipped: ${line.replace(/ \.\.\. ignored.*/, "")}`);
    }
  }
  return count;
}
