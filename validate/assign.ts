/**
 * users/cdb: the exact entry, else the longest wildcard, as qmail-lspawn looks it up.
 *
 * Mirrors nughde_get() of qmail-lspawn.c. A missing file is fine; any other error, also a database
 * without its wildcard set, defers everything. It reads the database only; newu.ts makes one.
 */
import { CdbError, CdbReader } from "../cdb/mod.ts";
import type { Files } from "./files.ts";
import { lowerAscii } from "./rewrite.ts";
import type { StepSink } from "./steps.ts";
import { failureWords, LookupTrouble } from "./trouble.ts";

/** Who delivers, and to what: the six fields of users/assign. */
export interface Assignment {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly dash: string;
  readonly ext: string;
}

/** Asks for a local part; null when no entry has it. @throws {LookupTrouble} */
export type Assignments = (local: string, steps: StepSink | null) => Assignment | null;

/** Leading digits as a uid or gid: modulo 2^32, 0 where there are none. */
export function idOf(field: string): number {
  const digits = /^[0-9]+/.exec(field)?.[0] ?? "0";
  return digits.length < 10 ? Number(digits) : Number(BigInt(digits) & 0xffffffffn);
}

/** Cuts a record into its fields. @throws {LookupTrouble} when it has fewer than six. */
export function parseAssignment(record: string, path: string): Assignment {
  const [user, uid, gid, home, dash, ext] = record.split("\0");
  if (
    user === undefined || uid === undefined || gid === undefined || home === undefined ||
    dash === undefined || ext === undefined
  ) {
    throw new LookupTrouble(
      `A record of ${path} has too few fields (make it anew with qmail-newu)`,
    );
  }
  return { user, uid: idOf(uid), gid: idOf(gid), home, dash, ext };
}

/** The assignments of the database at `path` (absolute, within the site). */
export function openAssignments(files: Files, path: string): Assignments {
  const watched = files.watch(path);
  let bytes: Uint8Array | null = null;
  let reader: CdbReader | null = null;
  let wildcards = "";
  /** The record of the empty wildcard, which every name comes to; undefined: not looked for yet. */
  let forAll: string | null | undefined;

  function current(): CdbReader | null {
    const now = watched.bytes();
    if (now === bytes && reader !== null) return reader;
    reader = null;
    if (!(now instanceof Uint8Array)) {
      bytes = null;
      if (now.errno === "ENOENT") return null;
      throw new LookupTrouble(`${path} can't be read: ${failureWords(now)}`);
    }
    const fresh = new CdbReader(now);
    const set = fresh.find("");
    if (set === null) throw new CdbError("It has no record of its wildcards");
    wildcards = set;
    forAll = undefined;
    bytes = now;
    reader = fresh;
    return fresh;
  }

  /** The record of a local part, what was matched and what remains. */
  function search(cdb: CdbReader, local: string) {
    const lower = lowerAscii(local);
    const exact = cdb.find(`!${lower}\0`);
    if (exact !== null) return { key: `=${lower}`, record: exact };
    for (let length = wildcards === "" ? 0 : lower.length; length > 0; length--) {
      if (!wildcards.includes(lower.charAt(length - 1))) continue;
      const record = cdb.find(`!${lower}`, length + 1);
      if (record !== null) {
        return { key: `+${lower.slice(0, length)}`, record: record + local.slice(length) };
      }
    }
    if (forAll === undefined) forAll = cdb.find("!");
    return forAll === null ? null : { key: "+", record: forAll + local };
  }

  return (local, steps) => {
    try {
      const cdb = current();
      const hit = cdb === null ? null : search(cdb, local);
      steps?.add("users-cdb", path, lowerAscii(local), foundWords(cdb, hit));
      return hit === null ? null : parseAssignment(hit.record, path);
    } catch (error) {
      if (!(error instanceof CdbError)) throw error;
      throw new LookupTrouble(
        `${path} is broken (make it anew with qmail-newu). ${error.message}`,
      );
    }
  };
}

function foundWords(cdb: CdbReader | null, hit: { key: string; record: string } | null): string {
  if (cdb === null) return "no such file";
  if (hit === null) return "no entry";
  return `entry ${hit.key}: ${hit.record.replaceAll("\0", ":")}`;
}
