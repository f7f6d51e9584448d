/**
 * What looking for a file brings: found, or failed and where.
 */
import { type Errno, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Stat } from "./system.ts";

/** Who is judged. qmail's programs have no supplementary groups; a service that became somebody has his. */
export interface Someone {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

/** Whose permissions are judged; null: this process itself, by what the system lets it do. */
export type Person = Someone | null;

/**
 * A file that was found. `path`: its absolute name within the site, links resolved, "" for the
 * root.
 */
export interface Found {
  readonly ok: true;
  readonly path: string;
  readonly stat: Stat;
}

/** A file that was not found. */
export interface Failed {
  readonly ok: false;
  readonly errno: Errno;
  /** The name at which the way ended. */
  readonly at: string;
  /** This process could not see, so nobody can say what the person would have seen. */
  readonly hidden: boolean;
}

export const isDirectory = (stat: Stat): boolean => (stat.mode & S_IFMT) === S_IFDIR;
export const isRegular = (stat: Stat): boolean => (stat.mode & S_IFMT) === S_IFREG;
export const isLink = (stat: Stat): boolean => (stat.mode & S_IFMT) === S_IFLNK;

/**
 * Milliseconds a file must have been at rest before its times are trusted to show the next change.
 */
const REST_MS = 1000;
export const failed = (errno: Errno, at: string, hidden = false): Failed => ({
  ok: false,
  errno,
  at,
  hidden,
});

/** A failure of this process's own call: without permission it could not see. */
export const unseen = (errno: Errno, at: string): Failed =>
  failed(
    errno,
    at,
    errno === "EACCES" || errno === "EPERM" || errno === "EILSEQ",
  );

/** Is it the same file, unchanged? */
export function same(a: Stat, b: Stat): boolean {
  return a.ino === b.ino && a.mtime === b.mtime && a.ctime === b.ctime && a.size === b.size &&
    a.dev === b.dev;
}

/** Would a change at this moment show in its times? `now`: before the file was looked at. */
export const atRest = (stat: Stat, now: number): boolean =>
  now - Math.max(stat.mtime, stat.ctime) > REST_MS;

/** A directory that was entered, by whom and in which epoch. */
export interface Entered {
  readonly epoch: number;
  readonly path: string;
  readonly person: Person;
  readonly found: Found | Failed;
}

/** Is it what was entered last, by the same? */
export function isEntered(last: Entered, path: string, person: Person): boolean {
  if (last.path !== path) return false;
  if (person === null || last.person === null) return person === last.person;
  const isSame = person.uid === last.person.uid && person.gid === last.person.gid;
  return isSame && person.groups === undefined && last.person.groups === undefined;
}
