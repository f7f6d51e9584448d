/**
 * `qfront replay`: takes every attempt of real logs, judges it again with today's tree and the settings that --set changes, and
 * says what would be different, by name.
 *
 * It reads: no mail, no ban, no file of the site changes. The code that judges is the code that serves.
 */
import {
  inOrder,
  LogJudge,
  type OrderCount,
  type ReplayReport,
  ReplayTally,
  replayText,
  unaskedDns,
  UNSEEN_CHECKS,
} from "../replay/mod.ts";
import { findSources, type ReadCount } from "../report/mod.ts";
import type { Settings } from "../settings/mod.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { PERIOD_OPTIONS, readAttempts, topOf } from "./log_input.ts";
import { jsonReport, periodOf, realIo, type ReportIo, sourceTrouble } from "./report.ts";
import { findSite, readSettings } from "./site.ts";
import { openTrial, type Trial } from "./trial.ts";

/** Checks whose answer depends on what was before. */
const REMEMBERING = ["ban", "harvest", "greylist"] as const;

/** How old, in milliseconds, what a replay knows of the tree may be. */
const KEEP_MS = 5000;

const isOn = (settings: Settings, check: string): boolean =>
  Object.entries(settings).some(([name, value]) => name === check && value === "on");

/** --state. Absent: a memory where a check needs one. @throws {UsageError} */
function remembersOf(args: ParsedArgs, settings: Settings): boolean {
  const state = args.value("state");
  switch (state) {
    case "empty":
      return true;
    case "none":
      return false;
    case undefined:
      return REMEMBERING.some((check) => settings[check] === "on");
    default:
      throw new UsageError(`--state "${state}" is neither empty nor none`);
  }
}

/** Checks that are on and can't be asked about a log. */
function setAside(settings: Settings, remembers: boolean): ReplayReport["set_aside"] {
  const unseen = UNSEEN_CHECKS.filter((check) => isOn(settings, check))
    .map((check) => ({ check, why: "it looks at what no log holds" }));
  const rates = settings.rates === "on"
    ? [{ check: "rates", why: "it counts sessions, and attempts are judged one by one" }]
    : [];
  const memory = remembers ? [] : REMEMBERING.filter((check) => settings[check] === "on");
  const forgotten = memory.map((check) => ({
    check: check as string,
    why: "it goes by what was before: --state empty asks it in the log's time",
  }));
  return [...rates, ...forgotten, ...unseen];
}

/** `args` with checks off that are not to be asked. */
export function withoutMemory(args: ParsedArgs, remembers: boolean): ParsedArgs {
  const off = ["rates=off", ...(remembers ? [] : REMEMBERING.map((check) => `${check}=off`))];
  return {
    ...args,
    values: (name) => name === "set" ? [...args.values(name), ...off] : args.values(name),
  };
}

/** A site under trial that never asks the DNS itself. */
export async function openLogTrial(args: ParsedArgs, settings: Settings, remembers: boolean) {
  const dns = unaskedDns();
  const resolver = settings.dns_file === "" ? dns.resolver : undefined;
  const without = withoutMemory(args, remembers);
  const trial = await openTrial(without, { remembers, keepMs: KEEP_MS, resolver });
  return { trial, unasked: dns.count };
}

/** Asks `trial` about attempts of logs. */
export function judgeOf(trial: Trial, unasked: () => number, remembers: boolean): LogJudge {
  const { settings, lookup } = trial.site.current;
  const isRemote = (address: string) => lookup.lookup(address).route === "remote";
  return new LogJudge({ site: trial, settings, unasked, isRemote, remembers });
}

async function replay(args: ParsedArgs, io: ReportIo): Promise<ReplayReport> {
  const period = periodOf(args, io.now());
  const top = topOf(args, "20");
  const sources = findSources(args.operands, io.now());
  const place = findSite(args);
  const settings = (await readSettings(place, () => {})).current;
  const remembers = remembersOf(args, settings);
  const { trial, unasked } = await openLogTrial(args, settings, remembers);
  try {
    const judge = judgeOf(trial, unasked, remembers);
    const tally = new ReplayTally();
    const count: ReadCount = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
    const order: OrderCount = { late: 0 };
    const read = readAttempts(sources, period, io, count);
    for await (const attempt of remembers ? inOrder(read, order) : read) {
      tally.take(attempt, await judge.judge(attempt));
    }
    return tally.report(top, {
      files: sources.length,
      lines: count.lines,
      unknown_lines: count.unknown,
      changed: args.values("set"),
      judgements: judge.asked,
      set_aside: setAside(settings, remembers),
      out_of_order: order.late,
    });
  } finally {
    await trial.close();
  }
}

async function run(args: ParsedArgs, io: ReportIo): Promise<number> {
  if (args.operands.length === 0) {
    throw new UsageError('replay wants logs: qfront replay LOG..., "-" for standard input');
  }
  try {
    const report = await replay(args, io);
    io.out(args.has("json") ? jsonReport(report) : replayText(report));
    return 0;
  } catch (error) {
    return sourceTrouble(error, io);
  }
}

/** The command over `io`. */
export const makeReplay = (io: () => ReportIo): Command => ({
  name: "replay",
  about: "judge the attempts of old logs with today's tree and other settings",
  operands: "LOG...",
  text: `Says what would change, by name. Give qmail-send's log too: only that says what
was delivered. The DNS is not asked about the past; --dns-file has its answers.
--state empty: bans and greylist begin empty, in the log's time; none: set aside`,
  options: [
    ...PERIOD_OPTIONS,
    {
      name: "state",
      value: "HOW",
      words: ["empty", "none"],
      about: "empty or none (empty where a check needs it)",
    },
    { name: "top", value: "N", about: "rows of each list (20)" },
    { name: "json", about: "as one JSON object" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront replay --set helo=on /var/log/qfront/trace /var/log/qmail/current"],
  run: (args) => run(args, io()),
});

export const REPLAY: Command = makeReplay(realIo);
