/**
 * The few figures a measurement ends in: medians of rounds, ratios between servers, and a table of text.
 *
 * Medians, not means: one round disturbed by something else on the machine must not move the result.
 */

/**
 * The middle value; the mean of the two middle ones when their number is even.
 *
 * @throws {RangeError} when there is no value.
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("A median needs at least one value");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** `value` as a multiple of `base`; null when there is nothing to compare with. */
export function ratio(value: number, base: number | null | undefined): number | null {
  return base === null || base === undefined || base === 0 ? null : value / base;
}

/** How far the rounds lie apart: (largest - smallest) / median; 0 for one round. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / middle;
}

/** A number for people: three digits that count, thousands separated. */
export function readable(value: number): string {
  if (value >= 100) return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A ratio for people; a dash when there is none. */
export function readableRatio(value: number | null): string {
  return value === null ? "-" : value.toFixed(2);
}

/** A Markdown table, columns padded so that it can be read as it is; the first column is text. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) =>
    Math.max(cell.length, ...rows.map((r) => r[i]?.length ?? 0))
  );
  const line = (cells: readonly string[]) => {
    const padded = widths.map((w, i) => {
      const cell = cells[i] ?? "";
      return i === 0 ? cell.padEnd(w) : cell.padStart(w);
    });
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((w, i) => (i === 0 ? "-".repeat(w) : "-".repeat(w - 1) + ":"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
