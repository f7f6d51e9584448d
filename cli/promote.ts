/**
 * `qfront promote CHECK`: writes "CHECK: on" into trace.cfg when the traces show that no wanted mail would have been lost;
 * `qfront demote CHECK` writes "CHECK: shadow", which needs no evidence.
 *
 * The file is replaced as a whole, synced, with its mode and owner; comments and order stay. A running service reads it
 * again by itself.
 */
import { type FileSteps, looksOf, replaceFile } from "../auth/replace_file.ts";
import { type ShadowCheck, type ShadowReport, wantedLines } from "../replay/mod.ts";
import { localMinute, number, plural } from "../report/words.ts";
import { type Edit, EditError, editSetting } from "../settings/edit.ts";
import { nearestName } from "../settings/names.ts";
import type { SettingName, Settings } from "../settings/mod.ts";
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { jsonReport, realIo, type ReportIo, sourceTrouble } from "./report.ts";
import { CHECK_SETTINGS, readShadow, shadowSources } from "./shadow_read.ts";
import { findSite, readSettings, type SitePlace } from "./site.ts";

/** The evidence speaks against it. */
const EXIT_NOT_CLEAN = 1;

const DAY_MS = 86_400_000;

/** What the command touches. */
export interface PromoteIo extends ReportIo {
  readonly steps?: FileSteps | undefined;
}

/** The check that is named first. @throws {UsageError} */
function checkOfArgs(command: string, [word]: readonly string[]): SettingName {
  if (word === undefined) throw new UsageError(`${command} needs a check: qfront ${command} helo`);
  const found = CHECK_SETTINGS.find((name) => name === word.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(
    `"${word}" is no check; checks are ${CHECK_SETTINGS.join(", ")}` +
      (CHECK_SETTINGS.includes(nearestName(word)) ? ` (perhaps ${nearestName(word)})` : ""),
  );
}

/** A whole number. @throws {UsageError} */
function numberOf(args: ParsedArgs, name: string, fallback: string): number {
  const text = args.value(name) ?? fallback;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} "${text}" is no number from 1 to 99999`);
}

const binaryOf = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

/** The file's text, one char a byte; "" where there is none. @throws {SiteError} */
function readCfg(path: string): string {
  try {
    return binaryOf(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    const why = reasonOf(error);
    throw new SiteError(`"${path}" can't be read: ${why}`);
  }
}

/** @throws {SiteError} */
async function editOf(
  path: string,
  text: string,
  check: SettingName,
  value: string,
): Promise<Edit> {
  try {
    return await editSetting(text, check, value);
  } catch (error) {
    if (error instanceof EditError) throw new SiteError(`"${path}": ${error.message}`);
    throw error;
  }
}

/** @throws {SiteError} when it fails, and the file is as it was. */
function writeCfg(path: string, before: string, edit: Edit, steps: FileSteps | undefined): void {
  try {
    if (readCfg(path) !== before) throw new Error("somebody else changed it just now");
    const looks = looksOf(path) ?? { mode: 0o644, uid: Deno.uid(), gid: Deno.gid() };
    const bytes = Uint8Array.from(edit.text, (char) => char.charCodeAt(0));
    replaceFile(path, bytes, looks, steps);
  } catch (error) {
    const why = reasonOf(error);
    throw new SiteError(`"${path}" can't be changed: ${why}`);
  }
}

const diffOf = (path: string, { line, before, after }: Edit): string =>
  `${path}:${line}\n${before === null ? "" : `-${before}\n`}+${after}\n`;

/** Writes the setting, or shows what would be written. @throws {SiteError} */
async function change(
  place: SitePlace,
  check: SettingName,
  value: "on" | "shadow",
  args: ParsedArgs,
  io: PromoteIo,
): Promise<void> {
  const path = place.traceCfg;
  const before = readCfg(path);
  const edit = await editOf(path, before, check, value);
  io.out(diffOf(path, edit));
  if (args.has("dry-run")) return io.out("Nothing was written\n");
  if (edit.text === before) return io.out(`It says so already\n`);
  writeCfg(path, before, edit, io.steps);
  io.out(`"${check}" is ${value}; a running service takes it for its next sessions\n`);
}

/** How clean evidence has to be. */
interface Terms {
  readonly days: number;
  readonly least: number;
  readonly isStrict: boolean;
}

/** Everything that speaks against turning a check on; sentences. */
export function objections(
  report: ShadowReport,
  check: ShadowCheck | undefined,
  { days, least, isStrict }: Terms,
  nowMs: number,
): string[] {
  const found: string[] = [];
  const { reach_back, partial } = report;
  const span = plural(days, "day");
  if (reach_back === null || Date.parse(reach_back) > nowMs - days * DAY_MS) {
    const since = reach_back === null ? "hold nothing" : `begin at ${localMinute(reach_back)}`;
    found.push(`The logs ${since}, and ${span} are wanted (--days)`);
  }
  const { refuse, defer } = check?.verdicts ?? { refuse: 0, defer: 0 };
  if (refuse + defer < least) {
    found.push(
      `${plural(refuse + defer, "verdict")} against mail in ${span}, and ${
        number(least)
      } are wanted (--least)`,
    );
  }
  if (partial) found.push("There is more mail than could be kept, so evidence may be missing");
  if (check === undefined) return found;
  const { wanted, only_delays, delivered } = check;
  if (wanted.count > 0 && !only_delays) {
    found.push(`${plural(wanted.count, "wanted message")} would have been lost`);
  }
  if (isStrict && delivered > 0) {
    found.push(`${plural(delivered, "delivered message")} would have been lost (--strict)`);
  }
  return found;
}

/** What the evidence is, in a sentence. */
function evidenceText(check: ShadowCheck | undefined, days: number): string {
  if (check === undefined) return "";
  const { verdicts: { refuse, defer }, refused_anyway, accepted, delivered } = check;
  return `${plural(refuse + defer, "verdict")} in ${plural(days, "day")}: ` +
    `${number(refused_anyway)} recipients refused anyway, ${number(accepted)} accepted ` +
    `(${number(delivered)} of them known to be delivered), none known to be wanted\n`;
}

async function gather(
  args: ParsedArgs,
  io: ReportIo,
  place: SitePlace,
  settings: Settings,
  days: number,
): Promise<ShadowReport> {
  const sources = shadowSources(args.operands.slice(1), place, settings, io.now());
  const period = { fromMs: io.now() - days * DAY_MS, untilMs: null };
  return await readShadow(sources, { period, top: 20, settings, service: null }, io);
}

async function promote(args: ParsedArgs, io: PromoteIo): Promise<number> {
  const check = checkOfArgs("promote", args.operands);
  const days = numberOf(args, "days", "7");
  const least = numberOf(args, "least", "10");
  const place = findSite(args);
  const settings = (await readSettings(place)).current;
  if (settings[check] === "on") {
    io.out(`"${check}" is on already\n`);
    return 0;
  }
  if (args.has("force")) {
    io.out(`Evidence was not asked for (--force): wanted mail may be refused from now on\n`);
    await change(place, check, "on", args, io);
    return 0;
  }
  const report = await gather(args, io, place, settings, days);
  const found = report.checks.find((one) => one.check === check);
  const against = objections(
    report,
    found,
    { days, least, isStrict: args.has("strict") },
    io.now(),
  );
  if (against.length === 0) {
    io.out(evidenceText(found, days));
    await change(place, check, "on", args, io);
    return 0;
  }
  if (args.has("json")) io.out(jsonReport({ check, objections: against, evidence: found ?? null }));
  else {
    const named = found === undefined ? [] : wantedLines(found);
    io.out(
      `${
        [
          `"${check}" stays ${settings[check]}:`,
          ...against.map((s) => `  ${s}`),
          ...named,
        ].join("\n")
      }\n`,
    );
  }
  return EXIT_NOT_CLEAN;
}

async function guarded(work: () => Promise<number>, io: ReportIo): Promise<number> {
  try {
    return await work();
  } catch (error) {
    return sourceTrouble(error, io);
  }
}

/** The command over `io`. */
export const makePromote = (io: () => PromoteIo): Command => ({
  name: "promote",
  about: "turn a check in shadow on, when no wanted mail would have been lost",
  operands: "CHECK [LOG]...",
  words: CHECK_SETTINGS,
  text: `Writes "CHECK: on" into trace.cfg, or says by name what speaks against it and
exits with 1. Logs as for qfront shadow.`,
  options: [
    { name: "days", value: "N", about: "the evidence is of the last N days (7)" },
    { name: "least", value: "N", about: "so many verdicts are wanted in them (10)" },
    { name: "strict", about: "any delivered message speaks against it" },
    { name: "force", about: "without evidence" },
    { name: "dry-run", about: "show the change, write nothing" },
    { name: "json", about: "what speaks against it, as JSON" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront promote dnsbl --days 14 /var/log/qfront/trace* /var/log/qmail/send/*"],
  run(args) {
    const on = io();
    return guarded(() => promote(args, on), on);
  },
});

/** The command over `io`. */
export const makeDemote = (io: () => PromoteIo): Command => ({
  name: "demote",
  about: "put a check into shadow",
  operands: "CHECK",
  words: CHECK_SETTINGS,
  text: `Writes "CHECK: shadow" into trace.cfg: from then on it is judged and traced, and
nothing is refused for it.`,
  options: [{ name: "dry-run", about: "show the change, write nothing" }, ...SITE_OPTIONS],
  examples: ["qfront demote dnsbl"],
  async run(args) {
    const check = checkOfArgs("demote", args.operands);
    await change(findSite(args), check, "shadow", args, io());
    return 0;
  },
});

export const PROMOTE: Command = makePromote(realIo);
export const DEMOTE: Command = makeDemote(realIo);
