/** The form of a kind of finding, shared by the files of the catalogue. */
import type { Severity } from "./types.ts";

export interface FindingKind {
  readonly severity: Severity;
  /** In one line, for the table. */
  readonly meaning: string;
  /** Why it matters: a sentence without final period. */
  readonly why: string;
  /** How such a thing is mended, for the table. */
  readonly mending: string;
}

export const kind = (
  severity: Severity,
  meaning: string,
  why: string,
  mending: string,
): FindingKind => ({ severity, meaning, why, mending });
