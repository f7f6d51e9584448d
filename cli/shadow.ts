/**
 * `qfront shadow`: each check in shadow with what it would have refused, and how much of that proved wanted.
 *
 * It reads traces, and asks a running service for its counts where one listens on the control socket. Nothing changes;
 * `qfront promote` turns a check on.
 */
import type { CheckCounts } from "../policy/counts.ts";
import { shadowText } from "../replay/mod.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS } from "./command.ts";
import { askService, findRunning } from "./control_client.ts";
import { PERIOD_OPTIONS, topOf } from "./log_input.ts";
import { jsonReport, periodOf, realIo, type ReportIo, sourceTrouble } from "./report.ts";
import { readShadow, shadowSources } from "./shadow_read.ts";

/** Verdicts in shadow that a running service counted; null: none runs. @throws {SiteError} */
async function serviceCounts(
  client: Awaited<ReturnType<typeof findRunning>>["client"],
): Promise<ReadonlyMap<string, number> | null> {
  if (client === null) return null;
  try {
    const request = { ask: "shadow" } as const;
    const counts = await askService<Readonly<Record<string, CheckCounts>>>(client, request);
    return new Map(Object.entries(counts).map(([check, { shadow }]) => [check, shadow]));
  } finally {
    client.close();
  }
}

async function run(args: ParsedArgs, io: ReportIo): Promise<number> {
  const period = periodOf(args, io.now());
  const top = topOf(args, "10");
  const { place, settings, client } = await findRunning(args);
  try {
    const service = await serviceCounts(client);
    const sources = shadowSources(args.operands, place, settings, io.now());
    const report = await readShadow(sources, { period, top, settings, service }, io);
    io.out(args.has("json") ? jsonReport(report) : shadowText(report));
    return 0;
  } catch (error) {
    return sourceTrouble(error, io);
  }
}

/** The command over `io`. */
export const makeShadow = (io: () => ReportIo): Command => ({
  name: "shadow",
  about: "what checks in shadow would have refused, and whether it was wanted",
  operands: "[LOG]...",
  text: `Reads the logs given, else the site's trace (level 2 or more), rotated ones too.
With qmail-send's log it knows what was delivered. A service that runs is asked.`,
  options: [
    ...PERIOD_OPTIONS,
    { name: "top", value: "N", about: "rows of each list (10)" },
    { name: "json", about: "as one JSON object" },
    { name: "control", value: "PATH", about: "the socket (setting control_socket)" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront shadow --since 7d /var/log/qfront/trace* /var/log/qmail/send/*"],
  run: (args) => run(args, io()),
});

export const SHADOW: Command = makeShadow(realIo);
