/** What `shadow` and `promote` read: the logs given, else the site's own trace with its rotated files; and the settings. */
import { type ShadowReport, ShadowTally } from "../replay/mod.ts";
import {
  findSources,
  makeProgress,
  type Period,
  type ReadCount,
  type Source,
} from "../report/mod.ts";
import { mergeSources } from "../report/merge.ts";
import { type SettingName, SETTINGS, type Settings } from "../settings/mod.ts";
import { isStderr, tracePath } from "../trace/file.ts";
import { reasonOf, SiteError } from "./command.ts";
import { isIn, totalBytes } from "./log_input.ts";
import type { ReportIo } from "./report.ts";
import type { SitePlace } from "./site.ts";

/** Every setting that is a check. */
export const CHECK_SETTINGS: readonly SettingName[] = (Object.keys(SETTINGS) as SettingName[])
  .filter((name) => SETTINGS[name].words?.join(" ") === "off shadow on");

/** What the settings say of each check. */
export const modesOf = (settings: Settings): ReadonlyMap<string, string> =>
  new Map(CHECK_SETTINGS.map((name) => [name, String(settings[name])]));

/** The site's trace file and those it was renamed to, such as trace.1 and trace.2.gz. @throws {SiteError} */
function ownTraces(place: SitePlace, { trace_file }: Settings): string[] {
  const path = tracePath(trace_file, place.path, place.root);
  if (path === "" || isStderr(path)) {
    throw new SiteError("The settings name no trace file, so the logs have to be given");
  }
  const slash = path.lastIndexOf("/");
  const [directory, name] = [path.slice(0, slash) || "/", path.slice(slash + 1)];
  const isTrace = (entry: Deno.DirEntry) =>
    entry.isFile && entry.name.startsWith(name) &&
    /^(?:$|[.-])/.test(entry.name.slice(name.length));
  try {
    const names = [...Deno.readDirSync(directory)].filter(isTrace).map((entry) => entry.name);
    if (names.length > 0) return names.sort().map((one) => `${directory}/${one}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const why = reasonOf(error);
      throw new SiteError(`The trace files in "${directory}" can't be listed: ${why}`);
    }
  }
  throw new SiteError(`There is no trace "${path}" yet, so the logs have to be given`);
}

/** The logs to read. @throws {SiteError} or {SourceError} */
export function shadowSources(
  operands: readonly string[],
  place: SitePlace,
  settings: Settings,
  nowMs: number,
): Source[] {
  return findSources(operands.length > 0 ? operands : ownTraces(place, settings), nowMs);
}

/** What is wanted beside the logs. */
export interface ShadowQuestion {
  readonly period: Period;
  readonly top: number;
  readonly settings: Settings;
  readonly service: ReadonlyMap<string, number> | null;
}

/** Reads logs. @throws {SourceError} */
export async function readShadow(
  sources: readonly Source[],
  { period, top, settings, service }: ShadowQuestion,
  io: ReportIo,
): Promise<ShadowReport> {
  const terminal = { isTerminal: io.isErrorTerminal, write: io.err };
  const progress = makeProgress(terminal, totalBytes(sources));
  const count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
  const tally = new ShadowTally();
  let firstMs: number | null = null;
  try {
    for await (const batch of mergeSources(sources, count)) {
      for (const timed of batch) {
        firstMs ??= timed.whenMs;
        if (isIn(period, timed.whenMs)) tally.take(timed);
      }
      progress.update(count.bytes);
    }
  } finally {
    progress.done();
  }
  const reach_back = firstMs === null ? null : new Date(firstMs).toISOString();
  const facts = { files: sources.length, lines: count.lines, reach_back };
  return tally.report(top, facts, modesOf(settings), service);
}
