/** Mail data for a transcript where the trace has only its size: lines that come to so many bytes. */

const LINE = "x".repeat(71);
/** The shortest line that shows a hop, so that there are as many as there can have been. */
const HOP = "Received";
/** Most times that a line may stand in one C*N. */
const MOST = 999_999;

/**
 * Client lines, the final dot included, that a server counts as `bytes` (line ends as LF, dots taken off). `hops`: of header
 * lines that show hops.
 */
export function mailDataLines(bytes: number, hops = false): string[] {
  const heading = `Subject: recorded, ${bytes} bytes of mail data stand for those that were sent`;
  const lines: string[] = [];
  let left = bytes;
  if (!hops && left >= heading.length + 2) {
    lines.push(`C: ${heading}`, "C:");
    left -= heading.length + 2;
  }
  const line = hops ? HOP : LINE;
  for (let times = Math.floor(left / (line.length + 1)); times > 0; times -= MOST) {
    lines.push(`C*${Math.min(times, MOST)}: ${line}`);
  }
  left %= line.length + 1;
  if (left > 0) lines.push(left === 1 ? "C:" : `C: ${"x".repeat(left - 1)}`);
  return [...lines, "C: ."];
}
