/**
 * The report for a terminal and for mail: 80 columns, colour only where it is asked for. Everything that comes from a log
 * is made safe first: a client must not move the administrator's cursor.
 */
import type { Report } from "./report_types.ts";
import {
  type Bars,
  type Grid,
  headlines,
  readSentence,
  type Section,
  sectionsOf,
} from "./sections.ts";
import { localMinute, number, percent, plural, safe } from "./words.ts";

const WIDTH = 80;
const BAR = 16;

interface Style {
  strong(text: string): string;
  dim(text: string): string;
  bar(text: string): string;
}

const escape = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const COLOUR: Style = { strong: escape("1"), dim: escape("2"), bar: escape("36") };
const same = (text: string): string => text;
const PLAIN: Style = { strong: same, dim: same, bar: same };

/** Characters as a terminal counts them, near enough. */
const lengthOf = (text: string): number => [...text].length;

/** An address is cut in the middle, where it says least; other text at its end. */
function fit(text: string, width: number): string {
  const chars = [...text];
  if (chars.length <= width) return text + " ".repeat(width - chars.length);
  const tail = /^\S*@\S*$/.test(text) ? Math.floor(width * 0.4) : 0;
  return `${chars.slice(0, width - 3 - tail).join("")}...${
    chars.slice(chars.length - tail, tail === 0 ? 0 : undefined).join("")
  }`;
}

/** Broken at blanks; a longer word gets a line of its own. */
export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (lengthOf(longer) + indent.length <= width || line === "") line = longer;
    else {
      lines.push(indent + line);
      line = word;
    }
  }
  return [...lines, indent + line].filter((l) => l.trim() !== "");
}

function barLines({ title, rows, total, note }: Bars, style: Style): string[] {
  const most = Math.max(...rows.map(({ count }) => count), 1);
  const wide = Math.max(...rows.map(({ count }) => number(count).length));
  const lines = rows.map(({ name, count }) => {
    const length = Math.max(1, Math.round(count / most * BAR));
    const bar = style.bar("#".repeat(length)) + " ".repeat(BAR - length);
    const share = percent(count, total).padStart(5);
    const shown = fit(safe(name), WIDTH - wide - BAR - 12);
    return `    ${number(count).padStart(wide)} ${share} ${bar} ${shown}`.trimEnd();
  });
  const notes = note === "" ? [] : wrap(`(${note})`, WIDTH, "    ").map((line) => style.dim(line));
  return [`  ${style.strong(title)}`, ...lines, ...notes, ""];
}

/** Each row's fields below each other where they don't fit beside each other. */
function gridLines({ title, head, rows, note }: Grid, style: Style): string[] {
  const shown = rows.map((row) => row.map(safe));
  const names = head.map((name) => name.replace(/#$/, ""));
  const widths = names.map((name, i) =>
    Math.max(lengthOf(name), ...shown.map((row) => lengthOf(row[i] ?? "")))
  );
  const heading = title === "" ? [] : [`  ${style.strong(title)}`];
  const notes = note === "" ? [] : wrap(`(${note})`, WIDTH, "    ").map((line) => style.dim(line));
  const fits = widths.reduce((sum, w) => sum + w + 2, 2) <= WIDTH;
  if (!fits) {
    const blocks = shown.flatMap(([first = "", ...rest]) => [
      ...wrap(first, WIDTH, "    "),
      ...rest.flatMap((value, i) =>
        value === "" ? [] : wrap(`${names[i + 1]}: ${value}`, WIDTH, "      ")
      ),
    ]);
    return [...heading, ...blocks.map((line) => clip(line)), ...notes, ""];
  }
  const line = (row: readonly string[]) =>
    row.map((value, i) => {
      const width = widths[i] ?? 0;
      const space = " ".repeat(Math.max(0, width - lengthOf(value)));
      return head[i]?.endsWith("#") ? space + value : value + space;
    }).join("  ").trimEnd();
  return [
    ...heading,
    `    ${style.dim(line(names))}`,
    ...shown.map((row) => `    ${line(row)}`),
    ...notes,
    "",
  ];
}

/** A word longer than the line. */
const clip = (line: string): string => lengthOf(line) <= WIDTH ? line : fit(line, WIDTH);

function sectionLines({ title, lead, parts }: Section, style: Style): string[] {
  const rule = "-".repeat(Math.max(0, WIDTH - title.length - 1));
  return [
    `${style.strong(title)} ${style.dim(rule)}`,
    ...wrap(lead, WIDTH, "  "),
    "",
    ...parts.flatMap((part) =>
      part.kind === "bars" ? barLines(part, style) : gridLines(part, style)
    ),
  ];
}

/** Refusals over time: one character a step. */
function sparkLines(report: Report, style: Style): string[] {
  const { steps, step_seconds } = report.timeline;
  if (steps.length < 2 || steps.every(({ refused }) => refused === 0)) return [];
  const marks = " .:-=+*#%@";
  const most = Math.max(...steps.map((s) => s.refused), 1);
  const line = steps.map((s) =>
    marks[s.refused === 0 ? 0 : Math.max(1, Math.round(s.refused / most * (marks.length - 1)))]
  ).join("");
  const unit = step_seconds < 3600
    ? `${step_seconds / 60} min`
    : step_seconds < 86_400
    ? `${step_seconds / 3600} h`
    : plural(step_seconds / 86_400, "day");
  return [
    `  ${style.dim(`Refused over time, a character for ${unit}, "@" is ${number(most)}`)}`,
    `  [${style.bar(line)}]`,
    "",
  ];
}

/** The report as text, LF at the end of each line. */
export function textReport(report: Report, colour: boolean): string {
  const style = colour ? COLOUR : PLAIN;
  const period = `${localMinute(report.from)} to ${localMinute(report.until)}`;
  const lines = [
    style.strong(`Mail report of ${safe(report.host)}, ${period}`),
    ...wrap(readSentence(report), WIDTH, "").map((line) => style.dim(line)),
    "",
    ...headlines(report).filter(({ value }) => value !== "0").map(({ label, value }) =>
      `  ${value.padStart(10)}  ${label}`
    ),
    "",
    ...sparkLines(report, style),
    ...sectionsOf(report).flatMap((section) => sectionLines(section, style)),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
