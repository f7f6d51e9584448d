/**
 * users/poppasswd.cdb as the service sees it: the database as it is now, and what is known of it as
 * a whole - the most common cost of its hashes, and which challenge-response forms there are.
 *
 * A file that turns out to be no cdb keeps the one read before in force.
 *
 * DIFFERS: a missing file is trouble here, not "no users", because each client would be told to
 * forget a right password when all that is missing is a run of newpop.
 */
import { CachedCdb, type CdbReader } from "../cdb/mod.ts";
import { AUTH_EVENTS } from "../trace/events_auth.ts";
import type { Tracer } from "../trace/tracer.ts";
import { readHash, scramParts } from "./hash_format.ts";
import { sha256 } from "./scram_keys.ts";

/** What is known of a database as a whole. */
export interface Survey {
  readonly logins: number;
  /** A stored hash of the most common cost: an unknown login is checked against it, in vain. */
  readonly typicalHash: string | null;
  readonly clear: boolean;
  readonly scram: boolean;
  /** Iterations of the first {SCRAM-SHA-256} entry; null when there is none. */
  readonly scramIterations: number | null;
  /**
   * Secret from which salts for unknown logins are made; null when there is no {SCRAM-SHA-256}
   * entry.
   */
  readonly saltKey: string | null;
}

export interface UsersNow {
  readonly reader: CdbReader;
  readonly survey: Survey;
}

/** Hashes that are looked at to find the most common cost. */
const SAMPLE = 2000;

const hashOf = (data: string): string => {
  const colon = data.indexOf(":");
  return colon < 0 ? data : data.slice(0, colon);
};

/** Goes through a whole database. @throws {CdbError} when it is none. */
export function surveyUsers(reader: CdbReader): Survey {
  const classes = new Map<string, { count: number; hash: string }>();
  let logins = 0;
  let clear = false;
  let scram: { iterations: number; serverKey: string } | null = null;
  for (const [, data] of reader.entries()) {
    logins++;
    const braced = data.startsWith("{");
    if (!braced && logins > SAMPLE) continue;
    const hash = hashOf(data);
    const reading = readHash(hash);
    if ("fault" in reading) continue;
    if (braced) {
      scram ??= scramParts(hash);
      clear ||= reading.format.scheme === "plain";
    }
    if (logins > SAMPLE) continue;
    const seen = classes.get(reading.format.costClass);
    if (seen === undefined) classes.set(reading.format.costClass, { count: 1, hash });
    else seen.count++;
  }
  let typical: { count: number; hash: string } | null = null;
  for (const one of classes.values()) if (one.count > (typical?.count ?? 0)) typical = one;
  return {
    logins,
    typicalHash: typical?.hash ?? null,
    clear,
    scram: scram !== null,
    scramIterations: scram?.iterations ?? null,
    saltKey: scram === null ? null : sha256(`salts of unknown logins ${scram.serverKey}`),
  };
}

/**
 * Opens `path` (as Deno's file calls take it) anew at each call of the result; a sentence when it
 * can't be used. `keepMs`: how old what is known of the file may be.
 */
export function watchUsers(path: string, tracer: Tracer, keepMs = 0): () => UsersNow | string {
  const file = new CachedCdb(path, keepMs);
  let current: UsersNow | null = null;
  let surveyed = "";
  let complained = "";
  /**
   * A file that changed a moment ago is read anew at each question: its survey need not be made
   * anew.
   */
  const take = (reader: CdbReader, identity: string): UsersNow => {
    if (current !== null && identity === surveyed) {
      return current = { reader, survey: current.survey };
    }
    const survey = surveyUsers(reader);
    surveyed = identity;
    complained = "";
    if (tracer.level >= 1) {
      tracer.emit(Deno.pid, AUTH_EVENTS.users, { file: path, logins: survey.logins });
    }
    return current = { reader, survey };
  };
  const keep = (error: unknown): UsersNow | string => {
    const reason = error instanceof Error ? error.message : String(error);
    if (current === null) return `"${path}" can't be used (${reason}): run qfront newpop`;
    if (complained !== reason && tracer.level >= 1) {
      tracer.emit(Deno.pid, AUTH_EVENTS.usersKept, { file: path, reason });
    }
    complained = reason;
    return current;
  };
  return () => {
    try {
      const reader = file.open();
      if (reader === null) return `"${path}" does not exist: run qfront newpop`;
      return reader === current?.reader ? current : take(reader, file.state);
    } catch (error) {
      return keep(error);
    }
  };
}
