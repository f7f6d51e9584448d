/**
 * How a setting's name may be written in trace.cfg and after --set, and what was probably meant by a wrong one.
 *
 * No copy of KATR's own sample is known to say for certain how its two settings were spelled, so the likely
 * spellings are taken as well. Ours are `trace_file` and `trace_level`.
 */
import { type SettingName, SETTINGS } from "./mod.ts";

/** Other spellings, in the form that `fold` gives. */
const ALIASES: Readonly<Record<string, SettingName>> = {
  tracefile: "trace_file",
  file: "trace_file",
  tracelevel: "trace_level",
  level: "trace_level",
};

const NAMES = Object.keys(SETTINGS) as SettingName[];

const fold = (word: string): string => word.toLowerCase().replaceAll("-", "_");

/** The setting that `word` names, in any case, `-` for `_`, aliases included; null: none. */
export function settingNamed(word: string): SettingName | null {
  const name = fold(word);
  if (Object.hasOwn(SETTINGS, name)) return name as SettingName;
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] ?? null : null;
}

/** The setting whose name is nearest to `word`, by edit distance. */
export function nearestName(word: string): SettingName {
  const name = fold(word).slice(0, 64);
  let best: SettingName = "trace_file";
  let least = Infinity;
  for (const candidate of NAMES) {
    const distance = editDistance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Insertions, deletions and replacements that make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
