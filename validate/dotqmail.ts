/**
 * The home and the dot-qmail file, as qmail-local finds and judges them.
 *
 * Mirrors checkhome(), qmeexists(), qmesearch() and qmeox() of qmail-local.c. What the file says is
 * read by instructions.ts; nothing is delivered here.
 */
import type { Absences } from "./absences.ts";
import type { Assignment } from "./assign.ts";
import { type Files, type Found, isRegular, type Person } from "./files.ts";
import { lowerAscii } from "./rewrite.ts";
import type { StepSink } from "./steps.ts";
import { failureWords, isAbsence, LookupTrouble } from "./trouble.ts";

const STICKY = 0o1000;
const OWNER_EXECUTES = 0o100;

export interface HomeContext {
  readonly files: Files;
  /** Mode bits that no home and no dot-qmail file may have (conf-patrn). */
  readonly forbidden: number;
  /** Who opens: the assigned uid and gid, or null for this process. */
  readonly person: Person;
  /** What need not be asked again. */
  readonly absences: Absences;
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");

/** Changes to the home. @throws {LookupTrouble} where qmail-local defers. */
export function enterHome(home: string, context: HomeContext, steps: StepSink | null): Found {
  const found = context.files.enter(home, context.person);
  if (!found.ok) {
    const words = failureWords(found);
    steps?.add("home", home, "", words);
    const where = found.errno === "EACCES" && !found.hidden
      ? ` (${found.at === "" ? "/" : found.at} must be searchable for the user)`
      : "";
    throw new LookupTrouble(`The home ${home} can't be entered: ${words}${where}`);
  }
  const mode = found.stat.mode;
  if ((mode & context.forbidden) !== 0) {
    steps?.add("home", home, "", `mode ${octal(mode)} is writable beyond its owner`);
    throw new LookupTrouble(
      `The home ${home} has mode ${octal(mode)}, which lets others write (chmod it to ${
        octal(mode & ~context.forbidden)
      })`,
    );
  }
  if ((mode & STICKY) !== 0) {
    steps?.add("home", home, "", `mode ${octal(mode)} is sticky`);
    throw new LookupTrouble(
      `The home ${home} is sticky: its user is editing (chmod -t when that is done)`,
    );
  }
  steps?.add("home", home, "", `mode ${octal(mode)}`);
  return found;
}

/** A dot-qmail file that decides. */
export interface DotQmail {
  /** Below home, such as ".qmail-default". */
  readonly name: string;
  readonly found: Found;
  /** Its x bit is set: only forwards may stand in it. */
  readonly forwardOnly: boolean;
  /** Set where the file forbids delivery: a sentence. */
  readonly trouble: string | null;
}

/** An extension as it stands in file names: lower case, "." as ":". */
export function safeExtension(ext: string): string {
  const lower = lowerAscii(ext);
  return lower.includes(".") ? lower.replaceAll(".", ":") : lower;
}

/** The name opened as qmail-local does: null to go on to the next. @throws {LookupTrouble} */
function tryFile(
  name: string,
  home: Found,
  context: HomeContext,
  steps: StepSink | null,
): DotQmail | null {
  // Somebody who wants to see steps wants to see them taken.
  if (steps === null && context.absences.has(home, name)) return null;
  const found = context.files.open(name, context.person, home.path);
  const shown = `${home.path}/${name}`;
  if (!found.ok) {
    const words = failureWords(found);
    steps?.add("dot-qmail", shown, "", words);
    if (!found.hidden && isAbsence(found.errno)) {
      context.absences.note(home, name, found);
      return null;
    }
    throw new LookupTrouble(`The file ${shown} can't be opened: ${words}`);
  }
  if (!isRegular(found.stat)) {
    steps?.add("dot-qmail", shown, "", "is no regular file, so it is passed over");
    return null;
  }
  const mode = found.stat.mode;
  const writable = (mode & context.forbidden) !== 0;
  steps?.add(
    "dot-qmail",
    shown,
    "",
    `mode ${octal(mode)}${writable ? ", writable by others" : ""}`,
  );
  return {
    name,
    found,
    forwardOnly: (mode & OWNER_EXECUTES) !== 0,
    trouble: writable
      ? `The file ${shown} has mode ${octal(mode)}, which lets others write (chmod it to ${
        octal(mode & ~context.forbidden)
      })`
      : null,
  };
}

/**
 * The file for this extension, else the nearest default; null when there is none. @throws
 * {LookupTrouble}
 */
export function findDotQmail(
  assigned: Assignment,
  home: Found,
  context: HomeContext,
  steps: StepSink | null,
): DotQmail | null {
  const safe = safeExtension(assigned.ext);
  // Somebody who wants to see steps wants to see them taken.
  if (steps === null && context.absences.hasNoneOf(home, assigned.dash, safe)) return null;
  const stem = `.qmail${assigned.dash}`;
  const exact = tryFile(stem + safe, home, context, steps);
  if (exact !== null) return exact;
  for (let end = safe.length; end >= 0; end--) {
    if (end > 0 && safe.charCodeAt(end - 1) !== 45) continue;
    const fallback = tryFile(`${stem}${safe.slice(0, end)}default`, home, context, steps);
    if (fallback !== null) return fallback;
  }
  return null;
}

/**
 * Is there a file of that suffix (-owner, -owner-default) beside this extension's? Anything that
 * stat(2) sees counts.
 */
export function hasOwnerFile(
  assigned: Assignment,
  home: Found,
  suffix: string,
  context: HomeContext,
): boolean {
  const name = `.qmail${assigned.dash}${safeExtension(assigned.ext)}${suffix}`;
  return context.files.resolve(name, context.person, home.path).ok;
}
