/**
 * Cuts the power under a delivering process again and again, on an ext4 file system in an image file, and looks at what the disk
 * has after: every message that was acknowledged before the cut is in each Maildir exactly once and complete, and no
 * partial file lies outside tmp/.
 *
 *     deno run -A tests/soak/power_cut.ts --rounds 20 [--dir /dev/shm] [--sync auto|syncfs|fsync] [--journal]
 *
 * With a delivery journal that holds after its recovery, which is followed by another power cut at once. Before it, files in new/ may
 * be missing or cut, and are counted to show that there was something to recover. The machine itself is not started again, so
 * the journal is told that it was. Needs root, loop devices and mkfs.ext4.
 */
import { parseArgs } from "@std/cli/parse-args";
import { type DiskImage, makeDiskImage, whyNoImage } from "./disk_image.ts";
import { startDriver } from "./driver.ts";
import { pretendOtherBoot, type Recovered, recoverJournal } from "./journal.ts";
import { checkAndEmpty, faultsOf, makeMaildirs } from "./kill_check.ts";

const IMAGE_MEGABYTES = 512;
/** How long a process delivers before the cut, in milliseconds. */
const SHORTEST_LIFE = 200;
const LONGEST_LIFE = 2500;

export interface PowerCutOptions {
  readonly rounds: number;
  /** Where the image is made. */
  readonly dir: string;
  readonly sync: string;
  readonly journal: boolean;
}

export interface PowerCutReport {
  readonly promised: number;
  /** What was missing, cut or double before the recovery. */
  readonly open: number;
  /** Entries that the journals held, and those of them that the recoveries delivered. */
  readonly held: number;
  readonly delivered: number;
  readonly faults: readonly string[];
}

const NOTHING: Recovered = { held: 0, delivered: 0, faults: [] };

/** Lets a process deliver for a while and cuts the power; gives what it had promised by then. */
async function deliverUntilCut(
  { mountPoint, cut }: DiskImage,
  options: Pick<PowerCutOptions, "sync" | "journal">,
): Promise<string[]> {
  const driver = startDriver(mountPoint, { ...options, crashAfter: null });
  try {
    await driver.begun;
    const life = SHORTEST_LIFE + Math.random() * (LONGEST_LIFE - SHORTEST_LIFE);
    await new Promise((resolve) => setTimeout(resolve, life));
    const promised = driver.lines();
    cut();
    return promised;
  } finally {
    driver.kill();
    // What it complains of is the cut.
    await driver.ended;
  }
}

/** One power cut, on a file system of its own. */
export async function cutOnce(
  { dir, sync, journal }: Omit<PowerCutOptions, "rounds">,
): Promise<PowerCutReport> {
  const disk = await makeDiskImage(dir, IMAGE_MEGABYTES);
  try {
    const place = disk.mountPoint;
    makeMaildirs(place);
    const promised = await deliverUntilCut(disk, { sync, journal });
    await disk.restart();
    const open = journal ? faultsOf(place, promised).length : 0;
    if (journal) pretendOtherBoot(place);
    const { held, delivered, faults } = journal ? await recoverJournal(place) : NOTHING;
    if (journal) {
      disk.cut();
      await disk.restart();
    }
    const found = checkAndEmpty(place, promised);
    return { promised: promised.length, open, held, delivered, faults: [...faults, ...found] };
  } finally {
    await disk.remove();
  }
}

/** One after the other. */
export async function cutAgainAndAgain(
  options: PowerCutOptions,
  progress: (done: number, round: PowerCutReport) => void = () => {},
): Promise<PowerCutReport> {
  let sum: PowerCutReport = { promised: 0, open: 0, held: 0, delivered: 0, faults: [] };
  for (let i = 0; i < options.rounds; i++) {
    const round = await cutOnce(options);
    sum = {
      promised: sum.promised + round.promised,
      open: sum.open + round.open,
      held: sum.held + round.held,
      delivered: sum.delivered + round.delivered,
      faults: [...sum.faults, ...round.faults],
    };
    progress(i + 1, round);
  }
  return sum;
}

function sentenceOf({ rounds, journal }: PowerCutOptions, report: PowerCutReport): string {
  const { promised, open, held, delivered, faults } = report;
  const more = journal
    ? ` (${open} were not whole on disk; the journals held ${held} entries and delivered ${delivered})`
    : "";
  return `${rounds} power cuts, ${promised} messages promised${more}, ${faults.length} faults`;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds", "dir", "sync"], boolean: ["journal"] });
  const options: PowerCutOptions = {
    rounds: Number(args["rounds"] ?? 20),
    dir: String(args["dir"] ?? "/dev/shm"),
    sync: String(args["sync"] ?? "auto"),
    journal: args["journal"] === true,
  };
  const refusal = await whyNoImage();
  if (refusal !== null) {
    console.log(`power_cut: skipped: ${refusal}`);
    Deno.exit(0);
  }
  const report = await cutAgainAndAgain(options, (done, { promised, faults }) => {
    console.log(`power cut ${done}: ${promised} messages promised, ${faults.length} faults`);
  });
  for (const fault of report.faults) console.error(fault);
  console.log(sentenceOf(options, report));
  if (report.faults.length > 0) Deno.exit(1);
}
