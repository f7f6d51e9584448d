/**
 * The lint for the direction of imports: each room may import from the rooms named for it and from no other.
 * A circle between files is a defect as well. Run by `task test`.
 */

/** Room -> rooms it may import. "types" are type-only imports of that room's types.ts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli"],
  cli: [
    "smtp",
    "qmtp",
    "pop3",
    "content",
    "report",
    "replay",
    "doctor",
    "ctl",
    "policy",
    "keeper",
    "validate",
    "auth",
    "queue",
    "dns",
    "cdb",
    "net",
    "trace",
    "settings",
    "transcript",
  ],
  smtp: ["content", "policy", "validate", "queue", "auth", "net", "trace", "settings"],
  qmtp: ["content", "policy", "validate", "queue", "auth", "net", "trace", "settings"],
  pop3: ["validate", "auth", "net", "trace", "settings"],
  keeper: ["pop3", "validate", "auth", "queue", "net", "trace", "settings"],
  content: ["policy", "validate", "queue", "dns", "net", "trace", "settings"],
  report: ["policy", "validate", "dns", "net", "trace", "settings"],
  replay: ["report", "policy", "validate", "dns", "net", "trace", "settings"],
  doctor: [
    "keeper",
    "policy",
    "validate",
    "auth",
    "queue",
    "dns",
    "cdb",
    "net",
    "trace",
    "settings",
  ],
  ctl: ["policy", "net", "trace", "settings"],
  policy: ["validate", "auth", "dns", "cdb", "net", "trace", "settings"],
  queue: ["validate", "net", "trace", "settings"],
  validate: ["cdb", "trace", "settings"],
  auth: ["cdb", "validate", "trace", "settings"],
  dns: ["net", "trace", "settings"],
  cdb: [],
  net: ["cdb", "trace", "settings"],
  transcript: ["net", "trace", "settings"],
  trace: ["settings"],
  settings: [],
};

const IMPORT =
  /^(?:import|export)\s[^"']*?from\s+"([^"]+)"|^import\s+"([^"]+)"|import\("([^"]+)"\)/gm;

/** Source files of the rooms, as paths relative to `top`. */
export function sourceFiles(top: string): string[] {
  const found: string[] = [];
  const walk = (dir: string) => {
    for (const entry of Deno.readDirSync(`${top}/${dir}`)) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      else if (entry.name.endsWith(".ts")) found.push(path);
    }
  };
  for (const room of Object.keys(MAY_IMPORT)) {
    try {
      if (room.endsWith(".ts")) {
        Deno.statSync(`${top}/${room}`);
        found.push(room);
      } else walk(room);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found.sort();
}

/** Paths that `source` (text of the file at `path`) imports from the project itself. */
export function importsOf(path: string, source: string): string[] {
  const targets: string[] = [];
  for (const match of source.matchAll(IMPORT)) {
    const spec = match[1] ?? match[2] ?? match[3] ?? "";
    if (!spec.startsWith(".")) continue;
    const parts = path.split("/").slice(0, -1);
    for (const step of spec.split("/")) {
      if (step === "..") parts.pop();
      else if (step !== ".") parts.push(step);
    }
    targets.push(parts.join("/"));
  }
  return targets;
}

const roomOf = (path: string): string =>
  path.includes("/") ? path.slice(0, path.indexOf("/")) : path;

/** Sentences about imports that run up the table. */
export function directionFaults(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = [];
  for (const [path, targets] of graph) {
    const room = roomOf(path);
    for (const target of targets) {
      const other = roomOf(target);
      if (other !== room && !MAY_IMPORT[room]?.includes(other)) {
        faults.push(`${path} imports ${target}, but ${room} may not import ${other}`);
      }
    }
  }
  return faults;
}

/** The first circle of files, as a sentence; null when there is none. */
export function circleFault(graph: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): string | null => {
    if (done.has(path)) return null;
    const at = trail.indexOf(path);
    if (at >= 0) return `a circle of imports: ${[...trail.slice(at), path].join(" -> ")}`;
    trail.push(path);
    for (const target of graph.get(path) ?? []) {
      const fault = visit(target);
      if (fault !== null) return fault;
    }
    trail.pop();
    done.add(path);
    return null;
  };
  for (const path of graph.keys()) {
    const fault = visit(path);
    if (fault !== null) return fault;
  }
  return null;
}

/** All faults of the tree at `top`. */
export function importFaults(top: string): string[] {
  const graph = new Map<string, string[]>();
  for (const path of sourceFiles(top)) {
    graph.set(path, importsOf(path, Deno.readTextFileSync(`${top}/${path}`)));
  }
  const circle = circleFault(graph);
  return circle === null ? directionFaults(graph) : [...directionFaults(graph), circle];
}

if (import.meta.main) {
  const faults = importFaults(".");
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
}
