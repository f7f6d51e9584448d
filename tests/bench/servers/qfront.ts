/** qfront itself: the compiled binary where there is one, else run by Deno. */
import { start } from "../process.ts";
import { type Bench, exists, type Server, type Start } from "./types.ts";
import type { WorkloadName } from "../workloads.ts";

/** The words that start qfront: `dist/qfront`, or Deno on main.ts. */
export function qfrontCommand(top: string): string[] {
  if (exists(`${top}/dist/qfront`)) return [`${top}/dist/qfront`];
  const config = ["--config", `${top}/deno.json`, "--no-lock"];
  return [Deno.execPath(), "run", "-A", ...config, `${top}/main.ts`];
}

/** Limits that a load from one address would run into, and what a workload asks for. */
function settings(workload: WorkloadName, added: readonly string[]): string[] {
  const words = ["max_sessions=20000", "max_sessions_per_address=20000", ...added];
  if (workload === "w1b") words.push("on_invalid_rcpt=reject", "max_unknown_recipients=0");
  words.push(workload === "w2q" ? "queue=qmail-queue" : "queue=maildir");
  return words.flatMap((word) => ["--set", word]);
}

function startQfront(
  bench: Bench,
  { workload, port }: Start,
  added: readonly string[],
  log: string,
) {
  const here = `127.0.0.1:${port}`, elsewhere = "127.0.0.1:0";
  const listen = workload === "w5" ? [elsewhere, here] : [here, elsewhere];
  const argv = [
    ...qfrontCommand(bench.top),
    "serve",
    ...["--root", bench.site.root, "--smtp", listen[0] ?? "", "--pop3", listen[1] ?? ""],
    ...settings(workload, added),
  ];
  const env = { QMAILQUEUE: workload === "w2q" ? bench.tools.qmailQueue : "" };
  return start(argv, { log, ...(workload === "w2q" ? { env } : {}) });
}

function qfront(
  name: string,
  about: string,
  workloads: readonly WorkloadName[],
  added: readonly string[],
  drops: boolean,
): Server {
  return {
    name,
    kind: "qfront",
    about,
    workloads,
    drops,
    obstacle: (bench) =>
      exists(`${bench.top}/main.ts`) ? null : "neither dist/qfront nor main.ts is there",
    start: (bench, what) =>
      Promise.resolve(startQfront(bench, what, added, `${bench.dir}/${name}.log`)),
    maildirs: (bench) => [`${bench.site.root}/home/bench/Maildir`],
  };
}

export const QFRONTS: readonly Server[] = [
  qfront(
    "qfront",
    "real look-up on the site, trace level 2; ends the session after an invalid recipient",
    ["w1", "w1b", "w2", "w2q", "w3", "w4", "w5", "w6", "stdin"],
    [],
    true,
  ),
  qfront(
    "qfront-reject",
    "the same with on_invalid_rcpt=reject: the client ends the session",
    ["w1"],
    ["on_invalid_rcpt=reject"],
    false,
  ),
  qfront(
    "qfront-workers",
    "the same with workers=auto",
    ["w1", "w1b", "w2", "w3", "w4", "w5"],
    ["workers=auto"],
    true,
  ),
];
