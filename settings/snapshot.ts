/**
 * The settings of a running service: read again when trace.cfg changes, or when asked to (SIGHUP).
 *
 * A session keeps the snapshot it began with; `current` is for the next one. A file that does not parse keeps the
 * snapshot and says so, with line number; a file that is gone is read as a missing one, since that is how tracing is
 * turned off without an editor.
 */
import { loadSettings, parseTraceCfg, type Problem } from "./load.ts";
import type { Settings } from "./mod.ts";

export interface SettingsFile {
  /** Path of trace.cfg. */
  readonly path: string;
  /** Its name, for messages. */
  readonly name: string;
  readonly overrides: readonly string[];
  /** Takes one sentence for stderr, with name and line number. */
  readonly onProblem: (sentence: string) => void;
}

export interface SettingsSnapshot {
  readonly current: Settings;
  /** Reads the file when it changed since, or anyway with `force`. True: `current` is a new one. */
  refresh(force?: boolean): Promise<boolean>;
}

/** A problem as a line for stderr. */
export function problemLine(name: string, problem: Problem): string {
  return problem.line > 0 ? `${name}:${problem.line}: ${problem.message}` : problem.message;
}

/**
 * Reads the settings for the first time.
 * @throws {SettingError} (rejects) when one of the overrides is wrong.
 */
export async function openSettings(file: SettingsFile): Promise<SettingsSnapshot> {
  const report = (problems: readonly Problem[]) => {
    for (const problem of problems) file.onProblem(problemLine(file.name, problem));
  };
  const read = async (cfgText: string | null, isThere = cfgText !== null) => {
    const loaded = await loadSettings({ cfgText, cfgName: file.name, overrides: file.overrides });
    // A file that can't be read has been named already, with the reason.
    report(isThere && cfgText === null ? [] : loaded.problems);
    return loaded.settings;
  };
  let stamp = stampOf(file.path);
  let current = await read(readCfg(file, ", so tracing is off"), stamp !== MISSING);
  return {
    get current() {
      return current;
    },
    async refresh(force = false) {
      const now = stampOf(file.path);
      if (!force && now === stamp) return false;
      stamp = now;
      const text = readCfg(file);
      const faults = text === null
        ? []
        : (await parseTraceCfg(text)).problems.filter((p) => p.severity === "error");
      if (faults.length > 0 || (text === null && now !== MISSING)) {
        report(faults);
        file.onProblem(`"${file.name}" does not parse, so the settings from before stay in force`);
        return false;
      }
      current = await read(text);
      return true;
    },
  };
}

const MISSING = "missing";

/** Changes whenever the file does. */
function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtime } = Deno.statSync(path);
    return `${dev} ${ino} ${size} ${mtime?.getTime()}`;
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? MISSING : "unreadable";
  }
}

/** The file's text; null when there is none or when it can't be read, which is said. */
function readCfg(file: SettingsFile, consequence = ""): string | null {
  try {
    return Deno.readTextFileSync(file.path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const said = error instanceof Error ? error.message : String(error);
      const why = said.replace(/: \w+ '.*'$/, ""); // the runtime names its call and the path once more
      file.onProblem(`Unable to read "${file.name}": ${why}${consequence}`);
    }
    return null;
  }
}
