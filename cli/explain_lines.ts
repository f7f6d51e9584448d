/**
 * Line numbers, for people: where in a file stands what a step or a check of the running code went by.
 *
 * Nothing is decided here, and a line that can't be found is none: the answer stands without it.
 */
import { latin1 } from "../cdb/mod.ts";
import { entryLines } from "../validate/control.ts";
import { lowerAscii } from "../validate/rewrite.ts";
import type { ControlTexts, LookupStep } from "../validate/types.ts";
import type { PlacedStep, Whereabouts } from "./explain_types.ts";
import type { SitePlace } from "./site.ts";

/** Finds lines in the files of a site. */
export interface LineFinder {
  /** The first line of a file whose entry fits; null: there is none, or nobody may read it. */
  find(file: string, fits: (entry: string) => boolean): number | null;
}

/** Reads `control/...` and the rest as names within the site. */
export function openLines(place: SitePlace, control: ControlTexts): LineFinder {
  const textOf = (file: string): string | null => {
    try {
      if (file.startsWith("control/")) return control.text(file.slice("control/".length));
      return latin1(Deno.readFileSync(place.root + file));
    } catch {
      return null;
    }
  };
  return {
    find(file, fits) {
      const text = textOf(file);
      return text === null ? null : entryLines(text).find(({ entry }) => fits(entry))?.line ?? null;
    },
  };
}

/** What an entry of a step's file looks like, where it has one. */
function fitsOf({ step, key, found }: LookupStep): ((entry: string) => boolean) | null {
  switch (step) {
    case "rcpthosts":
    case "locals":
    case "percenthack":
      return (entry) => lowerAscii(entry) === key;
    case "virtualdomains":
      return (entry) => lowerAscii(entry).startsWith(`${key}:`);
    case "getpw":
      return (entry) => entry.startsWith(`${key}:`);
    case "users-cdb": {
      const name = /^entry ([=+][^:]*):/.exec(found)?.[1];
      return name === undefined ? null : (entry) => lowerAscii(entry).startsWith(`${name}:`);
    }
    default:
      return null;
  }
}

/** Steps with the lines that they met. */
export function placeSteps(steps: readonly LookupStep[], lines: LineFinder): PlacedStep[] {
  return steps.map((step) => {
    const fits = fitsOf(step);
    const isFound = !/^(not listed|no line|no entry|no such|refused)/.test(step.found);
    // users/cdb is made of users/assign, which people edit.
    const source = step.file.replace(/\/users\/cdb$/, "/users/assign");
    const line = fits === null || !isFound ? null : lines.find(source, fits);
    const file = line !== null && source !== step.file ? source : step.file;
    return { ...step, file, line };
  });
}

/** rcpthosts, as a step before those of the look-up. */
export function rcptHostsStep(address: string, answer: string, lines: LineFinder): PlacedStep {
  const at = address.lastIndexOf("@");
  const domain = lowerAscii(address.slice(at + 1));
  const step = "rcpthosts";
  const file = "control/rcpthosts";
  const plain = { step, file, key: at < 0 ? "" : domain, line: null };
  switch (answer) {
    case "missing":
      return { ...plain, found: "no such file: what is local or virtual here, and nothing else" };
    case "refused":
      return { ...plain, found: "not listed, so strangers may not relay to it" };
    case "undecided":
      return { ...plain, found: "can't be read" };
  }
  if (at < 0) return { ...plain, found: "always allowed without a domain" };
  const line = lines.find(file, (entry) => {
    const lower = lowerAscii(entry);
    return lower === domain || (lower.startsWith(".") && domain.endsWith(lower));
  });
  return line === null
    ? { ...plain, file: "control/morercpthosts.cdb", found: "listed" }
    : { ...plain, line, found: "listed" };
}

/** Does an entry of a control file mean `key`? What stands behind it (a text, a sign) apart. */
export function means(entry: string, key: string): boolean {
  const lower = lowerAscii(entry.trim());
  return lower === key || lower.replace(/[+?]$/, "") === key || lower.split(/[\s:]/)[0] === key;
}

/** The file a check goes by, and the line of the rule that decided. */
export function placeRule(
  file: string | null,
  rule: string,
  lines: LineFinder,
): Whereabouts | null {
  if (file === null) return null;
  const numbered = /^mailrules: line (\d+)/.exec(rule)?.[1];
  if (numbered !== undefined) return { file, line: Number(numbered) };
  const key = lowerAscii(/^[a-z_]+: (?:badhelo )?(.*)$/.exec(rule)?.[1] ?? "");
  return { file, line: key === "" ? null : lines.find(file, (entry) => means(entry, key)) };
}
