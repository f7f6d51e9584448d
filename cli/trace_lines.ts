/** The lines of a trace file, a piece at a time: a file may be larger than the memory. */
import { reasonOf, SiteError } from "./command.ts";

const PIECE_BYTES = 65_536;
/** Of a line that never ends so much is looked at. */
const MOST_CHARS = 1 << 20;

/** Lines without their line ends; what is no UTF-8 becomes U+FFFD. @throws {SiteError} when it can't be read. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(PIECE_BYTES);
  let rest = "";
  try {
    for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split(
        "\n",
      );
      rest = (lines.pop() ?? "").slice(0, MOST_CHARS);
      yield* lines;
    }
    if (rest !== "") yield rest;
  } catch (error) {
    throw error instanceof SiteError ? error : unreadable(path, error);
  } finally {
    file.close();
  }
}

const unreadable = (path: string, error: unknown): SiteError =>
  new SiteError(`The trace "${path}" can't be read: ${reasonOf(error)}`);
