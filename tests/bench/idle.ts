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

/** Opens `count` sessions and holds them until `release` is called. */
async function holdSessions(tools: Tools, port: number, count: number) {
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

/**
 * Measures one server. It is warmed up with W1 first, so that what it needs anyway is not counted.
 */
export async function measureIdle(
  bench: Bench,
  server: Server,
  plan: Plan,
  count: number,
): Promise<IdleResult> {
  const work = workload("w1");
  const at = await startServer(bench, server, "w6");
  try {
    const before = await play(bench, server, work, at, plan);
    const bare = memoryKib(at.running.pid);
    const held = await holdSessions(bench.tools, at.port, count);
    try {
      const full = memoryKib(at.running.pid);
      const meanwhile = await play(bench, server, work, at, plan);
      return {
        server: server.name,
        sessions: held.open,
        kib_per_session: Math.max(0, full - bare) / Math.max(1, held.open),
        rate_before: before.rate,
        rate_meanwhile: meanwhile.rate,
      };
    } finally {
      await held.release();
    }
  } finally {
    await at.running.stop();
  }
}
