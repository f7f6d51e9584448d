/** What the figures hold for: processor, memory, kernel, file system, versions. */

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memory_mib: number;
  readonly kernel: string;
  readonly file_system: string;
  readonly deno: string;
  readonly date: string;
  /** The same in one line. */
  readonly text: string;
}

/** The machine, and the file system that `dir` is on. */
export function machineOf(dir: string): Machine {
  const cpuinfo = Deno.readTextFileSync("/proc/cpuinfo");
  const machine = {
    cores: navigator.hardwareConcurrency,
    processor: /model name\s*:\s*(.*)/.exec(cpuinfo)?.[1] ?? Deno.build.arch,
    memory_mib: Math.round(Deno.systemMemoryInfo().total / 1048576),
    kernel: Deno.osRelease(),
    file_system: fileSystemOf(dir),
    deno: Deno.version.deno,
    date: new Date().toISOString().slice(0, 10),
  };
  const words = [
    `${machine.cores} cores (${machine.processor})`,
    `${machine.memory_mib} MiB`,
    `Linux ${machine.kernel}`,
    `${machine.file_system}${
      machine.file_system === "tmpfs" ? " (where a sync costs nothing)" : ""
    }`,
    `Deno ${machine.deno}`,
    machine.date,
  ];
  return { ...machine, text: words.join(", ") };
}

/** Type of the file system with the longest mount point above `dir`. */
function fileSystemOf(dir: string): string {
  const real = Deno.realPathSync(dir);
  let best = "", type = "unknown";
  for (const line of Deno.readTextFileSync("/proc/mounts").split("\n")) {
    const [, point = "", kind = ""] = line.split(" ");
    const above = point === "/" || real === point || real.startsWith(`${point}/`);
    if (!above || point.length < best.length) continue;
    best = point;
    type = kind;
  }
  return type;
}
