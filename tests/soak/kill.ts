/**
 * Kills a delivering process again and again and looks at what it leaves: every message that was acknowledged is in each
 * Maildir exactly once and complete, and no partial file lies outside tmp/.
 *
 *     deno run -A tests/soak/kill.ts --kills 1000 [--dir DIR] [--sync auto|syncfs|fsync]
 *
 * Every second process kills itself after a certain file operation (each of the first steps in turn), the others are killed at a
 * random moment. A killed process leaves the kernel's caches whole: that syncs happen before promises is shown by
 * tests/unit/queue/maildir_test.ts; this shows that order and cleaning hold under load.
 */
import { parseArgs } from "@std/cli/parse-args";
import { checkAndEmpty, makeMaildirs } from "./kill_check.ts";

const DRIVER = new URL("./kill_driver.ts", import.meta.url).pathname;

/** What one killed process promised. `crashAfter` null: killed from here, `milliseconds` after its first promise. */
async function runAndKill(
  dir: string,
  crashAfter: number | null,
  milliseconds: number,
  sync: string,
): Promise<string[]> {
  const args = ["run", "-A", "--no-check", DRIVER, dir, "--sync", sync];
  if (crashAfter !== null) args.push("--crash-after", String(crashAfter));
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let timer: number | undefined;
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself: the crash step came first.
    }
  };
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += piece.value;
    if (crashAfter === null) timer ??= setTimeout(kill, milliseconds);
  }
  clearTimeout(timer);
  await child.status;
  // A line without its end was cut by the kill: its message may or may not have been promised.
  return text.split("\n").slice(0, -1);
}

export interface KillReport {
  readonly kills: number;
  readonly promised: number;
  readonly faults: readonly string[];
}

/** `kills` processes, one after the other, in `dir`. */
export async function killAgainAndAgain(
  dir: string,
  kills: number,
  sync: string,
  progress: (done: number, promised: number) => void = () => {},
): Promise<KillReport> {
  makeMaildirs(dir);
  let promised = 0;
  const faults: string[] = [];
  for (let i = 0; i < kills; i++) {
    const crashAfter = i % 2 === 0 ? 1 + (i / 2) % 150 : null;
    const lines = await runAndKill(dir, crashAfter, Math.random() * 60, sync);
    promised += lines.length;
    faults.push(...checkAndEmpty(dir, lines));
    progress(i + 1, promised);
  }
  return { kills, promised, faults };
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["kills", "dir", "sync"] });
  const dir = Deno.makeTempDirSync(args["dir"] === undefined ? {} : { dir: String(args["dir"]) });
  try {
    const report = await killAgainAndAgain(
      dir,
      Number(args["kills"] ?? 1000),
      String(args["sync"] ?? "auto"),
      (done, promised) => {
        if (done % 50 === 0) console.log(`${done} kills, ${promised} messages promised`);
      },
    );
    for (const fault of report.faults) console.error(fault);
    console.log(
      `${report.kills} kills, ${report.promised} messages promised, ${report.faults.length} faults`,
    );
    if (report.faults.length > 0) Deno.exit(1);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
