/**
 * Memory over time: `deno run -A tests/bench/memory.ts [--seconds N] [--qfront FILE] [--servers a,b]`.
 *
 * W4: messages of 10 MiB on eight connections, memory of all the server's processes four times a second; a curve that rises
 * would be messages that are kept. W6: idle sessions, 2,000 more at each step, then all of them gone. PSS in MiB: memory that
 * processes share is counted once. Linux only.
 */
import { parseArgs } from "@std/cli/parse-args";
import { holdSessions } from "./idle.ts";
import { cleanUp, loadArguments, startServer } from "./measure.ts";
import { memoryKib, stopAll } from "./process.ts";
import { startReader } from "./reader.ts";
import { qfrontCommand } from "./servers/qfront.ts";
import { SERVERS } from "./servers/mod.ts";
import type { Bench, Server } from "./servers/types.ts";
import { makeSite } from "./site.ts";
import { buildTools, runLoad } from "./tools.ts";
import { workload } from "./workloads.ts";

const SAMPLES_A_SECOND = 4;
const STEP_SESSIONS = 2000;
const STEPS = 5;

const mib = (pid: number): number => Math.round(memoryKib(pid) / 1024);

/** A curve as a line of blocks, from nothing to its highest point. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(1, ...values);
  return values.map((v) => "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor(v / top * 7.999))]).join("");
}

/** Memory while W4 runs. */
async function w4(bench: Bench, server: Server, seconds: number): Promise<readonly number[]> {
  const work = workload("w4");
  const at = await startServer(bench, server, "w4");
  const values: number[] = [];
  const timer = setInterval(() => values.push(mib(at.running.pid)), 1000 / SAMPLES_A_SECOND);
  const reader = startReader(bench, server);
  try {
    const plan = { rounds: 1, seconds, generators: 1 };
    await runLoad(bench.tools, loadArguments(work, server, at.port, plan), 1);
    return values;
  } finally {
    clearInterval(timer);
    reader.stop();
    await at.running.stop();
    cleanUp(bench, server);
  }
}

/** Memory with more and more idle sessions, then without any. */
async function w6(bench: Bench, server: Server): Promise<readonly number[]> {
  const at = await startServer(bench, server, "w6");
  const values = [mib(at.running.pid)];
  const held: { release(): Promise<void> }[] = [];
  try {
    for (let step = 0; step < STEPS; step++) {
      held.push(await holdSessions(bench.tools, at.port, STEP_SESSIONS));
      values.push(mib(at.running.pid));
    }
    for (const one of held.splice(0)) await one.release();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return [...values, mib(at.running.pid)];
  } finally {
    for (const one of held) await one.release();
    await at.running.stop();
    server.cleanUp?.(bench);
  }
}

async function main(): Promise<void> {
  const args = parseArgs(Deno.args, { string: ["seconds", "qfront", "servers"] });
  const word = (name: string): string => String(args[name] ?? "");
  const top = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
  const dir = Deno.makeTempDirSync({ prefix: "qfront-bench-" });
  Deno.chmodSync(dir, 0o755);
  const bench: Bench = {
    dir,
    top,
    qfront: qfrontCommand(top, word("qfront") || null),
    tools: buildTools(dir),
    site: makeSite(dir, "des"),
    peers: `${top}/.cache/peers`,
  };
  const names = (word("servers") || "qfront,qfront-single").split(",");
  try {
    for (const server of SERVERS.filter(({ name }) => names.includes(name))) {
      const during = await w4(bench, server, Number(word("seconds") || "15"));
      console.log(`w4 ${server.name}: ${sparkline(during)} MiB: ${during.join(" ")}`);
      const idle = await w6(bench, server);
      console.log(`w6 ${server.name}: ${sparkline(idle)} MiB: ${idle.join(" ")}`);
    }
  } finally {
    await stopAll();
    Deno.removeSync(dir, { recursive: true });
  }
}

if (import.meta.main) {
  await main();
  Deno.exit(0);
}
