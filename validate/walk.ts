/** What every part of the walk has at hand, and the sentences that more than one of them says. */
import type { Absences } from "./absences.ts";
import type { Assignment, Assignments } from "./assign.ts";
import type { ControlTexts } from "./control.ts";
import { type HomeContext, safeExtension } from "./dotqmail.ts";
import type { Files } from "./files.ts";
import type { Users } from "./passwd.ts";
import type { RewriteTables } from "./rewrite.ts";
import type { Site } from "./site.ts";
import { LookupTrouble } from "./trouble.ts";
import { ControlError } from "./types.ts";

/** Everything the walk asks. */
export interface Walk {
  readonly site: Site;
  readonly files: Files;
  readonly tables: () => RewriteTables;
  readonly assignments: Assignments;
  readonly users: Users;
  readonly control: ControlTexts;
  readonly absences: Absences;
}

/** Trouble as a sentence. What nobody foresaw is undecided as well. */
export function troubleOf(error: unknown): string {
  if (error instanceof LookupTrouble || error instanceof ControlError) return error.message;
  return `The look-up failed: ${error instanceof Error ? error.message : String(error)}`;
}

/** What qmail-local knows; as root with the rights of the user it became. */
export const homeContext = (walk: Walk, { uid, gid }: Assignment): HomeContext => ({
  files: walk.files,
  forbidden: walk.site.confPatrn,
  person: walk.site.judges ? { uid, gid } : null,
  absences: walk.absences,
});

/** Why there is no mailbox. */
export function noMailbox({ user, home, dash, ext }: Assignment): string {
  const name = `.qmail${dash}${safeExtension(ext)}`;
  return `User "${user}" has neither ${name} nor a default for it in ${home} (make that file to take this address)`;
}
