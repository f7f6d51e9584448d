/** A delivering process (kill_driver.ts), and what it has said so far. */

const DRIVER = new URL("./kill_driver.ts", import.meta.url).pathname;

export interface DriverOptions {
  readonly sync: string;
  readonly journal: boolean;
  /** Steps after which it kills itself; null: somebody else does. */
  readonly crashAfter: number | null;
}

export interface Driver {
  /** Resolves when it has promised its first message, or has ended. */
  readonly begun: Promise<void>;
  /** What it has promised so far. */
  lines(): string[];
  kill(): void;
  /** Resolves when it has ended, with what it complained of. */
  readonly ended: Promise<string[]>;
}

/** Whole lines of a text. One without its end was cut by a kill: its message may or may not have been promised. */
const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);

/** Starts one that delivers to the Maildirs of `dir`. */
export function startDriver(dir: string, { sync, journal, crashAfter }: DriverOptions): Driver {
  const args = ["run", "-A", "--no-check", DRIVER, dir, "--sync", sync];
  if (journal) args.push("--journal");
  if (crashAfter !== null) args.push("--crash-after", String(crashAfter));
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = new Response(child.stderr).text();
  const begun = Promise.withResolvers<void>();
  let text = "";
  const reading = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      begun.resolve();
    }
    begun.resolve();
  })();
  return {
    begun: begun.promise,
    lines: () => linesOf(text),
    kill() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself: the crash step came first.
      }
    },
    ended: (async () => {
      await reading;
      await child.status;
      return linesOf(await complaints);
    })(),
  };
}
