/** `qfront transcript record`: transcripts of the sessions in a trace, one file a session, none overwritten. */
import { createRecorder, type Recorded } from "../transcript/record.ts";
import { type ParsedArgs, reasonOf, SiteError, UsageError } from "./command.ts";
import { complain, printBytes } from "./say.ts";
import { linesOf } from "./trace_lines.ts";

const nameOf = ({ time, session }: Recorded, n: number): string => {
  const stamp = time.replace(/[^\d]/g, "").slice(0, 14).replace(/^(.{8})/, "$1-");
  return `${stamp}-session-${session}${n === 0 ? "" : `-${n + 1}`}.txt`;
};

const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** @throws {SiteError} */
function makeDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new SiteError(`The directory "${path}" can't be made: ${reasonOf(error)}`);
  }
}

/** Writes to a new file; the path. */
function writeNew(directory: string, recorded: Recorded): string {
  for (let n = 0;; n++) {
    const path = `${directory}/${nameOf(recorded, n)}`;
    try {
      // The addresses of other people are in it.
      Deno.writeFileSync(path, bytesOf(recorded.text), { createNew: true, mode: 0o600 });
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) {
        const why = reasonOf(error);
        throw new SiteError(`The transcript "${path}" can't be written: ${why}`);
      }
    }
  }
}

/** Makes the transcripts of the trace that `operands` name. @throws {UsageError} */
export async function recordTranscripts(
  args: ParsedArgs,
  operands: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  const [trace, more] = operands;
  if (trace === undefined || more !== undefined) {
    throw new UsageError("transcript record needs one trace file");
  }
  const session = args.value("session");
  if (session !== undefined && !/^\d{1,15}$/.test(session)) {
    throw new UsageError(`--session takes a number, not "${session}"`);
  }
  const directory = args.value("out")?.replace(/(?<=.)\/+$/, "");
  if (directory === undefined && session === undefined) {
    throw new UsageError("transcript record needs --out DIR, or --session NUMBER for one to print");
  }
  if (directory !== undefined) makeDirectory(directory);
  let count = 0;
  const recorder = createRecorder(trace.split("/").at(-1) ?? trace, (recorded) => {
    count++;
    if (directory === undefined) printBytes(bytesOf(recorded.text));
    else print(writeNew(directory, recorded));
  }, session === undefined ? null : Number(session));
  for await (const line of linesOf(trace)) recorder.take(line);
  recorder.end();
  if (count > 0) return 0;
  complain(
    `"${trace}" has no dialogue${session === undefined ? "" : " of it"}: it needs trace_level 4`,
  );
  return 1;
}
