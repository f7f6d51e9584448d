/**
 * Starts a program by node:child_process, for machines whose C library FFI can't open.
 *
 * A pipe of Node's can only be written to by us when it is fd 3 or higher in the child, so a shell moves it: fd 3 becomes fd 1, and
 * then becomes the program (exec), which keeps pid and exit code.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { ERROR_TEXT_BYTES, type Program, type ProgramEnd, type ProgramPipe } from "./program.ts";

const SCRIPT = 'exec "$0" 1<&3 3<&-';

/** Starts `path`. Rejects with a sentence when it can't be started; that the program is missing shows as exit 126 or 127. */
export function startByShell(
  path: string,
  env: Readonly<Record<string, string>>,
  directory: string | null,
): Promise<Program> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", SCRIPT, path], {
      detached: true,
      env: { ...env },
      ...(directory === null ? {} : { cwd: directory }),
      stdio: ["pipe", "ignore", "inherit", "pipe", "ignore", "ignore", "pipe"],
    });
    child.once("error", (error) => reject(new Error(`Cannot start "${path}": ${error.message}`)));
    child.once("spawn", () => resolve(running(child)));
  });
}

function running(child: ChildProcess): Program {
  const pid = child.pid ?? -1;
  const words = (child.stdio as readonly unknown[])[6] as Readable | null;
  let text = "";
  let over = false;
  words?.on("data", (chunk: Uint8Array) => {
    const room = ERROR_TEXT_BYTES - text.length;
    text += String.fromCharCode(...chunk.subarray(0, Math.max(0, room)));
  });
  words?.on("error", () => {});
  const ended = new Promise<ProgramEnd>((resolve) => {
    // "close", not "exit": only then is everything of fd 6 here.
    child.once("close", (code, signal) => {
      over = true;
      resolve({ code, signal: signal === null ? null : constants.signals[signal] });
    });
  });
  return {
    pid,
    message: outgoing(child.stdin, ended),
    envelope: outgoing(child.stdio[3] as Writable, ended),
    ended,
    errorText: () => text,
    kill() {
      if (over) return;
      try {
        Deno.kill(-pid, "SIGKILL");
      } catch {
        child.kill("SIGKILL");
      }
    },
  };
}

/**
 * Our end of a pipe. What was written counts only when its write came back without an error: a program that has gone leaves
 * bytes behind in this process, whatever the order in which we hear of it.
 */
function outgoing(stream: Writable | null, ended: Promise<unknown>): ProgramPipe {
  let underWay = 0;
  let failed = stream === null;
  let over = false;
  void ended.then(() => over = true);
  // Each write hears of its own error; one without a write under way is about closing, and takes nothing back.
  stream?.on("error", () => {});
  const written = (error?: Error | null) => {
    underWay--;
    if (error) failed = true;
  };
  return {
    get broken() {
      return failed || (over && underWay > 0);
    },
    write(bytes) {
      if (failed || stream === null) return;
      underWay++;
      // The stream keeps what it could not write: it must be a copy.
      if (stream.write(bytes.slice(), written)) return;
      const drained = new Promise<void>((resolve) => {
        const wake = () => {
          stream.off("drain", wake).off("close", wake);
          resolve();
        };
        stream.on("drain", wake).on("close", wake);
      });
      return Promise.race([drained, ended.then(() => {})]);
    },
    end() {
      if (failed || stream === null) return;
      const flushed = new Promise<void>((resolve) => stream.end(() => resolve()));
      return Promise.race([flushed, ended.then(() => {})]);
    },
  };
}
