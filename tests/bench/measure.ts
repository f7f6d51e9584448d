/** One run: start a server, play a workload, take the figures, end the server. */
import {
  awaitBanner,
  cpuSeconds,
  freePort,
  machineCpuSeconds,
  memoryKib,
  ownCpuSeconds,
  type Running,
} from "./process.ts";
import { startReader } from "./reader.ts";
import { emptyMaildir } from "./site.ts";
import { BenchError, type Load, runLoad } from "./tools.ts";
import type { Bench, Server } from "./servers/types.ts";
import type { Workload, WorkloadName } from "./workloads.ts";

/** How long, how often, with how many load generators. */
export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly generators: number;
}

/** The figures of one round. */
export interface Sample {
  /** In the workload's unit. */
  readonly rate: number;
  readonly p99_ms: number;
  /** The server's CPU time for one unit, in microseconds. */
  readonly server_us: number;
  /** Cores that the load generator used; near 1.00 for each generator it was the limit. */
  readonly generator_cpu: number;
  /** Cores that something else on the machine used meanwhile: 0 on a quiet one. */
  readonly other_cpu: number;
  /** Memory of the server's processes at the end, in MiB. */
  readonly memory_mib: number;
  readonly errors: number;
  readonly first_error: string;
}

const WARM_UP_SECONDS = 4;
const START_SECONDS = 45;

/** Starts a server for a workload on a free port and waits until it answers. */
export async function startServer(
  bench: Bench,
  server: Server,
  name: WorkloadName,
): Promise<{ readonly running: Running; readonly port: number }> {
  const port = freePort();
  const running = await server.start(bench, { workload: name, port });
  if (await awaitBanner(port, START_SECONDS, server.first)) return { running, port };
  await running.stop();
  const log = tail(`${bench.dir}/${server.name}.log`);
  throw new BenchError(
    `${server.name} did not answer within ${START_SECONDS} seconds; its last words: ${log}`,
  );
}

function tail(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim().split("\n").slice(-3).join(" / ") || "none";
  } catch {
    return "none";
  }
}

/** Options of mload for this server. */
export function loadArguments(
  work: Workload,
  server: Server,
  port: number,
  plan: Plan,
): string[] {
  const drops = work.name === "w1" && server.drops === true ? ["-d"] : [];
  const times = ["-w", String(WARM_UP_SECONDS), "-T", String(plan.seconds)];
  const own = server.load?.(work.name) ?? [];
  return ["-p", String(port), ...times, "-L", server.name, ...work.load, ...drops, ...own];
}

/** Plays a workload against a running server. */
export async function play(
  bench: Bench,
  server: Server,
  work: Workload,
  at: { readonly running: Running; readonly port: number },
  plan: Plan,
): Promise<Sample> {
  const before = cpuSeconds(at.running.pid), machine = machineCpuSeconds();
  const begin = performance.now();
  const own = ownCpuSeconds();
  const reader = work.isRead === true ? startReader(bench, server) : null;
  const load = await runLoad(
    bench.tools,
    loadArguments(work, server, at.port, plan),
    plan.generators,
  ).finally(() => reader?.stop());
  const seconds = (performance.now() - begin) / 1000;
  const cpu = cpuSeconds(at.running.pid) - before;
  const known = cpu + ownCpuSeconds() - own;
  const all = (machineCpuSeconds() - machine - known) / seconds;
  return {
    ...sampleOf(work, load, cpu),
    other_cpu: Math.max(0, all - load.generator_cpu * plan.generators),
    memory_mib: memoryKib(at.running.pid) / 1024,
  };
}

function sampleOf(
  work: Workload,
  load: Load,
  cpu: number,
): Omit<Sample, "other_cpu" | "memory_mib"> {
  return {
    rate: work.rate(load),
    p99_ms: load.p99_ms,
    server_us: cpu * 1e6 / Math.max(1, work.units(load)),
    generator_cpu: load.generator_cpu,
    errors: load.errors,
    first_error: load.first_error,
  };
}

/** One round of one server: start, play, end, clean up. */
export async function round(
  bench: Bench,
  server: Server,
  work: Workload,
  plan: Plan,
): Promise<Sample> {
  await settleDisk();
  const at = await startServer(bench, server, work.name);
  try {
    return await play(bench, server, work, at, plan);
  } finally {
    await at.running.stop();
    cleanUp(bench, server);
  }
}

/** Removes what a run of the server has left. */
export function cleanUp(bench: Bench, server: Server): void {
  const maildir = server.maildir?.(bench);
  if (maildir !== undefined) emptyMaildir(maildir);
  server.cleanUp?.(bench);
  emptyQueue(bench);
}

/** Writes out what earlier runs have left unwritten: else a server that syncs waits for others' data. */
async function settleDisk(): Promise<void> {
  await new Deno.Command("sync").output();
}

/** What the stand-in for qmail-queue has gathered. */
function emptyQueue(bench: Bench): void {
  const queue = `${bench.dir}/stand-in-queue`;
  for (const entry of Deno.readDirSync(queue)) Deno.removeSync(`${queue}/${entry.name}`);
}
