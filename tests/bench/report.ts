/** What was measured as tables for people; the JSON file holds the same with every round. */
import type { IdleResult } from "./idle.ts";
import type { Sample } from "./measure.ts";
import { formatTable, median, ratio, readable, readableRatio, spread } from "./stats.ts";
import type { StdinResult } from "./stdin.ts";
import type { Server } from "./servers/types.ts";
import type { Workload } from "./workloads.ts";

/** All rounds of one server in one workload. */
export interface Measured {
  readonly server: Pick<Server, "name" | "kind" | "drops">;
  readonly samples: readonly Sample[];
}

/** One line of a workload's table. */
export interface Line {
  readonly server: string;
  readonly kind: Server["kind"];
  readonly rate: number;
  readonly spread: number;
  readonly of_floor: number | null;
  readonly of_best_peer: number | null;
  readonly p99_ms: number;
  readonly server_us: number;
  readonly memory_mib: number;
  readonly generator_cpu: number;
  readonly other_cpu: number;
  readonly errors: number;
  readonly first_error: string;
}

const of = (m: Measured, pick: (s: Sample) => number): number => median(m.samples.map(pick));
const rateOf = (m: Measured): number => of(m, (s) => s.rate);

/**
 * The floor with the same dialogue: one that drops for a server that drops (W1), else the one that does not;
 * of several (W2: one sync for many, one for each) the fastest that keeps mail, so never the kinder one.
 */
function floorOf(m: Measured, all: readonly Measured[]): Measured | undefined {
  const floors = all.filter((f) => f.server.kind === "floor");
  const same = floors.filter((f) => (f.server.drops === true) === (m.server.drops === true));
  const keeping = floors.filter((f) => f.server.name === "floor-group");
  const choice = keeping.length > 0 ? keeping : same.length > 0 ? same : floors;
  return choice.toSorted((a, b) => rateOf(b) - rateOf(a))[0];
}

/** The lines of a workload, fastest first. */
export function linesOf(all: readonly Measured[]): Line[] {
  const peers = all.filter((m) => m.server.kind === "peer").map(rateOf);
  const best = peers.length > 0 ? Math.max(...peers) : null;
  const lines = all.map((m): Line => {
    const floor = floorOf(m, all);
    return {
      server: m.server.name,
      kind: m.server.kind,
      rate: rateOf(m),
      spread: spread(m.samples.map((s) => s.rate)),
      of_floor: ratio(rateOf(m), floor === undefined ? null : rateOf(floor)),
      of_best_peer: ratio(rateOf(m), best),
      p99_ms: of(m, (s) => s.p99_ms),
      server_us: of(m, (s) => s.server_us),
      memory_mib: of(m, (s) => s.memory_mib),
      generator_cpu: of(m, (s) => s.generator_cpu),
      other_cpu: of(m, (s) => s.other_cpu),
      errors: Math.max(...m.samples.map((s) => s.errors)),
      first_error: m.samples.find((s) => s.first_error !== "")?.first_error ?? "",
    };
  });
  return lines.toSorted((a, b) => b.rate - a.rate);
}

/** A workload as text: its table, errors, and whether the goal is reached. */
export function workloadText(work: Workload, lines: readonly Line[]): string {
  const head = [
    "server",
    work.unit,
    "+-%",
    "of floor",
    "of best peer",
    "p99 ms",
    "CPU us each",
    "MiB",
    "generator CPU",
  ];
  const rows = lines.map((l) => [
    l.errors > 0 ? `${l.server} (!)` : l.server,
    readable(l.rate),
    Math.round(l.spread * 50).toString(),
    readableRatio(l.of_floor),
    readableRatio(l.of_best_peer),
    readable(l.p99_ms),
    readable(l.server_us),
    Math.round(l.memory_mib).toString(),
    l.generator_cpu.toFixed(2),
  ]);
  const faults = lines.filter((l) => l.errors > 0)
    .map((l) => `(!) ${l.server}: up to ${l.errors} errors in a round, first: ${l.first_error}`);
  const goals = lines.filter((l) => l.kind === "qfront").flatMap((l) => goalTexts(work, l));
  const notes = [...faults, ...goals, ...busyTexts(lines)];
  return [`### ${work.title}`, "", formatTable(head, rows), "", ...notes].join("\n");
}

/** Cores of something else from which on rates are not to be believed. */
const BUSY = 0.2;

function busyTexts(lines: readonly Line[]): string[] {
  const other = median(lines.map((l) => l.other_cpu));
  if (other < BUSY) return [];
  return [
    `The machine was not quiet: something else used ${
      other.toFixed(1)
    } cores. CPU us each still holds`,
  ];
}

function goalTexts(work: Workload, line: Line): string[] {
  const text = (what: string, got: number | null, wanted: number | undefined): string[] => {
    if (got === null || wanted === undefined) return [];
    const word = got >= wanted ? "reached" : "not reached";
    return [`${line.server}: ${got.toFixed(2)} of the ${what}, goal ${wanted}: ${word}`];
  };
  return [
    ...text("best peer", line.of_best_peer, work.goal.ofBestPeer),
    ...text("floor", line.of_floor, work.goal.ofFloor),
  ];
}

/** W6 as text. */
export function idleText(results: readonly IdleResult[]): string {
  const head = ["server", "sessions", "KiB each", "W1 before", "W1 meanwhile", "ratio"];
  const rows = results.map((r) => [
    r.server,
    readable(r.sessions),
    r.kib_per_session.toFixed(1),
    readable(r.rate_before),
    readable(r.rate_meanwhile),
    readableRatio(ratio(r.rate_meanwhile, r.rate_before)),
  ]);
  const title = "### W6 idle sessions: memory of each, and W1 meanwhile";
  const goal = "Goal of qfront: under 16 KiB each, W1 not below 0.80 of its rate without them";
  return [title, "", formatTable(head, rows), "", goal].join("\n");
}

/** The sessions on standard input as text. */
export function stdinText(results: readonly StdinResult[]): string {
  const rows = results.map((r) => [
    r.program,
    median(r.milliseconds).toFixed(1),
    Math.min(...r.milliseconds).toFixed(1),
    r.answered || r.program === "cat" ? "yes" : "no",
  ]);
  const table = formatTable(["program", "median ms", "least ms", "answered"], rows);
  return [
    "### A session on standard input, whole process, warm",
    "",
    table,
    "",
    "Goal: under 60 ms",
  ]
    .join("\n");
}
