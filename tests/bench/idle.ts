/** W6: memory of an idle session, and the rate of W1 while thousands are open. */
import { memoryKib } from "./process.ts";
import { type Plan, play, startServer } from "./measure.ts";
import { BenchError, type Tools } from "./tools.ts";
import type { Bench, Server } from "./servers/types.ts";
import { workload } from "./workloads.ts";

/** What W6 says of one server. */
export interface IdleResult {
  readonly server: string;
  /** Sessions that could be opened. */
  readonly sessions: number;
  readonly kib_per_session: number;
  /** W1 sessions a second without and with them. */
  readonly rate_before: number;
  readonly rate_meanwhile: number;
}

/** Opens `count` sessions and holds them until `release` is called. @throws {BenchError} */
export async function holdSessions(tools: Tools, port: number, count: number) {
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  const options = ["-m", "idle", "-p", String(port), "-c", String(count), "-T", "3600"];
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", tools.mload, ...options],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const release = async () => {
    child.kill("SIGTERM");
    await reader.cancel();
    await child.status;
  };
  if (value === undefined) {
    await release();
    throw new BenchError("The idle sessions could not be opened");
  }
  const line = JSON.parse(new TextDecoder().decode(value)) as { idle: number };
  return { open: line.idle, release };
}

/** Rate of W1 and nothing else, in a start of its own. */
async function rateAlone(bench: Bench, server: Server, plan: Plan): Promise<number> {
  const at = await startServer(bench, server, "w6");
  try {
    return (await play(bench, server, workload("w1"), at, plan)).rate;
  } finally {
    await at.running.stop();
  }
}

/**
 * Measures one server. Memory is compared with that of the fresh process, so that whatever grew with the sessions is
 * counted as theirs; the sockets' own memory is the kernel's and not in it.
 */
export async function measureIdle(
  bench: Bench,
  server: Server,
  plan: Plan,
  count: number,
): Promise<IdleResult> {
  const rate_before = await rateAlone(bench, server, plan);
  const at = await startServer(bench, server, "w6");
  try {
    const bare = memoryKib(at.running.pid);
    const held = await holdSessions(bench.tools, at.port, count);
    try {
      const full = memoryKib(at.running.pid);
      const meanwhile = await play(bench, server, workload("w1"), at, plan);
      return {
        server: server.name,
        sessions: held.open,
        kib_per_session: Math.max(0, full - bare) / Math.max(1, held.open),
        rate_before,
        rate_meanwhile: meanwhile.rate,
      };
    } finally {
      await held.release();
    }
  } finally {
    await at.running.stop();
    server.cleanUp?.(bench);
  }
}
