/**
 * Local trouble of the look-up: the walk ends undecided, and the sentence says which file to look
 * at.
 *
 * Thrown inside validate/ only; lookup.ts turns it into verdict "deferred".
 */
import type { Failed } from "./files.ts";

/** `message`: a sentence without final period. */
export class LookupTrouble extends Error {
  override name = "LookupTrouble";
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is not a directory",
  EISDIR: "it is a directory",
  ELOOP: "there are too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EACCES: "access is denied",
  EPERM: "access is denied",
  EILSEQ: "its name is not UTF-8 and the C library is not at hand",
  EIO: "the disk reports an error",
  ENFILE: "too many files are open on this system",
  EMFILE: "too many files are open in this process",
  ESTALE: "its network file system has lost it",
  ETIMEDOUT: "its network file system does not answer",
};

/** What an errno means, as the end of a sentence. */
export const errnoWords = (errno: string): string => WORDS[errno] ?? `the system says ${errno}`;

/**
 * Errors that come from the place a file would have, not from the file or the system: qmail goes on
 * to the next name.
 */
export function isAbsence(errno: string): boolean {
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP" ||
    errno === "ENAMETOOLONG" || errno === "ENXIO" || errno === "ENODEV";
}

export const isDenial = (errno: string): boolean => errno === "EACCES" || errno === "EPERM";

/** "it is hidden from this process" or what the errno says. */
export function failureWords(failure: Failed): string {
  if (!failure.hidden) return errnoWords(failure.errno);
  if (failure.errno === "EILSEQ") return errnoWords(failure.errno);
  return `this process may not see ${failure.at === "" ? "/" : failure.at}`;
}
