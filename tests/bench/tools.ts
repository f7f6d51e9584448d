/**
 * The bench's own programs in C: built with gcc into the bench folder, and the load generator's one line of JSON.
 */

/** Where the built programs are. */
export interface Tools {
  readonly mload: string;
  readonly floor: string;
  /** The stand-in for qmail-queue (qmail_queue.c). */
  readonly qmailQueue: string;
}

/** What keeps the bench from running: one sentence for the person who started it. */
export class BenchError extends Error {
  override name = "BenchError";
}

const SOURCES: Readonly<Record<keyof Tools, readonly [source: string, program: string]>> = {
  mload: ["mload.c", "mload"],
  floor: ["floor.c", "floor"],
  qmailQueue: ["qmail_queue.c", "qmail-queue"],
};

/**
 * Builds the programs into `${dir}/bin`.
 *
 * @throws {BenchError} when there is no gcc, or it fails.
 */
export function buildTools(dir: string): Tools {
  Deno.mkdirSync(`${dir}/bin`, { recursive: true });
  Deno.mkdirSync(`${dir}/stand-in-queue`, { recursive: true });
  Deno.chmodSync(`${dir}/stand-in-queue`, 0o777);
  const build = (key: keyof Tools): string => {
    const [source, program] = SOURCES[key];
    const target = `${dir}/bin/${program}`;
    const from = new URL(source, import.meta.url).pathname;
    runCompiler(["-O2", "-o", target, from]);
    return target;
  };
  return { mload: build("mload"), floor: build("floor"), qmailQueue: build("qmailQueue") };
}

function runCompiler(args: readonly string[]): void {
  try {
    const result = new Deno.Command("gcc", { args: [...args], stderr: "piped" }).outputSync();
    if (!result.success) {
      const text = new TextDecoder().decode(result.stderr).trim();
      throw new BenchError(`gcc could not build the bench's programs:\n${text}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new BenchError(
      "The bench needs gcc to build its load generator (Debian: apt-get install gcc libc6-dev)",
    );
  }
}

/** One run of the load generator. Rates per second, times in milliseconds. */
export interface Load {
  readonly sessions_s: number;
  readonly messages_s: number;
  readonly recipients_s: number;
  readonly mb_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Counted with the warm-up: what the server's CPU time is divided by. */
  readonly all_sessions: number;
  readonly all_messages: number;
  readonly all_recipients: number;
  /** Cores' worth of CPU that the generator used: 1.00 means that it was the limit. */
  readonly generator_cpu: number;
  readonly errors: number;
  readonly first_error: string;
}

const ADDED = [
  "sessions_s",
  "messages_s",
  "recipients_s",
  "mb_s",
  "all_sessions",
  "all_messages",
  "all_recipients",
  "errors",
] as const;

/** Several generators at once are one: rates and counts add up, times and CPU shares are the worst. */
export function mergeLoads(loads: readonly Load[]): Load {
  const [first, ...rest] = loads;
  if (first === undefined) throw new BenchError("No load generator ran");
  const merged: Record<string, number | string> = { ...first };
  for (const load of rest) {
    for (const key of ADDED) merged[key] = Number(merged[key]) + load[key];
    for (const key of ["p50_ms", "p99_ms", "generator_cpu"] as const) {
      merged[key] = Math.max(Number(merged[key]), load[key]);
    }
    if (merged.first_error === "") merged.first_error = load.first_error;
  }
  return merged as unknown as Load;
}

/**
 * Runs `generators` load generators with the same options and waits for them. Each is bound to a core of its own, from
 * the last one down: left alone, the kernel likes to put client and server on one core, and lets the other idle.
 */
export async function runLoad(
  tools: Tools,
  args: readonly string[],
  generators: number,
): Promise<Load> {
  const one = async (_: unknown, index: number): Promise<Load> => {
    const core = Math.max(0, navigator.hardwareConcurrency - 1 - index);
    const options = [...args, "-C", String(core)];
    const result = await new Deno.Command(tools.mload, { args: options, stderr: "piped" })
      .output();
    const text = new TextDecoder().decode(result.stdout);
    if (result.success && text !== "") return JSON.parse(text) as Load;
    const why = new TextDecoder().decode(result.stderr).trim();
    throw new BenchError(`The load generator ended without a result: ${why}`);
  };
  return mergeLoads(await Promise.all(Array.from({ length: generators }).map(one)));
}
