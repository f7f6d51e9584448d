/**
 * From a local part to a user of the system, else to user alias, as qmail-getpw decides.
 *
 * Mirrors userext() and main() of qmail-getpw.c: candidates end at the string's end or at a break
 * character, longest first, at most 31 bytes, lower-cased; root is skipped, and so is a user whose
 * home can't be seen by qmailp or is not his own.
 */
import type { Assignment } from "./assign.ts";
import { type Files, type Person } from "./files.ts";
import type { User, Users } from "./passwd.ts";
import { lowerAscii } from "./rewrite.ts";
import type { StepSink } from "./steps.ts";
import { failureWords, isAbsence, isDenial, LookupTrouble } from "./trouble.ts";

/** Longest name that qmail-getpw looks for, in bytes (GETPW_USERLEN is 32, with the NUL). */
const LONGEST_NAME = 31;

export interface GetpwContext {
  readonly files: Files;
  readonly users: Users;
  /** qmail's directory: relative homes are looked for below it. */
  readonly qmailDir: string;
  /** Character between user and extension, "" for none. */
  readonly breakChar: string;
  /** Whose eyes see the home: qmailp, or null for this process. */
  readonly person: Person;
}

/** Why a user of that name does not count; null: he does. */
function objection(user: User, context: GetpwContext): string | null {
  if (user.uid === 0) return "has uid 0, so it is passed over";
  const home = seeHome(user.home, context);
  if (typeof home === "string") return home;
  if (home === user.uid) return null;
  return `home ${user.home} belongs to uid ${home}, not to uid ${user.uid}, so it is passed over`;
}

/** The owner of a home, or why it does not count. @throws {LookupTrouble} */
function seeHome(home: string, context: GetpwContext): number | string {
  const { files, person, qmailDir } = context;
  const found = files.resolve(home, person, qmailDir);
  if (found.ok) return found.stat.uid;
  const passable = isAbsence(found.errno) || isDenial(found.errno);
  if (found.hidden || !passable) {
    throw new LookupTrouble(`The home ${home} can't be seen: ${failureWords(found)}`);
  }
  const why = isDenial(found.errno)
    ? `can't be reached by qmailp (${found.at === "" ? "/" : found.at} is closed)`
    : "does not exist";
  return `home ${home === "" ? '""' : home} ${why}, so it is passed over`;
}

/** Finds the user. @throws {LookupTrouble} also where user alias is missing. */
export function getpw(local: string, context: GetpwContext, steps: StepSink | null): Assignment {
  const { users } = context;
  const { length } = local;
  const lower = lowerAscii(local);
  const breakCode = context.breakChar.charCodeAt(0);
  for (let end = length; end >= 0; end--) {
    if (end > LONGEST_NAME) continue;
    if (end !== length && local.charCodeAt(end) !== breakCode) continue;
    const name = end === length ? lower : lower.slice(0, end);
    const user = users.find(name);
    const fault = user === null ? "no such user" : objection(user, context);
    if (user === null || fault !== null) {
      steps?.add("getpw", users.source, name, fault ?? "");
      continue;
    }
    steps?.add("getpw", users.source, name, `uid ${user.uid}, home ${user.home}`);
    const whole = end === length;
    return assignment(user, whole ? "" : "-", whole ? "" : local.slice(end + 1));
  }
  const alias = users.find("alias");
  if (alias === null) {
    steps?.add("getpw", users.source, "alias", "no such user");
    throw new LookupTrouble(
      `There is no user alias in ${users.source}, so nobody takes mail that no user takes (add it)`,
    );
  }
  steps?.add("getpw", users.source, "alias", `takes what no user takes, home ${alias.home}`);
  return assignment(alias, "-", local);
}

const assignment = (user: User, dash: string, ext: string): Assignment => ({
  user: user.name,
  uid: user.uid,
  gid: user.gid,
  home: user.home,
  dash,
  ext,
});
