/**
 * `deno task bench`: qfront beside the C floor and every peer found, in the same run on the same machine.
 *
 * Servers run one at a time; a round plays every server once, and the rounds repeat that in turn, so that a slow
 * minute of the machine falls on all of them. Medians are reported. It says nothing about networks, many cores
 * or real spam; docs/performance.md has the explanations. Speed is never part of a timed test.
 */
import { parseArgs } from "@std/cli/parse-args";
import { type IdleResult, measureIdle } from "./idle.ts";
import { machineOf } from "./machine.ts";
import { type Plan, round } from "./measure.ts";
import { stopAll } from "./process.ts";
import { idleText, type Line, linesOf, type Measured, stdinText, workloadText } from "./report.ts";
import { SERVERS } from "./servers/mod.ts";
import { qfrontCommand } from "./servers/qfront.ts";
import type { Bench, Server } from "./servers/types.ts";
import { type HashName, makeSite } from "./site.ts";
import { readable } from "./stats.ts";
import { measureStdin, type StdinResult } from "./stdin.ts";
import { BenchError, buildTools } from "./tools.ts";
import { type Workload, WORKLOAD_NAMES, type WorkloadName, WORKLOADS } from "./workloads.ts";

const HELP = `deno task bench [OPTIONS]
  --only w1,w2       workloads (${WORKLOAD_NAMES.join(", ")}); default: all
  --servers a,b      servers (${SERVERS.map((s) => s.name).join(", ")});
                     default: all that are found, but qfront-workers
  --rounds N         rounds, 3        --seconds N   seconds counted in each, 5
  --generators N     load generators at once; default: 1, with four cores or more 2
  --idle N           sessions of W6, 10000
  --pop-hash NAME    hashes of W5: des (default; microseconds) or sha512
  --dir DIR          where to work (must not be there yet); default: a temporary folder
  --qfront FILE      the program to measure; default: dist/qfront, else Deno on main.ts
  --keep             leave that folder    --json FILE   everything measured, with every round`;

interface Options {
  readonly names: readonly WorkloadName[];
  readonly servers: readonly Server[];
  readonly plan: Plan;
  readonly idleSessions: number;
  readonly hash: HashName;
  readonly dir: string | null;
  readonly qfront: string | null;
  readonly keep: boolean;
  readonly json: string | null;
}

/** Everything that was measured. */
interface Outcome {
  readonly workloads: { name: string; unit: string; lines: Line[]; rounds: readonly Measured[] }[];
  idle: IdleResult[];
  stdin: StdinResult[];
}

const say = (text: string): void => console.log(text);

/** @throws {BenchError} for words that are none of the known ones. */
function pick<T>(text: unknown, all: readonly T[], name: (item: T) => string): readonly T[] | null {
  if (typeof text !== "string" || text === "") return null;
  return text.split(",").map((word) => {
    const found = all.find((item) => name(item) === word);
    if (found !== undefined) return found;
    throw new BenchError(`"${word}" is none of ${all.map(name).join(", ")}`);
  });
}

function count(text: unknown, name: string, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new BenchError(`--${name} needs a number above 0, not "${text}"`);
}

const TEXTS = [
  "only",
  "servers",
  "rounds",
  "seconds",
  "generators",
  "idle",
  "pop-hash",
  "dir",
  "qfront",
];

function readOptions(args: readonly string[]): Options {
  const given = parseArgs(args, {
    string: [...TEXTS, "json"],
    boolean: ["keep"],
    unknown: (word) => {
      throw new BenchError(`"${word}" is no option; --help shows them`);
    },
  });
  const hash = given["pop-hash"] ?? "des";
  if (hash !== "des" && hash !== "sha512") {
    throw new BenchError(`--pop-hash is des or sha512, not "${hash}"`);
  }
  return {
    names: pick(given.only, WORKLOAD_NAMES, (n) => n) ?? WORKLOAD_NAMES,
    servers: pick(given.servers, SERVERS, (s) => s.name) ??
      SERVERS.filter((s) => s.name !== "qfront-workers"),
    plan: {
      rounds: count(given.rounds, "rounds", 3),
      seconds: count(given.seconds, "seconds", 5),
      generators: count(given.generators, "generators", navigator.hardwareConcurrency >= 4 ? 2 : 1),
    },
    idleSessions: count(given.idle, "idle", 10_000),
    hash,
    dir: typeof given.dir === "string" ? given.dir : null,
    qfront: typeof given.qfront === "string" ? given.qfront : null,
    keep: given.keep === true,
    json: typeof given.json === "string" ? given.json : null,
  };
}

/** The servers that can run here; the others are named with the reason. */
function presentServers(bench: Bench, options: Options): Server[] {
  return options.servers.filter((server) => {
    const obstacle = server.obstacle(bench);
    if (obstacle !== null) say(`${server.name} is left out: it ${obstacle}`);
    return obstacle === null;
  });
}

/** All rounds of one workload. A server that fails is named and not asked again. */
async function measureWorkload(
  bench: Bench,
  work: Workload,
  servers: readonly Server[],
  plan: Plan,
): Promise<Measured[]> {
  const samples = new Map(servers.map((s) => [s, [] as Measured["samples"][number][]]));
  for (let number = 0; number < plan.rounds; number++) {
    for (const [server, rounds] of samples) {
      try {
        const sample = await round(bench, server, work, plan);
        rounds.push(sample);
        say(
          `${work.name} round ${number + 1}: ${server.name} ${readable(sample.rate)} ${work.unit}`,
        );
      } catch (error) {
        if (!(error instanceof BenchError)) throw error;
        say(`${work.name}: ${server.name} is left out: ${error.message}`);
        samples.delete(server);
      }
    }
  }
  return [...samples].map(([{ name, kind, drops }, rounds]) => ({
    server: { name, kind, ...(drops === undefined ? {} : { drops }) },
    samples: rounds,
  }));
}

async function measureAllIdle(bench: Bench, servers: readonly Server[], options: Options) {
  const results: IdleResult[] = [];
  for (const server of servers.filter((s) => s.workloads.includes("w6"))) {
    try {
      results.push(await measureIdle(bench, server, options.plan, options.idleSessions));
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      say(`w6: ${server.name} is left out: ${error.message}`);
    }
  }
  return results;
}

async function measureAll(bench: Bench, options: Options): Promise<Outcome> {
  const present = presentServers(bench, options);
  const outcome: Outcome = { workloads: [], idle: [], stdin: [] };
  for (const work of WORKLOADS.filter((w) => options.names.includes(w.name))) {
    const servers = present.filter((s) => s.workloads.includes(work.name));
    const rounds = await measureWorkload(bench, work, servers, options.plan);
    const lines = linesOf(rounds);
    outcome.workloads.push({ name: work.name, unit: work.unit, lines, rounds });
    say(`\n${workloadText(work, lines)}\n`);
  }
  if (options.names.includes("w6")) {
    outcome.idle = await measureAllIdle(bench, present, options);
    say(`\n${idleText(outcome.idle)}\n`);
  }
  if (options.names.includes("stdin") && present.some((s) => s.name === "qfront")) {
    outcome.stdin = await measureStdin(bench, 20);
    say(`\n${stdinText(outcome.stdin)}\n`);
  }
  return outcome;
}

function makeBench(options: Options): Bench {
  const top = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
  const dir = options.dir ?? Deno.makeTempDirSync({ prefix: "qfront-bench-" });
  if (options.dir !== null) Deno.mkdirSync(dir, { recursive: true });
  Deno.chmodSync(dir, 0o755);
  const tools = buildTools(dir);
  const qfront = qfrontCommand(top, options.qfront);
  return {
    dir,
    top,
    qfront,
    tools,
    site: makeSite(dir, options.hash),
    peers: `${top}/.cache/peers`,
  };
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return say(HELP);
  const options = readOptions(args);
  const bench = makeBench(options);
  const end = async () => {
    await stopAll();
    if (!options.keep) Deno.removeSync(bench.dir, { recursive: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => end().finally(() => Deno.exit(130)));
  }
  try {
    const machine = machineOf(bench.dir);
    say(`${machine.text}\nbench folder: ${bench.dir}`);
    const outcome = await measureAll(bench, options);
    const command = `deno task bench ${args.join(" ")}`.trim();
    const all = { machine, command, plan: options.plan, ...outcome };
    if (options.json !== null) Deno.writeTextFileSync(options.json, JSON.stringify(all, null, 1));
  } finally {
    await end();
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    console.error(error.message);
    Deno.exit(64);
  }
}
