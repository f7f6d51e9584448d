/**
 * `qfront watch`: a running service live in the terminal - sessions, verdicts per second, rules, bans,
 * queue results, latency - or, in a pipe, one line for each event.
 *
 * Ends on Ctrl-C, or when the service does; the terminal is then as it was.
 */
import { ControlClient, ControlRefusal } from "../ctl/client.ts";
import { screenLines, showEvent } from "../ctl/screen.ts";
import type { Stats, WatchLine } from "../ctl/types.ts";
import { type Command, type ParsedArgs, RefusedError, UsageError } from "./command.ts";
import { askService, CONTROL_OPTIONS, requireService } from "./control_client.ts";
import { complain, printBytes } from "./say.ts";

/** Between two looks at the numbers. */
const LOOK_MS = 1000;
/** Events kept for the screen. */
const MOST_LINES = 200;

/** Each ends it as Ctrl-C does: the screen has to be given back. */
const ENDS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

const write = (text: string): void => printBytes(new TextEncoder().encode(text));

const lineOf = (line: WatchLine): string =>
  "event" in line ? showEvent(line.event) : `(${line.lost} events were lost)`;

/** One line for each event. */
async function watchInPipe(client: ControlClient, isJson: boolean): Promise<void> {
  for await (const line of client.watch()) {
    write(`${isJson ? JSON.stringify(line) : lineOf(line)}\n`);
  }
}

/** The size of the terminal. */
function size(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // No terminal that knows its size.
  }
  return { columns: 80, rows: 24 };
}

/** Draws the screen, once a second, until the service or `client` ends. */
async function watchOnScreen(events: ControlClient, numbers: ControlClient): Promise<void> {
  let lines: string[] = [];
  const ended = (async () => {
    for await (const line of events.watch()) lines = [...lines, lineOf(line)].slice(-MOST_LINES);
  })().then(() => true);
  // Who asks for numbers hears of a connection that is lost, too: the screen is given back there.
  ended.catch(() => {});
  let before = await askService<Stats>(numbers, { ask: "stats" });
  let beforeMs = Date.now();
  write(ENTER);
  try {
    for (;;) {
      const now = await askService<Stats>(numbers, { ask: "stats" });
      const nowMs = Date.now();
      const { columns, rows } = size();
      const seconds = Math.max(0.001, (nowMs - beforeMs) / 1000);
      const look = { before, now, seconds, nowMs, lines };
      const drawn = screenLines(look, columns, rows).map((line) => line + CLEAR_LINE);
      write(HOME + drawn.join("\r\n") + CLEAR_BELOW);
      before = now;
      beforeMs = nowMs;
      if (await Promise.race([ended, pause(LOOK_MS)])) return;
    }
  } finally {
    write(LEAVE);
  }
}

const pause = (ms: number): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), ms));

async function run(args: ParsedArgs): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`watch takes no "${args.operands[0]}"`);
  const { client: events, path } = await requireService(args);
  const onScreen = Deno.stdout.isTerminal() && !args.has("json");
  const numbers = onScreen ? await ControlClient.open(path) : null;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    events.close();
    numbers?.close();
  };
  for (const signal of ENDS) Deno.addSignalListener(signal, stop);
  try {
    if (numbers === null) await watchInPipe(events, args.has("json"));
    else await watchOnScreen(events, numbers);
    if (onScreen && !isStopped) complain("The service has ended");
  } catch (error) {
    // Closed on Ctrl-C while it waited for an answer.
    if (!isStopped) throw error instanceof ControlRefusal ? new RefusedError(error.message) : error;
  } finally {
    for (const signal of ENDS) Deno.removeSignalListener(signal, stop);
    stop();
  }
  return 0;
}

export const WATCH: Command = {
  name: "watch",
  about: "a running service, live",
  operands: "",
  text: `Sessions, verdicts, rules, bans, queue results and how long they take, drawn
once a second; in a pipe one line for each event. Ctrl-C ends it.`,
  options: CONTROL_OPTIONS,
  examples: ["qfront watch", "qfront watch | grep dnsbl"],
  run,
};
