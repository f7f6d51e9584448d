/**
 * Runs an external program once: some bytes on one of its file descriptors, its standard output
 * gathered, its end awaited, and the whole process group killed when its time is over. Used for
 * checkpassword and CVM programs.
 *
 * The program's standard error is ours: what it complains about lands in the service's log.
 */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { Buffer } from "node:buffer";
import process from "node:process";
import type { Writable } from "node:stream";
import { fromBytes } from "./bytes.ts";

/** What is to be run. */
export interface ProgramRun {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written to `inputFd` of the program, then closed. */
  readonly input: Uint8Array;
  readonly inputFd: 0 | 3;
  readonly timeoutSeconds: number;
  /** More output than this is left out. */
  readonly maxOutputBytes: number;
  /** Output that says "nothing more will come": then the end of the output is not awaited. */
  readonly isComplete?: (output: string) => boolean;
}

/** How it ended. */
export type ProgramEnd =
  | { readonly kind: "exit"; readonly code: number; readonly output: string }
  /** `reason`: a sentence. */
  | { readonly kind: "failed"; readonly reason: string };

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in the meantime, which is what was wanted.
  }
}

type Exit = { readonly code: number | null; readonly signal: string | null };

/** The shell's exit codes for "could not be run" and "not found". */
const NOT_RUN = [126, 127];

function endOf(name: string, exit: Exit, output: string): ProgramEnd {
  const { code, signal } = exit;
  if (code === null) {
    return { kind: "failed", reason: `"${name}" was ended by ${signal ?? "a signal"}` };
  }
  return NOT_RUN.includes(code)
    ? { kind: "failed", reason: `"${name}" can't be run (exit ${code})` }
    : { kind: "exit", code, output };
}

/**
 * A shell runs the program in its own place: a program that is not there is then an exit code, not
 * a failed spawn, which would leave descriptors behind.
 */
function start(run: ProgramRun): ChildProcess {
  const stdio: StdioOptions = run.inputFd === 0
    ? ["pipe", "pipe", "inherit"]
    : ["ignore", "pipe", "inherit", "pipe"];
  const args = ["-c", 'exec "$0" "$@"', ...run.command];
  return spawn("/bin/sh", args, { env: { ...run.env }, detached: true, stdio });
}

/** How long a killed program is waited for; one that even then does not end hangs in the kernel. */
const REAP_MS = 1000;

/** Watches `child` until it has ended and said what it had to say, or its time is over. */
function attend(child: ChildProcess, run: ProgramRun): Promise<ProgramEnd> {
  const name = run.command[0] ?? "";
  return new Promise((resolve) => {
    let output = "";
    let exit: Exit | null = null;
    let outputEnded = false;
    let reaping: number | undefined;
    const settle = (end: ProgramEnd) => {
      clearTimeout(timer);
      clearTimeout(reaping);
      child.stdout?.destroy();
      resolve(end);
    };
    const tooLong: ProgramEnd = {
      kind: "failed",
      reason: `"${name}" took longer than ${run.timeoutSeconds} seconds`,
    };
    const look = () => {
      if (exit === null) return;
      if (reaping !== undefined) return settle(tooLong);
      if (outputEnded || run.isComplete?.(output) === true) settle(endOf(name, exit, output));
    };
    const timer = setTimeout(() => {
      killGroup(child.pid);
      if (exit !== null) settle(endOf(name, exit, output));
      // Its end is waited for, so that nothing of it is left behind.
      else reaping = setTimeout(() => settle(tooLong), REAP_MS);
    }, run.timeoutSeconds * 1000);
    child.on("error", (error: Error) => {
      settle({ kind: "failed", reason: `"${name}" can't be run (${error.message})` });
    });
    child.on("exit", (code: number | null, signal: string | null) => {
      exit = { code, signal };
      look();
    });
    child.stdout?.on("data", (chunk: Uint8Array) => {
      if (output.length < run.maxOutputBytes) output += fromBytes(chunk);
      look();
    });
    for (const event of ["end", "error"]) {
      child.stdout?.on(event, () => {
        outputEnded = true;
        look();
      });
    }
  });
}

/** Runs a program. Never rejects. */
export function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const child = start(run);
  const ended = attend(child, run);
  const sink = child.stdio[run.inputFd] as Writable | null;
  // A program that ends early closes this pipe; then only its exit code counts.
  sink?.on("error", () => {});
  sink?.end(Buffer.from(run.input));
  return ended;
}
