/**
 * Processes under measurement: start with enough open files, wait for the port, CPU time and memory of the
 * whole tree below a process as /proc tells them, and the end - by process id, always.
 *
 * Linux only, like the rest of the bench.
 */

import { cpuUsage } from "node:process";

/** Something that runs and can be ended. */
export interface Running {
  readonly pid: number;
  /** Ends it and everything below it; returns when it is gone. */
  stop(): Promise<void>;
}

/** What a start may need beyond the command line. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File that gets what the program prints on both outputs. */
  readonly log: string;
  /** What ends it; SIGTERM unless said otherwise. */
  readonly endWith?: Deno.Signal;
}

const alive = new Set<Running>();

/** Ends whatever is still running; for the end of the program, whatever brought it. */
export async function stopAll(): Promise<void> {
  await Promise.all([...alive].map((r) => r.stop()));
}

/** Starts a program with as many open files as the system allows (W6 needs 10,000 and more). */
export function start(argv: readonly string[], options: StartOptions): Running {
  const script = 'ulimit -n "$(ulimit -Hn)"; log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null';
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", options.log, ...argv],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const running: Running = {
    pid: child.pid,
    async stop() {
      alive.delete(running);
      await endProcess(child, options.endWith ?? "SIGTERM");
    },
  };
  alive.add(running);
  return running;
}

/** The signal, and SIGKILL when that is not enough within five seconds; waits for the whole tree. */
async function endProcess(child: Deno.ChildProcess, signal: Deno.Signal): Promise<void> {
  const tree = processTree(child.pid);
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  if (signal === "SIGKILL") tree.slice(1).forEach(killHard);
  kill(signal);
  const timer = setTimeout(() => kill("SIGKILL"), 5000);
  await child.status;
  clearTimeout(timer);
  const end = performance.now() + 5000;
  while (tree.some(isAlive)) {
    if (performance.now() > end) throw new Error(`Processes ${tree.filter(isAlive)} did not end`);
    await pause(20);
  }
}

/** A cell's first process must be killed itself: that it dies with its parent is undone when it changes identity. */
function killHard(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

const isAlive = (pid: number): boolean => !["", "Z", "X"].includes(statFields(pid)[0] ?? "");

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Waits until something answers on 127.0.0.1 with its first bytes; false after `seconds`.
 * @param first what has to be said before
 */
export async function awaitBanner(port: number, seconds: number, first = ""): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    if (await hasBanner(port, first)) return true;
    await pause(50);
  }
  return false;
}

async function hasBanner(port: number, first: string): Promise<boolean> {
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return false; // not yet there: asked again until the time is up
  }
  let open = true;
  const close = () => {
    if (open) conn.close();
    open = false;
  };
  const timer = setTimeout(close, 5000);
  try {
    if (first !== "") await conn.write(new TextEncoder().encode(first));
    return (await conn.read(new Uint8Array(512)) ?? 0) > 0;
  } catch {
    return false; // closed by the timer, or by a server that is not ready
  } finally {
    clearTimeout(timer);
    close();
  }
}

/** A free port of the loopback interface. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = listener.addr.port;
  listener.close();
  return port;
}

/** The process and all below it. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const parent = Number(statFields(Number(entry.name))[1] ?? -1);
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [Number(entry.name)]);
    else known.push(Number(entry.name));
  }
  const tree: number[] = [pid];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i] ?? -1) ?? []));
  return tree;
}

/** Fields of /proc/PID/stat behind the name in parentheses; empty when the process is gone. */
function statFields(pid: number): string[] {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return []; // ended meanwhile
  }
}

/** CPU time of a tree in seconds, with that of children it has waited for (a tick is 10 ms). */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const p of processTree(pid)) {
    for (const field of statFields(p).slice(11, 15)) ticks += Number(field);
  }
  return ticks / 100;
}

/** CPU time of this process, in seconds. */
export function ownCpuSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

/** CPU time that the whole machine has used since its start, in seconds. */
export function machineCpuSeconds(): number {
  const line = Deno.readTextFileSync("/proc/stat").split("\n")[0] ?? "";
  const [user, nice, system, , , irq, softirq] = line.split(/\s+/).slice(1).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) / 100;
}

/** Memory of a tree in KiB: its proportional share (PSS), or resident memory where that is not told. */
export function memoryKib(pid: number): number {
  let sum = 0;
  for (const p of processTree(pid)) {
    const pss = kibLine(`/proc/${p}/smaps_rollup`, "Pss:");
    sum += pss ?? kibLine(`/proc/${p}/status`, "VmRSS:") ?? 0;
  }
  return sum;
}

function kibLine(path: string, key: string): number | null {
  try {
    const line = Deno.readTextFileSync(path).split("\n").find((l) => l.startsWith(key));
    return line === undefined ? null : Number(/\d+/.exec(line)?.[0]);
  } catch {
    return null; // a kernel thread, or ended meanwhile
  }
}
