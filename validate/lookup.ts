/**
 * The whole walk: what qmail would do with an envelope recipient, short of running its delivery
 * instructions.
 *
 * Mirrors the way of a recipient through qmail-send (rewrite.ts), qmail-lspawn (assign.ts),
 * qmail-getpw (getpw.ts) and qmail-local (dotqmail.ts, instructions.ts), with the reports of
 * qmail-lspawn.c and qmail-local.c. As root, permissions are judged as the program that would meet
 * them; otherwise by what the system lets this process see, and what it may not see is "deferred".
 */
import { rememberAbsences } from "./absences.ts";
import { type Assignment, openAssignments } from "./assign.ts";
import { openControl } from "./control.ts";
import { instructionsFor, maildirsOf, readInstructions } from "./delivery.ts";
import { enterHome, findDotQmail } from "./dotqmail.ts";
import { type Files, isDirectory, openFiles } from "./files.ts";
import { getpw } from "./getpw.ts";
import { openUsers } from "./passwd.ts";
import { openRcptHosts } from "./rcpthosts.ts";
import { rewrite, rewriteTables } from "./rewrite.ts";
import { type LookupOptions, resolveSite, SiteFault } from "./site.ts";
import { gatherSteps, type StepSink } from "./steps.ts";
import { failureWords, LookupTrouble } from "./trouble.ts";
import type { LookupResult, Outcome, Route, Selector, SiteLookup } from "./types.ts";
import { homeContext, noMailbox, troubleOf, type Walk } from "./walk.ts";

export { type LookupOptions, SiteFault } from "./site.ts";

/** How far a look-up came. */
interface Progress {
  readonly address: string;
  route: Route;
  rewritten: string | null;
  selector: Selector | null;
  assigned: Assignment | null;
  /** undefined: not looked for. */
  qmailfile: string | null | undefined;
}

/**
 * User of qmail-getpw; where there is none, a stranger, to whom only what is open to all is open.
 */
const STRANGER = { uid: -1, gid: -1 } as const;
/** setuid(2) and setgid(2) refuse it. */
const NO_ID = 0xffffffff;

/** The look-up of a site. @throws {SiteFault} when its root or qmail directory is not there. */
export function createLookupService(options: LookupOptions = {}): SiteLookup {
  const site = resolveSite(options);
  const files = openFiles(site.root, site.recheckMs, site.system, site.keepMs);
  checkDirectory(files, site.qmailDir);
  const directory = `${site.qmailDir}/control`;
  const control = openControl(files, directory, site.recheckMs);
  const walk: Walk = {
    site,
    files,
    control,
    absences: rememberAbsences((home, limit) => files.names(home, ".qmail", limit)),
    tables: rewriteTables(control, () => files.epoch),
    assignments: openAssignments(files, `${site.qmailDir}/users/cdb`),
    users: openUsers(files, {
      rooted: site.root !== "",
      source: site.users,
      fresh: site.recheckMs === 0,
    }),
  };
  const rcptHosts = openRcptHosts(files, control, directory);
  return {
    control,
    lookup: (address, explain = false) => lookUp(walk, address, explain),
    rcptHosts(address) {
      files.begin();
      return rcptHosts(address);
    },
    readInstructions: (result) => readInstructions(walk, result),
    maildirsOf: (result) => maildirsOf(walk, result),
  };
}

function checkDirectory(files: Files, path: string): void {
  const found = files.resolve(path, null);
  if (found.ok && isDirectory(found.stat)) return;
  const why = found.ok ? "it is not a directory" : failureWords(found);
  throw new SiteFault(`The qmail directory ${path} can't be used: ${why}`);
}

function lookUp(walk: Walk, address: string, explain: boolean): LookupResult {
  const progress: Progress = {
    address,
    route: "error",
    rewritten: null,
    selector: null,
    assigned: null,
    qmailfile: undefined,
  };
  const sink = explain ? gatherSteps() : null;
  walk.files.begin();
  walk.users.begin();
  const result = decideOrDefer(walk, progress, sink);
  return sink === null ? result : { ...result, steps: sink.steps };
}

function decideOrDefer(walk: Walk, progress: Progress, steps: StepSink | null): LookupResult {
  try {
    return decide(walk, progress, steps);
  } catch (error) {
    return resultOf(progress, "deferred", troubleOf(error));
  }
}

/**
 * The result of what was reached. Each is written out: an object that gets its keys one by one is made anew several times
 * over, and nearly every result is one of the last two.
 */
function resultOf(progress: Progress, verdict: Outcome, reason: string): LookupResult {
  const { address, route, rewritten, selector, assigned, qmailfile } = progress;
  if (rewritten === null) return { address, route, verdict, reason };
  if (selector === null) return { address, route, verdict, reason, rewritten };
  const start = { address, route, verdict, reason, rewritten, selector };
  if (assigned === null) return start;
  const { user, uid, gid, home, dash, ext } = assigned;
  if (qmailfile === undefined) return { ...start, user, uid, gid, home, dash, ext };
  return {
    address,
    route,
    verdict,
    reason,
    rewritten,
    selector,
    user,
    uid,
    gid,
    home,
    dash,
    ext,
    qmailfile,
  };
}

function decide(walk: Walk, progress: Progress, steps: StepSink | null): LookupResult {
  // qmail's strings end at a NUL.
  const nul = progress.address.indexOf("\0");
  const recipient = nul < 0 ? progress.address : progress.address.slice(0, nul);
  const { route, address } = rewrite(recipient, walk.tables(), steps);
  progress.route = route;
  progress.rewritten = address;
  if (route === "remote") {
    const reason = "Neither control/locals nor control/virtualdomains has its domain";
    return resultOf(progress, "remote", reason);
  }
  progress.selector = "none";
  const local = address.slice(0, address.lastIndexOf("@"));
  if (local === "") {
    const reason = "qmail-lspawn takes mail for an empty local part and delivers nothing";
    return resultOf(progress, "discarded", reason);
  }
  const assigned = select(walk, local, progress, steps);
  progress.assigned = assigned;
  return judge(walk, assigned, progress, steps);
}

function select(
  walk: Walk,
  local: string,
  progress: Progress,
  steps: StepSink | null,
): Assignment {
  const assigned = walk.assignments(local, steps);
  if (assigned !== null) {
    progress.selector = "users/cdb";
    return assigned;
  }
  progress.selector = "getpw";
  const { site, files, users } = walk;
  const person = site.judges ? users.find("qmailp") ?? STRANGER : null;
  const context = { files, users, qmailDir: site.qmailDir, breakChar: site.confBreak, person };
  return getpw(local, context, steps);
}

function judge(
  walk: Walk,
  assigned: Assignment,
  progress: Progress,
  steps: StepSink | null,
): LookupResult {
  const { user, uid, gid, home } = assigned;
  if (uid === NO_ID || gid === NO_ID) {
    throw new LookupTrouble(`Nobody can become uid ${uid}, gid ${gid} of user "${user}"`);
  }
  if (uid === 0) {
    throw new LookupTrouble(
      `User "${user}" has uid 0, and qmail never delivers as root (give the address to another user)`,
    );
  }
  progress.qmailfile = null;
  if (!home.startsWith("/")) {
    steps?.add("home", home, "", "no absolute path");
    const reason = `The home "${home}" of user "${user}" is no absolute path (correct it)`;
    return resultOf(progress, "bounced", reason);
  }
  const context = homeContext(walk, assigned);
  const entered = enterHome(home, context, steps);
  const file = findDotQmail(assigned, entered, context, steps);
  if (file === null && assigned.dash !== "") {
    return resultOf(progress, "no-mailbox", noMailbox(assigned));
  }
  if (file !== null) progress.qmailfile = file.name;
  const { instructions, isDefault } = instructionsFor(walk, home, file);
  const kinds = instructions.map((i) => i.kind).join(", ");
  const words = kinds === "" ? "nothing is delivered" : kinds;
  const source = file === null ? "" : `${home}/${file.name}`;
  steps?.add("instructions", source, "", `${isDefault ? "default delivery: " : ""}${words}`);
  const reason = file === null
    ? `The default delivery takes it for user "${user}" (home ${home})`
    : `${home}/${file.name} takes it for user "${user}"`;
  return resultOf(progress, "deliverable", reason);
}
