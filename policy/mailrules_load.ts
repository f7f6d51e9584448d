/**
 * The mail rules with the files they name, read. What reads files is given, so that what-if
 * questions can have others.
 */
import { CdbError, CdbReader, latin1 } from "../cdb/mod.ts";
import { compileMailRules, type MailRules, type RuleFile, ruleFileOf } from "./mailrules.ts";
import { filesOf, MailRulesError, parseMailRules } from "./mailrules_parse.ts";

/** The bytes of a file; null: there is none. May throw: any trouble ends as a MailRulesError. */
export type ReadBytes = (name: string) => Uint8Array | null;

/** Rules, and sentences about lines that have no effect. */
export interface LoadedMailRules {
  readonly rules: MailRules;
  readonly notes: readonly string[];
}

function bytesOf(name: string, read: ReadBytes): Uint8Array | null {
  try {
    return read(name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MailRulesError(`The file "${name}" can't be read: ${reason}`);
  }
}

/** Of a file named by a rule; null: a missing ".cdb", which matches nobody. */
function loadFile(name: string, read: ReadBytes): RuleFile | null {
  const bytes = bytesOf(name, read);
  if (!name.endsWith(".cdb")) {
    if (bytes === null) throw new MailRulesError(`The file "${name}" of a rule is not there`);
    return ruleFileOf(latin1(bytes));
  }
  if (bytes === null) return null;
  const reader = cdbCall(name, () => new CdbReader(bytes));
  // A file that is no cdb at all shows now, not with the first mail.
  cdbCall(name, () => reader.find(""));
  return (key) => cdbCall(name, () => reader.find(key)) !== null;
}

/** Damage shows when a key is looked for, or at once. */
function cdbCall<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof CdbError)) throw error;
    throw new MailRulesError(`The file "${name}" of a rule is no cdb: ${error.message}`);
  }
}

/**
 * Reads the rules of the file `name`.
 * @throws {MailRulesError} the file or a text file that it names is missing or wrong: 421 until it
 * is mended
 */
export function loadMailRules(name: string, read: ReadBytes): LoadedMailRules {
  const bytes = bytesOf(name, read);
  if (bytes === null) throw new MailRulesError(`The mail rules "${name}" are not there`);
  const parsed = parseMailRules(latin1(bytes));
  const files = new Map<string, RuleFile>();
  for (const file of filesOf(parsed)) {
    const loaded = loadFile(file, read);
    if (loaded !== null) files.set(file, loaded);
  }
  return { rules: compileMailRules(parsed, files), notes: parsed.notes };
}
