/**
 * A message line by line, each no longer than is looked at: linear in the message's size, whatever
 * its lines are like.
 */
import { binaryOf } from "./binary.ts";

/**
 * Calls `take` with each line, without its LF and cut behind `most` bytes, until it returns true;
 * a last line without an end is none.
 */
export async function eachLine(
  pieces: AsyncIterable<Uint8Array>,
  most: number,
  take: (line: string) => boolean,
): Promise<void> {
  let held = "";
  for await (const piece of pieces) {
    const text = binaryOf(piece);
    let from = 0;
    for (let lf = text.indexOf("\n"); lf >= 0; lf = text.indexOf("\n", from)) {
      const end = Math.min(lf, from + most);
      const line = held === ""
        ? text.slice(from, end)
        : (held + text.slice(from, end)).slice(0, most);
      if (take(line)) return;
      held = "";
      from = lf + 1;
    }
    if (held.length < most) held = (held + text.slice(from, from + most)).slice(0, most);
  }
}
