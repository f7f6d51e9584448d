/**
 * The kinds of settings: how a setting's text in trace.cfg or after --set becomes a value.
 *
 * A definition carries everything that is ever said about a setting (default, unit, one sentence), so that
 * help, documentation checks and error messages all speak from this one place.
 */

/** A value that did not parse: one sentence for the administrator. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** One setting: its kind, its default and what is said about it. */
export interface Setting<T> {
  readonly kind: "text" | "integer" | "flag" | "choice" | "list";
  readonly default: T;
  /** "seconds", "bytes", "sessions" ...; "" where the value has none. */
  readonly unit: string;
  readonly about: string;
  /** The accepted words of a choice or flag. */
  readonly words?: readonly string[];
  /** @throws {SettingError} when `text` is no value of this setting. */
  parse(text: string): T;
}

/** Free text; empty means "not set". */
export function text(fallback: string, about: string): Setting<string> {
  return { kind: "text", default: fallback, unit: "", about, parse: (t) => t.trim() };
}

/** A whole number between `min` and `max`, in `unit`. */
export function integer(
  fallback: number,
  unit: string,
  about: string,
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): Setting<number> {
  return {
    kind: "integer",
    default: fallback,
    unit,
    about,
    parse(t) {
      const word = t.trim();
      const value = /^\d+$/.test(word) ? Number(word) : NaN;
      if (!(value >= min && value <= max)) {
        const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
        throw new SettingError(`"${word}" is not a whole number ${range}`);
      }
      return value;
    },
  };
}

/** One word out of a few. */
export function choice<const W extends string>(
  words: readonly W[],
  fallback: W,
  about: string,
): Setting<W> {
  return {
    kind: "choice",
    default: fallback,
    unit: "",
    about,
    words,
    parse(t) {
      const word = t.trim().toLowerCase();
      const found = words.find((w) => w === word);
      if (found === undefined) {
        throw new SettingError(`"${t.trim()}" is not one of ${words.join(", ")}`);
      }
      return found;
    },
  };
}

/** A check of policy/: off, shadow (judged and traced, not applied) or on. */
export function check(
  fallback: "off" | "shadow" | "on",
  about: string,
): Setting<"off" | "shadow" | "on"> {
  return choice(["off", "shadow", "on"], fallback, about);
}

const YES = ["on", "yes", "true", "1"];
const NO = ["off", "no", "false", "0"];

/** on | off (yes, no, true, false, 1, 0 are understood). */
export function flag(fallback: boolean, about: string): Setting<boolean> {
  return {
    kind: "flag",
    default: fallback,
    unit: "",
    about,
    words: ["on", "off"],
    parse(t) {
      const word = t.trim().toLowerCase();
      if (YES.includes(word)) return true;
      if (NO.includes(word)) return false;
      throw new SettingError(`"${t.trim()}" is neither on nor off`);
    },
  };
}

/** Words separated by blanks or commas; in YAML also a sequence. */
export function list(fallback: readonly string[], about: string): Setting<readonly string[]> {
  return {
    kind: "list",
    default: fallback,
    unit: "",
    about,
    parse: (t) => t.split(/[\s,]+/).filter((w) => w !== ""),
  };
}
