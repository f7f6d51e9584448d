/**
 * Kills a delivering process again and again and looks at what it leaves: every message that was acknowledged is in each
 * Maildir exactly once and complete, and no partial file lies outside tmp/.
 *
 *     deno run -A tests/soak/kill.ts --kills 1000 [--dir DIR] [--sync auto|syncfs|fsync] [--journal]
 *
 * Every second process kills itself after a certain file operation (each of the first steps in turn), the others are killed at a
 * random moment. A killed process leaves the kernel's caches whole: that syncs happen before promises is shown by
 * tests/unit/queue/maildir_test.ts and power_cut.ts; this shows that order and cleaning hold under load.
 *
 * With a delivery journal some of the promised messages are taken away by their owner after each kill, and must not come back, and
 * sometimes the next process is killed as well, which then begins with the recovery.
 */
import { parseArgs } from "@std/cli/parse-args";
import { startDriver } from "./driver.ts";
import { recoverJournal } from "./journal.ts";
import { checkAndEmpty, makeMaildirs, takeSome } from "./kill_check.ts";

/** Steps of a process, each of which is one's last in turn. */
const STEPS = 150;
/** Those of the process that is killed while it recovers what the one before has left. */
const RECOVERY_STEPS = 60;
/** The longest that a process lives after its first promise, in milliseconds. */
const LONGEST_LIFE = 60;

export interface KillOptions {
  readonly kills: number;
  readonly sync: string;
  readonly journal: boolean;
}

export interface KillReport {
  readonly kills: number;
  readonly promised: number;
  /** Entries that the journals still held after the kills. */
  readonly held: number;
  readonly faults: readonly string[];
}

/** What a driver wrote. */
interface Said {
  /** What it promised. */
  readonly lines: readonly string[];
  /** What it complained of. */
  readonly faults: readonly string[];
}

/** Runs a process and kills it. `crashAfter` null: killed from here, some milliseconds after its first promise. */
async function runAndKill(
  dir: string,
  crashAfter: number | null,
  { sync, journal }: KillOptions,
): Promise<Said> {
  const driver = startDriver(dir, { sync, journal, crashAfter });
  await driver.begun;
  const life = Math.random() * LONGEST_LIFE;
  const timer = crashAfter === null ? setTimeout(driver.kill, life) : undefined;
  const faults = await driver.ended;
  clearTimeout(timer);
  return { lines: driver.lines(), faults };
}

const NOTHING_SAID: Said = { lines: [], faults: [] };

/** One process, killed, or two, and a look at what is left. */
async function killOnce(
  dir: string,
  number: number,
  options: KillOptions,
): Promise<Omit<KillReport, "kills">> {
  const step = Math.floor(number / 2);
  const first = await runAndKill(dir, number % 2 === 0 ? 1 + step % STEPS : null, options);
  if (!options.journal) {
    const found = checkAndEmpty(dir, first.lines);
    return { promised: first.lines.length, held: 0, faults: [...first.faults, ...found] };
  }
  const taken = takeSome(dir, first.lines);
  const second = number % 4 === 3
    ? await runAndKill(dir, 1 + step % RECOVERY_STEPS, options)
    : NOTHING_SAID;
  const { held, faults } = await recoverJournal(dir);
  const promised = [...first.lines, ...second.lines];
  const found = checkAndEmpty(dir, promised, taken);
  return {
    promised: promised.length,
    held,
    faults: [...first.faults, ...second.faults, ...faults, ...found],
  };
}

/** `kills` processes and more, one after the other, in `dir`. */
export async function killAgainAndAgain(
  dir: string,
  options: KillOptions,
  progress: (done: number, promised: number) => void = () => {},
): Promise<KillReport> {
  makeMaildirs(dir);
  let promised = 0;
  let held = 0;
  const faults: string[] = [];
  for (let i = 0; i < options.kills; i++) {
    const one = await killOnce(dir, i, options);
    promised += one.promised;
    held += one.held;
    faults.push(...one.faults);
    progress(i + 1, promised);
  }
  return { kills: options.kills, promised, held, faults };
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["kills", "dir", "sync"], boolean: ["journal"] });
  const dir = Deno.makeTempDirSync(args["dir"] === undefined ? {} : { dir: String(args["dir"]) });
  const options: KillOptions = {
    kills: Number(args["kills"] ?? 1000),
    sync: String(args["sync"] ?? "auto"),
    journal: args["journal"] === true,
  };
  try {
    const report = await killAgainAndAgain(dir, options, (done, promised) => {
      if (done % 50 === 0) console.log(`${done} kills, ${promised} messages promised`);
    });
    for (const fault of report.faults) console.error(fault);
    const held = options.journal ? ` (the journals still held ${report.held} entries)` : "";
    console.log(
      `${report.kills} kills, ${report.promised} messages promised${held}, ${report.faults.length} faults`,
    );
    if (report.faults.length > 0) Deno.exit(1);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
