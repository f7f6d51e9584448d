/**
 * cdbs that are not what their text says. What stands in them is compared, not the times alone: a file that was only touched
 * is no finding, and one that was restored from a backup with old times is. Connection rules go by their times.
 */
import { readPoppasswd } from "../auth/poppasswd_file.ts";
import { CdbError, CdbReader, latin1 } from "../cdb/mod.ts";
import { entriesOf } from "../validate/control.ts";
import { AssignError, makeAssignCdb } from "../validate/newu.ts";
import { lowerAscii } from "../validate/rewrite.ts";
import type { FindingId } from "./catalogue.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { bytesOf, controlPath, found, quoted, settingPath, statOf } from "./words.ts";

/** A text and the cdb that is made of it. */
export interface Pair {
  readonly text: Uint8Array | null;
  readonly cdb: Uint8Array | null;
  readonly textPath: string;
  readonly cdbPath: string;
}

type Records = readonly (readonly [string, string])[];

/** Each record once, in an order of its own. */
const sorted = (records: Records): string[] =>
  [...new Set(records.map(([key, data]) => `${key}\0${data}`))].sort();

/** All records of a cdb. @throws {CdbError} */
const recordsOf = (bytes: Uint8Array): string[] => sorted([...new CdbReader(bytes).entries()]);

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((record, i) => record === b[i]);

interface Kinds {
  readonly stale: FindingId;
  readonly broken: FindingId;
  readonly mend: string;
}

/** `wanted`: what the cdb should have; null: the text can't be made into one. */
function compare(pair: Pair, wanted: readonly string[] | null, kinds: Kinds): Finding[] {
  const where = { path: pair.cdbPath };
  if (pair.cdb === null) {
    return wanted === null ? [] : [found(
      kinds.stale,
      where,
      `${pair.textPath} was never made into a cdb`,
      kinds.mend,
    )];
  }
  try {
    const has = recordsOf(pair.cdb);
    return wanted === null || isSame(wanted, has) ? [] : [
      found(kinds.stale, where, `${pair.textPath} says something else than the cdb`, kinds.mend),
    ];
  } catch (error) {
    if (!(error instanceof CdbError)) throw error;
    return [found(kinds.broken, where, error.message, kinds.mend)];
  }
}

export function judgeAssign(pair: Pair, mend: string): Finding[] {
  const kinds: Kinds = { stale: "assign-stale", broken: "users-cdb-broken", mend };
  if (pair.text === null) return compare(pair, null, kinds);
  try {
    return compare(pair, recordsOf(makeAssignCdb(pair.text)), kinds);
  } catch (error) {
    if (!(error instanceof AssignError)) throw error;
    const line = Number(/Line (\d+)/.exec(error.message)?.[1] ?? 0);
    const where = line === 0 ? { path: pair.textPath } : { path: pair.textPath, line };
    return [
      found("assign-broken", where, error.message, `edit ${pair.textPath}, then ${mend}`),
      ...compare(pair, null, kinds),
    ];
  }
}

export function judgeMoreRcptHosts(pair: Pair, mend: string): Finding[] {
  const wanted = pair.text === null
    ? null
    : entriesOf(latin1(pair.text)).map((name) => [lowerAscii(name), ""] as const);
  return compare(pair, wanted === null ? null : sorted(wanted), {
    stale: "morercpthosts-stale",
    broken: "morercpthosts-broken",
    mend,
  });
}

export function judgePoppasswd(pair: Pair, mend: string): Finding[] {
  const kinds: Kinds = { stale: "poppasswd-stale", broken: "poppasswd-broken", mend };
  if (pair.text === null) return compare(pair, null, kinds);
  const lines = readPoppasswd(latin1(pair.text));
  const faults = lines.flatMap((line) =>
    line.kind === "unusable"
      ? [found("poppasswd-line", { path: pair.textPath, line: line.number }, line.fault, mend)]
      : []
  );
  const records: Records = lines.flatMap((line) =>
    line.kind === "login" ? [[line.entry.login, line.rest] as const] : []
  );
  return [...faults, ...compare(pair, faults.length > 0 ? null : sorted(records), kinds)];
}

/** `textMs`, `cdbMs`: when they were changed; null: not there. */
export function judgeRulesAge(
  textPath: string,
  cdbPath: string,
  textMs: number | null,
  cdbMs: number | null,
): Finding[] {
  if (textMs === null || cdbMs === null || textMs <= cdbMs) return [];
  return [found(
    "rules-stale",
    { path: cdbPath },
    `${textPath} was changed after the cdb was made`,
    `tcprules ${quoted(cdbPath)} ${quoted(`${cdbPath}.tmp`)} < ${quoted(textPath)}`,
  )];
}

const pairOf = (textPath: string, cdbPath: string): Pair => ({
  text: bytesOf(textPath),
  cdb: bytesOf(cdbPath),
  textPath,
  cdbPath,
});

/** Where connection rules are: the setting, and tcpserver's usual places. */
function rulesCdbs(patient: Patient): string[] {
  const { tcp_rules } = patient.settings;
  const set = tcp_rules.endsWith(".cdb") ? [settingPath(patient, tcp_rules)] : [];
  const usual = [
    `${patient.place.root}/etc/tcp.smtp.cdb`,
    `${patient.place.path}/etc/tcp.smtp.cdb`,
  ];
  return [...new Set([...set, ...usual])];
}

const changedMs = (path: string): number | null => statOf(path)?.mtime?.getTime() ?? null;

export const STALE: Check = {
  name: "cdbs",
  run(patient) {
    const { path, root } = patient.place;
    const site = root === "" ? "" : ` --root ${quoted(root)}`;
    const more = controlPath(patient, "morercpthosts");
    return [
      ...judgeAssign(pairOf(`${path}/users/assign`, `${path}/users/cdb`), `${path}/bin/qmail-newu`),
      ...judgeMoreRcptHosts(pairOf(more, `${more}.cdb`), `${path}/bin/qmail-newmrh`),
      ...judgePoppasswd(
        pairOf(`${path}/users/poppasswd`, `${path}/users/poppasswd.cdb`),
        `qfront newpop${site}`,
      ),
      ...rulesCdbs(patient).flatMap((cdb) => {
        const text = cdb.replace(/\.cdb$/, "");
        return judgeRulesAge(text, cdb, changedMs(text), changedMs(cdb));
      }),
    ];
  },
};
