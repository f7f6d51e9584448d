/**
 * What the command line says to people: lines on standard output, sentences on standard error, and why something of
 * the system failed, in words.
 *
 * Standard output that fails ends a command with one sentence. Standard error that fails ends nothing, since a full disk
 * below a log must not cost mail; and a service never waits for who reads it (`speakAsService`).
 */
import type { Diagnostics } from "../trace/diagnostics.ts";
import { streamError } from "./command.ts";

/** A service's voice; null: this is a command that speaks at once. */
let voice: Diagnostics | null = null;

/** One line on standard output. @throws {StreamError} */
export function print(line: string): void {
  try {
    console.log(line);
  } catch (error) {
    throw streamError("output", error);
  }
}

/** The same in bytes, all of them. @throws {StreamError} */
export function printBytes(bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch (error) {
    throw streamError("output", error);
  }
}

/** One sentence on standard error. Never throws. */
export function complain(sentence: string): void {
  if (voice !== null) return voice.info(sentence);
  try {
    console.error(`qfront: ${sentence}`);
  } catch {
    // Nobody is left to tell.
  }
}

/** From now on nothing waits for the reader of standard error. Gives what writes the rest, for at most a second. */
export async function speakAsService(): Promise<() => Promise<void>> {
  const { openDiagnostics } = await import("../trace/diagnostics.ts");
  const mine = voice = await openDiagnostics();
  return async () => {
    if (voice === mine) voice = null;
    await mine.close();
  };
}

/** A fault of ours in one line: what, and where in the program (room and file, line, column). */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const at = places.slice(0, 3).map((line) =>
    line.replace(/^\s+at /, "").replace(/file:\/\/\S*?((?:[^\s/]+\/)?[^\s/]+)$/, "$1")
  );
  return `${error.name}: ${error.message}${at.length === 0 ? "" : ` (at ${at.join(", ")})`}`;
}
