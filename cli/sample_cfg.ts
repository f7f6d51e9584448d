/** A control/trace.cfg with every setting, commented out at its default: made from the tables of settings. */
import { shownDefault } from "../settings/doc_table.ts";
import type { Setting } from "../settings/kinds.ts";
import { FAMILIES } from "../settings/mod.ts";

const HEAD = `#
# qmail trace configuration file
# Version 1.0
#
# It is read again when it changes. "name: value", "name=value" and "name value" all do.
# What stands behind a "#" is the default of a setting. qfront doctor reads this file, too.
#
`;

/** A value as this file takes it: in quotes where a blank or a mark of YAML would be misread. */
function written(setting: Setting<unknown>): string {
  const value = shownDefault(setting);
  if (setting.kind === "list") return value === "" ? "[]" : value.split(" ").join(", ");
  return value === "" || /[#:[\]{}'"]|^\s|\s$/.test(value) ? `"${value}"` : value;
}

function familyLines(name: string, family: Readonly<Record<string, Setting<unknown>>>): string[] {
  const rows = Object.entries(family).filter(([key]) =>
    key !== "trace_file" && key !== "trace_level"
  );
  if (rows.length === 0) return [];
  return [
    "",
    `# ---- ${name.replaceAll("_", " ")}`,
    ...rows.flatMap(([key, setting]) => [
      "",
      `# ${setting.about}${setting.words === undefined ? "" : ` (${setting.words.join(", ")})`}${
        setting.unit === "" ? "" : `; in ${setting.unit}`
      }`,
      `#${key}: ${written(setting)}`,
    ]),
  ];
}

/** The file. `traceFile`: where the trace goes, at level 2. */
export function sampleCfg(traceFile: string): string {
  const families = Object.entries<Readonly<Record<string, Setting<unknown>>>>(FAMILIES);
  return [
    `${HEAD}
# Name of the trace file; "-" is standard error. Empty: there is no trace
trace_file: ${traceFile}

# 0 off, 1 sessions, 2 verdicts, 3 look-up steps, 4 the dialogue
trace_level: 2`,
    ...families.flatMap(([name, family]) => familyLines(name, family)),
    "",
  ].join("\n");
}
