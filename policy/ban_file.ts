/**
 * The text of ban_file: a line of JSON for each ban, and behind them what is counted of networks that
 * guess, which nobody mends by hand.
 */
import { type Bans, readBan } from "./bans.ts";
import { type Guesses, readGuessRow } from "./guesses.ts";

/** Takes what the file has; a sentence for each line that can't be used. */
export function readBanLines(
  text: string,
  bans: Bans,
  guesses: Guesses,
  nowMs: number,
): string[] {
  const faults: string[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    if (line.startsWith("[")) {
      const row = readGuessRow(line);
      if (row === null) faults.push(`Line ${i + 1} is no count of guesses`);
      else guesses.take(row);
      continue;
    }
    const ban = readBan(line);
    if (ban === null) faults.push(`Line ${i + 1} is no ban`);
    else if (!bans.isForgotten(ban, nowMs)) bans.take(ban);
  }
  return faults;
}
