/**
 * trace.cfg and --set -> the settings of a run.
 *
 * KATR's promise is kept: whatever is wrong with the trace's own two settings turns tracing off and nothing else,
 * and no mistake in this file stops the mail. A mistake in another setting keeps that setting's default. Reading the
 * file is for the caller (snapshot.ts does it for a running service); nothing here touches a disk.
 */
import { nearestName, settingNamed } from "./names.ts";
import { type ParsedCfg, parseTraceCfg, type Problem } from "./parse.ts";
import { defaultSettings, SettingError, type SettingName, SETTINGS, type Settings } from "./mod.ts";

export { parseTraceCfg, type Problem } from "./parse.ts";

/** What settings are made of. */
export interface SettingsSource {
  /** Text of trace.cfg; null: there is no such file. */
  readonly cfgText: string | null;
  /** Its name, for messages. */
  readonly cfgName: string;
  /** KEY=VALUE of each --set, in order. */
  readonly overrides: readonly string[];
}

export interface LoadedSettings {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
  /** False: the file as a whole does not parse. A running service then keeps the settings it has. */
  readonly parsed: boolean;
}

type Values = { [K in SettingName]?: unknown };

/**
 * The settings that file and command line give.
 * @throws {SettingError} (rejects) when one of `overrides` is wrong: an error of the command line.
 */
export async function loadSettings(source: SettingsSource): Promise<LoadedSettings> {
  const chosen = parseOverrides(source.overrides);
  const cfg = source.cfgText === null ? NOTHING : await parseTraceCfg(source.cfgText);
  const problems = [...cfg.problems];
  const values: Values = {};
  const faulty = new Set<SettingName>();
  for (const [name, { text, line }] of cfg.values) {
    const read = readValue(name, text);
    if ("value" in read) values[name] = read.value;
    else {
      faulty.add(name);
      problems.push({ line, severity: "warning", message: read.fault });
    }
  }
  const parsed = !problems.some((p) => p.severity === "error");
  const off = parsed ? traceFault(source, cfg, faulty) : SAID;
  if (off !== null) values.trace_level = 0;
  const settings = { ...defaultSettings(), ...values, ...chosen } as Settings;
  const traces = settings.trace_level > 0 && settings.trace_file !== "";
  if (!parsed) return { settings, problems: joinErrors(problems, traces), parsed };
  if (off !== null && off !== SAID && !traces) {
    const message = `Tracing is off because of "${source.cfgName}": ${off}`;
    problems.push({ line: 0, severity: "warning", message });
  }
  return { settings, problems: problems.sort((a, b) => a.line - b.line), parsed };
}

/** One sentence for all that keeps the file from being read as a whole: the first of it, and how much more there is. */
function joinErrors(problems: readonly Problem[], traces: boolean): Problem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line);
  const [first, ...more] = sorted.filter((p) => p.severity === "error");
  const others = sorted.filter((p) => p.severity !== "error");
  if (first === undefined) return others;
  const rest = more.length === 0
    ? ""
    : ` (the first of ${more.length + 1} faults, the last is in line ${more.at(-1)?.line})`;
  const message = `${first.message}${traces ? "" : ", so tracing is off"}${rest}`;
  return [{ ...first, message }, ...others];
}

const NOTHING: ParsedCfg = { values: new Map(), problems: [] };
/** Nothing more to say: tracing is off by choice, or a problem of its own says so. */
const SAID = "";

function readValue(name: SettingName, text: string): { value: unknown } | { fault: string } {
  const setting = SETTINGS[name];
  if (text.trim() === "" && setting.kind !== "text" && setting.kind !== "list") {
    return { fault: `${name} has no value${instead(name)}` };
  }
  try {
    return { value: parseSetting(name, text) };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return { fault: `${name}: ${error.message}${instead(name)}` };
  }
}

const instead = (name: SettingName): string =>
  name === "trace_level" || name === "trace_file"
    ? ", so tracing is off"
    : `; ${JSON.stringify(SETTINGS[name].default)} is used`;

/** @throws {SettingError} */
function parseSetting(name: SettingName, text: string): unknown {
  // deno-lint-ignore no-control-regex
  if (name === "trace_file" && /[\x00-\x1f\x7f]|\/\s*$/.test(text)) {
    throw new SettingError(`${JSON.stringify(text)} is not the name of a file`);
  }
  return SETTINGS[name].parse(text);
}

/** Why the file turns tracing off; null when it does not. */
function traceFault(
  source: SettingsSource,
  cfg: ParsedCfg,
  faulty: ReadonlySet<SettingName>,
): string | null {
  if (source.cfgText === null) return "there is no such file";
  const file = cfg.values.get("trace_file");
  const level = cfg.values.get("trace_level");
  if (faulty.has("trace_file") || faulty.has("trace_level")) return SAID;
  if (level !== undefined && Number(level.text) === 0) return SAID;
  if (file === undefined && level === undefined) {
    return "it sets neither trace_file nor trace_level";
  }
  if (file === undefined) return "it has no trace_file";
  if (file.text.trim() === "") return "its trace_file is empty";
  return level === undefined ? "it has no trace_level" : null;
}

/** The values of --set. @throws {SettingError} */
export function parseOverrides(overrides: readonly string[]): Values {
  const values: Values = {};
  for (const override of overrides) {
    const at = override.indexOf("=");
    if (at < 1) throw new SettingError(`"${override}" is not KEY=VALUE`);
    const key = override.slice(0, at).trim();
    const name = settingNamed(key);
    if (name === null) {
      throw new SettingError(`There is no setting "${key}"; the nearest is "${nearestName(key)}"`);
    }
    try {
      values[name] = parseSetting(name, override.slice(at + 1));
    } catch (error) {
      if (error instanceof SettingError) throw new SettingError(`${name}: ${error.message}`);
      throw error;
    }
  }
  return values;
}
