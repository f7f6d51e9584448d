/**
 * Control files that are missing, and lines that qmail does not read as they were meant: CR LF, blanks, wildcards of other
 * programs, entries that stand twice.
 */
import { entriesOf, stripEnd } from "../validate/control.ts";
import { lowerAscii } from "../validate/rewrite.ts";
import { isDenial } from "../validate/trouble.ts";
import { ControlError } from "../validate/types.ts";
import type { Check, Finding, Patient, Where } from "./types.ts";
import { controlPath, found, quoted } from "./words.ts";

/** Lists of entries that are compared as a whole. */
const LISTS = [
  "locals",
  "rcpthosts",
  "morercpthosts",
  "percenthack",
  "badmailfrom",
  "badrcptto",
  "badhelo",
  "trapto",
  "listposts",
] as const;
const DOMAIN_LISTS: readonly string[] = ["locals", "rcpthosts", "morercpthosts", "percenthack"];
const LINES = ["me", "envnoathost", "plusdomain", "defaultdomain", "localiphost", "outgoingip"];
const TABLES = ["virtualdomains", "smtproutes"];
/** Their entries have blanks with a meaning. */
const WITH_TEXT: readonly string[] = ["badrcptto"];

/** A control file as it is. null: there is none. */
export interface ControlText {
  readonly name: string;
  readonly path: string;
  readonly text: string | null;
  /** A sentence: it is there and can't be read; "": neither can the service, which is told with its permissions. */
  readonly fault: string | null;
}

/** One entry with its line, counted from 1. */
export interface Entry {
  readonly line: number;
  readonly text: string;
}

/** The entries of a list with their lines, cut as qmail cuts them. */
export const numberedEntries = (text: string): Entry[] =>
  text.split("\n").flatMap((raw, i) =>
    entriesOf(raw).map((entry) => ({ line: i + 1, text: entry }))
  );

/** What one entry has that qmail does not read as it was meant. */
function entryFinding(file: ControlText, entry: Entry): Finding | null {
  const where: Where = { path: file.path, line: entry.line };
  if (entry.text.endsWith("\r")) return null; // said once for the file
  if (/^\s/.test(entry.text) || (/\s/.test(entry.text) && !WITH_TEXT.includes(file.name))) {
    return found(
      "control-blank",
      where,
      `The entry "${entry.text}" has a blank that qmail takes for a part of it`,
      `edit line ${entry.line} of ${file.path}: no blanks, no comment behind the entry`,
    );
  }
  const isDomain = DOMAIN_LISTS.includes(file.name);
  if (!isDomain || !/^[*@]/.test(entry.text)) return null;
  const meant = entry.text.replace(/^\*\.?/, ".").replace(/^@/, "");
  return found(
    "control-wildcard",
    where,
    `The entry "${entry.text}" stands for that literal name alone`,
    `edit line ${entry.line} of ${file.path}: ${meant}`,
  );
}

function crFinding(file: ControlText): Finding[] {
  const lines = (file.text ?? "").split("\n");
  const first = lines.findIndex((line) => stripEnd(line).endsWith("\r"));
  if (first < 0) return [];
  const count = lines.filter((line) => stripEnd(line).endsWith("\r")).length;
  return [found(
    "control-cr",
    { path: file.path, line: first + 1 },
    `${count} ${count === 1 ? "line ends" : "lines end"} in CR LF`,
    `sed -i 's/\\r$//' ${quoted(file.path)}`,
  )];
}

function duplicates(file: ControlText, entries: readonly Entry[]): Finding[] {
  const seen = new Map<string, number>();
  return entries.flatMap(({ line, text }) => {
    const key = lowerAscii(text);
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, line);
      return [];
    }
    return [found(
      "control-duplicate",
      { path: file.path, line },
      `The entry "${text}" stands in line ${before} already`,
      `sed -i ${line}d ${quoted(file.path)}`,
    )];
  });
}

function listFindings(file: ControlText): Finding[] {
  const entries = numberedEntries(file.text ?? "");
  return [
    ...crFinding(file),
    ...entries.flatMap((entry) => entryFinding(file, entry) ?? []),
    ...duplicates(file, entries),
  ];
}

/** Keys with values: the last one counts, and a line without colon does not. */
function tableFindings(file: ControlText): Finding[] {
  const seen = new Map<string, { readonly line: number; readonly value: string }>();
  const findings = crFinding(file);
  for (const entry of numberedEntries(file.text ?? "")) {
    const where = { path: file.path, line: entry.line };
    const odd = entryFinding(file, entry);
    if (odd !== null) findings.push(odd);
    const colon = entry.text.indexOf(":");
    if (colon < 0) {
      if (file.name !== "virtualdomains") continue;
      findings.push(found(
        "virtualdomains-no-colon",
        where,
        `The line "${entry.text}" has no colon`,
        `edit line ${entry.line} of ${file.path}: ${entry.text.trim()}:PREFIX`,
      ));
      continue;
    }
    const key = lowerAscii(entry.text.slice(0, colon));
    const value = entry.text.slice(colon + 1);
    const before = seen.get(key);
    seen.set(key, { line: entry.line, value });
    if (before === undefined) continue;
    const isSame = before.value === value || file.name !== "virtualdomains";
    findings.push(found(
      isSame ? "control-duplicate" : "virtualdomains-twice",
      where,
      `"${key}" stands in line ${before.line} already${
        isSame ? "" : ` with another value, which is dead`
      }`,
      `sed -i ${isSame ? entry.line : before.line}d ${quoted(file.path)}`,
    ));
  }
  return findings;
}

function missingFindings(files: ReadonlyMap<string, ControlText>, hasInject: boolean): Finding[] {
  const textOf = (name: string) => files.get(name)?.text ?? null;
  const isThere = (name: string) => textOf(name) !== null || files.get(name)?.fault !== null;
  const path = (name: string) => files.get(name)?.path ?? name;
  const findings: Finding[] = [];
  const hasMe = files.get("me")?.fault !== null ||
    stripEnd((textOf("me") ?? "").split("\n")[0] ?? "") !== "";
  if (!hasMe) {
    findings.push(found(
      isThere("locals") ? "me-missing" : "no-local-names",
      { path: path("me") },
      isThere("me") ? "control/me is empty" : "control/me does not exist",
      `hostname -f > ${quoted(path("me"))}`,
    ));
  }
  if (!isThere("rcpthosts")) {
    findings.push(found(
      "rcpthosts-missing",
      { path: path("rcpthosts") },
      "control/rcpthosts does not exist",
      `cp ${quoted(path("locals"))} ${quoted(path("rcpthosts"))}, then add the virtual domains`,
    ));
  }
  if (hasInject && hasMe === false && !isThere("plusdomain")) {
    findings.push(found(
      "plusdomain-missing",
      { path: path("plusdomain") },
      "control/plusdomain does not exist",
      `echo example.org > ${quoted(path("plusdomain"))}`,
    ));
  }
  return findings;
}

/** Judges the texts. `hasInject`: qmail's own mail programs are installed. */
export function judgeControlTexts(
  texts: readonly ControlText[],
  hasInject: boolean,
): Finding[] {
  const files = new Map(texts.map((file) => [file.name, file]));
  const faults = texts.flatMap((file) =>
    file.fault === null || file.fault === "" ? [] : [found(
      "control-unreadable",
      { path: file.path },
      file.fault,
      `ls -ld ${quoted(file.path)}: it has to be a regular file that can be read`,
    )]
  );
  const readable = texts.filter((file) => file.text !== null);
  return [
    ...faults,
    ...missingFindings(files, hasInject),
    ...readable.flatMap((file) => {
      if (TABLES.includes(file.name)) return tableFindings(file);
      return LISTS.some((name) => name === file.name) ? listFindings(file) : crFinding(file);
    }),
  ];
}

/** Reads them as the look-up does. */
export function gatherControlTexts(patient: Patient): ControlText[] {
  return [...LINES, ...LISTS, ...TABLES].map((name) => {
    const path = controlPath(patient, name);
    try {
      return { name, path, text: patient.control.text(name), fault: null };
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      const inside = `${patient.place.qmailDir}/control/${name}`;
      const seen = patient.files.open(inside, patient.service);
      const isClosed = !seen.ok && isDenial(seen.errno);
      return { name, path, text: null, fault: isClosed ? "" : error.message };
    }
  });
}

export const CONTROL_ENTRIES: Check = {
  name: "control",
  run(patient) {
    const inject = patient.files.resolve(`${patient.place.qmailDir}/bin/qmail-inject`, null);
    return judgeControlTexts(gatherControlTexts(patient), inject.ok);
  },
};
