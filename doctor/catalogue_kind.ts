/** The form of a kind of finding, shared by the files of the catalogue. */
/** fatal: it does not run, or relays for everybody; error: mail is lost or refused; warning: it will be; note: worth knowing. */
export type Severity = "fatal" | "error" | "warning" | "note";

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
