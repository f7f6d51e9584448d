/**
 * Mail rules that are read again when their file, or one that they name, changes.
 *
 * Rules that can't be used any more leave those that were there, and one sentence tells it; where
 * there were none before, everybody gets 421 until they are mended, as in mailfront.
 */
import { type MailRules, unusableMailRules } from "./mailrules.ts";
import { loadMailRules, type ReadBytes } from "./mailrules_load.ts";
import { MailRulesError } from "./mailrules_parse.ts";

/** The files, as seen from here. */
export interface RuleFiles {
  readonly read: ReadBytes;
  /** Changes when the file does; any text for a file that is not there. */
  readonly fingerprint: (name: string) => string;
}

/** How changes are looked for. */
export interface RuleWatchOptions {
  /** Milliseconds, as `performance.now()` counts. */
  readonly clock: () => number;
  /** How old, in milliseconds, what is known of the files may be. */
  readonly keepMs: number;
  /** Takes a sentence for the administrator. */
  readonly note: (sentence: string) => void;
}

interface Watched {
  rules: MailRules;
  /** The rules were usable once. */
  hasRules: boolean;
  seen: ReadonlyMap<string, string>;
  lookedMs: number;
}

/** Gives the rules of a file as they are now. */
export function watchMailRules(
  files: RuleFiles,
  { clock, keepMs, note }: RuleWatchOptions,
): (name: string) => MailRules {
  const watched = new Map<string, Watched>();

  function load(name: string, old: Watched | undefined): Watched {
    const seen = new Map<string, string>([[name, files.fingerprint(name)]]);
    const read: ReadBytes = (file) => {
      seen.set(file, files.fingerprint(file));
      return files.read(file);
    };
    const base = { seen, lookedMs: clock() };
    try {
      const { rules, notes } = loadMailRules(name, read);
      for (const sentence of notes) note(`${name}: ${sentence}`);
      return { ...base, rules, hasRules: true };
    } catch (error) {
      if (!(error instanceof MailRulesError)) throw error;
      const isKept = old?.hasRules === true;
      note(`${name}: ${error.message}${isKept ? "; the rules that were there stay" : ""}`);
      return isKept
        ? { ...base, rules: old.rules, hasRules: true }
        : { ...base, rules: unusableMailRules(error.message), hasRules: false };
    }
  }

  return (name) => {
    const known = watched.get(name);
    if (known !== undefined) {
      if (clock() - known.lookedMs < keepMs) return known.rules;
      known.lookedMs = clock();
      const isSame = [...known.seen].every(([file, print]) => files.fingerprint(file) === print);
      if (isSame) return known.rules;
    }
    const fresh = load(name, known);
    watched.set(name, fresh);
    return fresh.rules;
  };
}
