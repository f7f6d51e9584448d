/** The settings as tables of the documentation; a test holds docs/ against them. */
import { FAMILIES } from "./mod.ts";
import type { Setting } from "./kinds.ts";

export type FamilyName = keyof typeof FAMILIES;

const MARKED = /(<!-- settings: (\w+) -->\n)[^]*?(<!-- end of settings -->)/g;

/** A default as it would stand in trace.cfg. */
export function shownDefault(setting: Setting<unknown>): string {
  const value = setting.default;
  if (setting.kind === "flag") return value === true ? "on" : "off";
  if (Array.isArray(value)) return value.join(" ");
  return String(value);
}

/** One family as a table. */
export function familyTable(family: FamilyName): string {
  const rows = Object.entries<Setting<unknown>>(FAMILIES[family]).map(([name, setting]) => {
    const shown = shownDefault(setting);
    const words = setting.words === undefined ? "" : ` (${setting.words.join(", ")})`;
    return [
      `\`${name}\``,
      shown === "" ? "empty" : `\`${shown}\``,
      setting.unit,
      (setting.about + words).replaceAll("|", "\\|"),
    ];
  });
  return markdownTable(["setting", "default", "unit", "meaning"], rows);
}

/** A table of Markdown, aligned as `deno fmt` wants it. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((word, i) =>
    Math.max(word.length, ...rows.map((row) => row[i]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill = " ") =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0, fill)).join(" | ")} |\n`;
  return line(head) + line(head.map(() => ""), "-") + rows.map((row) => line(row)).join("");
}

/** `page` with the table behind each `<!-- settings: FAMILY -->` brought up to date. */
export function withTables(page: string): string {
  return page.replace(MARKED, (all: string, begin: string, name: string, end: string) => {
    return Object.hasOwn(FAMILIES, name)
      ? `${begin}\n${familyTable(name as FamilyName)}\n${end}`
      : all;
  });
}
