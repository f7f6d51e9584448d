/**
 * A filter program that runs: the message on its standard input, a bounded beginning of what it
 * writes, and its end.
 *
 * It gets a process group of its own, which is killed as a whole when time is over; whatever it left
 * running with our pipes open can't hold the message up. Only its end counts: one that stops reading
 * early is asked no more, as qmail-local does with programs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { binaryOf } from "./binary.ts";

/** Bytes of standard output and of standard error that are kept. */
export const OUTPUT_BYTES = 1000;

/** How to start one. */
export interface FilterCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly directory: string | null;
}

/** What came of it. */
export interface FilterEnd {
  /** null: it never ended by itself. */
  readonly code: number | null;
  /** Why there is no code: a sentence; "" when there is one. */
  readonly trouble: string;
  readonly output: string;
  readonly errors: string;
}

/** Runs the program on what `read` gives; rejects only when that fails. */
export async function runFilter(
  command: FilterCommand,
  env: Readonly<Record<string, string>>,
  read: () => AsyncIterable<Uint8Array>,
  milliseconds: number,
): Promise<FilterEnd> {
  const child = spawn(command.program, [...command.args], {
    detached: true,
    env: { ...env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(command.directory === null ? {} : { cwd: command.directory }),
  });
  const texts = [collect(child.stdout), collect(child.stderr)] as const;
  let isLate = false;
  const end = endOf(child);
  let expire = () => {};
  const late = new Promise<string>((resolve) => {
    expire = () => resolve("");
  });
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child);
    expire();
  }, milliseconds);
  const fed = feed(child, read, end);
  // Rejections are looked at below; one that comes after the time limit changes nothing.
  fed.catch(() => {});
  try {
    await Promise.race([fed, late]);
    const told = await Promise.race([end, late]);
    const seconds = Math.round(milliseconds / 1000);
    const trouble = isLate ? `it took longer than ${seconds} seconds` : String(told);
    const code = trouble === "" ? child.exitCode : null;
    return { code, trouble, output: texts[0](), errors: texts[1]() };
  } finally {
    clearTimeout(timer);
    // Its children too: nobody waits for them, and nobody reads what they write.
    killGroup(child);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    await atMost(end, REAP_MS);
    // Nobody else may read the message before this one has stopped.
    await fed.catch(() => {});
  }
}

/** How long a killed program is waited for; one that even then does not end hangs in the kernel. */
const REAP_MS = 1000;

/** Resolves with `work`, or after so long without it. */
async function atMost(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer = 0;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([work, over]);
  clearTimeout(timer);
}

/** Gives the message to the program, at its pace. */
async function feed(
  child: ChildProcess,
  read: () => AsyncIterable<Uint8Array>,
  end: Promise<string>,
): Promise<void> {
  const { stdin } = child;
  if (stdin === null) return;
  let isGone = false;
  let wake = () => {};
  const gone = () => {
    isGone = true;
    wake();
  };
  stdin.on("error", gone).on("close", gone);
  void end.then(gone);
  for await (const piece of read()) {
    if (isGone) return;
    // The piece is the stream's until it was taken.
    await new Promise<void>((resolve) => {
      wake = resolve;
      stdin.write(piece, () => resolve());
    });
    if (isGone) return;
  }
  stdin.end();
}

/** How long its output is waited for after its end, in case somebody else holds it open. */
const CLOSE_MS = 100;

/** Resolves to "" when it ended by itself, else to a sentence. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let timer: number | undefined;
    const ended = (code: number | null, signal: string | null) => {
      clearTimeout(timer);
      resolve(code === null ? `it crashed (${signal})` : "");
    };
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(`it can't be started: ${error.message}`);
    });
    child.once("exit", (code, signal) => {
      timer = setTimeout(() => ended(code, signal), CLOSE_MS);
    });
    child.once("close", ended);
  });
}

function collect(stream: ChildProcess["stdout"]): () => string {
  let text = "";
  stream?.on("data", (chunk: Uint8Array) => {
    if (text.length < OUTPUT_BYTES) {
      text += binaryOf(chunk.subarray(0, OUTPUT_BYTES - text.length));
    }
  });
  stream?.on("error", () => {});
  return () => text;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody of it is left.
  }
}
