/**
 * The whole walk: what qmail would do with an envelope recipient, short of running its delivery instructions.
 *
 * Mirrors the way of a recipient through qmail-send (rewrite.ts), qmail-lspawn (assign.ts), qmail-getpw (getpw.ts) and qmail-local
 * (dotqmail.ts, instructions.ts), with the reports of qmail-lspawn.c and qmail-local.c. As root, permissions are judged as the program that
 * would meet them; otherwise by what the system lets this process see, and what it may not see is "deferred".
 */
import { type Assignment, openAssignments } from "./assign.ts";
import { type ControlTexts, openControl } from "./control.ts";
import { enterHome, findDotQmail, hasOwnerFile, safeExtension } from "./dotqmail.ts";
import { type Files, isDirectory, openFiles, type Person } from "./files.ts";
import { getpw } from "./getpw.ts";
import { needsNoPrograms, type ParsedInstructions, parseInstructions } from "./instructions.ts";
import { openUsers } from "./passwd.ts";
import { openRcptHosts } from "./rcpthosts.ts";
import { rewrite, rewriteTables } from "./rewrite.ts";
import { type LookupOptions, resolveSite, type Site, SiteFault } from "./site.ts";
import { gatherSteps, type StepSink } from "./steps.ts";
import { failureWords, LookupTrouble } from "./trouble.ts";
import {
  ControlError,
  type Instructions,
  type LookupResult,
  type MailPlaces,
  type SiteLookup,
} from "./types.ts";

export { type LookupOptions, SiteFault } from "./site.ts";

type Draft = { -readonly [K in keyof LookupResult]: LookupResult[K] };

/** Everything the walk asks. */
interface Walk {
  readonly site: Site;
  readonly files: Files;
  readonly tables: ReturnType<typeof rewriteTables>;
  readonly assignments: ReturnType<typeof openAssignments>;
  readonly users: ReturnType<typeof openUsers>;
  readonly control: ControlTexts;
}

/** User of qmail-getpw; where there is none, a stranger, to whom only what is open to all is open. */
const STRANGER = { uid: -1, gid: -1 } as const;
/** setuid(2) and setgid(2) refuse it. */
const NO_ID = 0xffffffff;

/** The look-up of a site. @throws {SiteFault} when its root or qmail directory is not there. */
export function createLookupService(options: LookupOptions = {}): SiteLookup {
  const site = resolveSite(options);
  const files = openFiles(site.root, site.recheckMs, site.system);
  checkDirectory(files, site.qmailDir);
  const directory = `${site.qmailDir}/control`;
  const control = openControl(files, directory, site.recheckMs);
  const walk: Walk = {
    site,
    files,
    control,
    tables: rewriteTables(control),
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
  const draft: Draft = { address, route: "error", verdict: "deferred", reason: "" };
  const sink = explain ? gatherSteps() : null;
  walk.files.begin();
  walk.users.begin();
  try {
    decide(walk, draft, sink);
  } catch (error) {
    draft.verdict = "deferred";
    draft.reason = troubleOf(error);
  }
  if (sink !== null) draft.steps = sink.steps;
  return draft;
}

/** Trouble as a sentence. What nobody foresaw is undecided as well. */
function troubleOf(error: unknown): string {
  if (error instanceof LookupTrouble || error instanceof ControlError) return error.message;
  return `The look-up failed: ${error instanceof Error ? error.message : String(error)}`;
}

function decide(walk: Walk, draft: Draft, steps: StepSink | null): void {
  // qmail's strings end at a NUL.
  const nul = draft.address.indexOf("\0");
  const recipient = nul < 0 ? draft.address : draft.address.slice(0, nul);
  const { route, address } = rewrite(recipient, walk.tables(), steps);
  draft.route = route;
  draft.rewritten = address;
  if (route === "remote") {
    draft.verdict = "remote";
    draft.reason = "Neither control/locals nor control/virtualdomains has its domain";
    return;
  }
  draft.selector = "none";
  const local = address.slice(0, address.lastIndexOf("@"));
  if (local === "") {
    draft.verdict = "discarded";
    draft.reason = "qmail-lspawn takes mail for an empty local part and delivers nothing";
    return;
  }
  const assigned = select(walk, local, draft, steps);
  draft.user = assigned.user;
  draft.uid = assigned.uid;
  draft.gid = assigned.gid;
  draft.home = assigned.home;
  draft.dash = assigned.dash;
  draft.ext = assigned.ext;
  judge(walk, assigned, draft, steps);
}

function select(walk: Walk, local: string, draft: Draft, steps: StepSink | null): Assignment {
  const assigned = walk.assignments(local, steps);
  if (assigned !== null) {
    draft.selector = "users/cdb";
    return assigned;
  }
  draft.selector = "getpw";
  const { site, files, users } = walk;
  const person = site.judges ? users.find("qmailp") ?? STRANGER : null;
  const context = { files, users, qmailDir: site.qmailDir, breakChar: site.confBreak, person };
  return getpw(local, context, steps);
}

/** Whose rights qmail-local would have. */
const deliverer = (walk: Walk, who: { uid: number; gid: number }): Person =>
  walk.site.judges ? { uid: who.uid, gid: who.gid } : null;

function judge(walk: Walk, assigned: Assignment, draft: Draft, steps: StepSink | null): void {
  const { user, uid, gid, home } = assigned;
  if (uid === NO_ID || gid === NO_ID) {
    throw new LookupTrouble(`Nobody can become uid ${uid}, gid ${gid} of user "${user}"`);
  }
  if (uid === 0) {
    throw new LookupTrouble(
      `User "${user}" has uid 0, and qmail never delivers as root (give the address to another user)`,
    );
  }
  draft.qmailfile = null;
  if (!home.startsWith("/")) {
    draft.verdict = "bounced";
    draft.reason = `The home "${home}" of user "${user}" is no absolute path (correct it)`;
    steps?.add("home", home, "", "no absolute path");
    return;
  }
  const context = {
    files: walk.files,
    forbidden: walk.site.confPatrn,
    person: deliverer(walk, assigned),
  };
  const entered = enterHome(home, context, steps);
  const file = findDotQmail(assigned, entered, context, steps);
  if (file === null && assigned.dash !== "") {
    draft.verdict = "no-mailbox";
    draft.reason = noMailbox(assigned);
    return;
  }
  if (file !== null) {
    draft.qmailfile = file.name;
    if (file.trouble !== null) throw new LookupTrouble(file.trouble);
  }
  const text = file === null ? "" : readText(walk.files, file.found);
  const source = file === null ? "" : `${home}/${file.name}`;
  const parsed = instructionsIn(walk, text, source, file?.forwardOnly ?? false);
  if (parsed.trouble !== null) throw new LookupTrouble(parsed.trouble);
  draft.verdict = "deliverable";
  draft.reason = file === null
    ? `The default delivery takes it for user "${user}" (home ${home})`
    : `${source} takes it for user "${user}"`;
  steps?.add("instructions", source, "", instructionWords(parsed, text === ""));
}

function noMailbox({ user, home, dash, ext }: Assignment): string {
  const name = `.qmail${dash}${safeExtension(ext)}`;
  return `User "${user}" has neither ${name} nor a default for it in ${home} (make that file to take this address)`;
}

function instructionWords(parsed: ParsedInstructions, isDefault: boolean): string {
  const kinds = parsed.instructions.map((i) => i.kind).join(", ");
  return `${isDefault ? "default delivery: " : ""}${kinds === "" ? "nothing is delivered" : kinds}`;
}

function readText(files: Files, found: Parameters<Files["text"]>[0]): string {
  const text = files.text(found);
  if (typeof text === "string") return text;
  throw new LookupTrouble(`The file ${found.path} can't be read: ${failureWords(text)}`);
}

/** The lines of a dot-qmail file; those of the default delivery where it is empty or there is none. */
function instructionsIn(
  walk: Walk,
  text: string,
  source: string,
  forwardOnly: boolean,
): ParsedInstructions {
  return text === ""
    ? parseInstructions(defaultDelivery(walk), "the default delivery", false)
    : parseInstructions(text, source, forwardOnly);
}

/** What qmail-start was given: the option, else control/defaultdelivery as a shell's $(cat) takes it, else ./Maildir/. */
function defaultDelivery(walk: Walk): string {
  const given = walk.site.defaultDelivery;
  if (given !== null) return given;
  const text = walk.control.text("defaultdelivery");
  return text === null ? "./Maildir/" : text.replace(/\n+$/, "").replaceAll("\0", "");
}

const NOTHING = {
  instructions: [],
  withoutPrograms: true,
  forwardSender: (sender: string) => sender,
} as const;

function readInstructions(walk: Walk, result: LookupResult): Instructions {
  if (result.verdict !== "deliverable") {
    return { ...NOTHING, trouble: result.verdict === "discarded" ? null : result.reason };
  }
  walk.files.begin();
  try {
    return followed(walk, result);
  } catch (error) {
    return { ...NOTHING, trouble: troubleOf(error) };
  }
}

function assignmentOf(result: LookupResult): Assignment | null {
  const { user, uid, gid, home, dash, ext } = result;
  if (user === undefined || uid === undefined || gid === undefined) return null;
  if (home === undefined || dash === undefined || ext === undefined) return null;
  return { user, uid, gid, home, dash, ext };
}

function followed(walk: Walk, result: LookupResult): Instructions {
  const assigned = assignmentOf(result);
  if (assigned === null) throw new LookupTrouble("The look-up names no user");
  const { files } = walk;
  const context = {
    files,
    forbidden: walk.site.confPatrn,
    person: deliverer(walk, assigned),
  };
  const home = enterHome(assigned.home, context, null);
  const file = findDotQmail(assigned, home, context, null);
  if (file !== null && file.trouble !== null) throw new LookupTrouble(file.trouble);
  if (file === null && assigned.dash !== "") throw new LookupTrouble(noMailbox(assigned));
  const text = file === null ? "" : readText(files, file.found);
  const source = file === null ? "" : `${assigned.home}/${file.name}`;
  const parsed = instructionsIn(walk, text, source, file?.forwardOnly ?? false);
  if (parsed.trouble !== null) throw new LookupTrouble(parsed.trouble);
  return {
    trouble: null,
    instructions: parsed.instructions,
    withoutPrograms: needsNoPrograms(parsed.instructions),
    forwardSender: (sender) => {
      if (sender === "" || sender === "#@[]") return sender;
      if (!hasOwnerFile(assigned, home, "-owner", context)) return sender;
      const address = result.rewritten ?? "";
      const at = address.lastIndexOf("@");
      const local = address.slice(0, at);
      const domain = address.slice(at);
      return hasOwnerFile(assigned, home, "-owner-default", context)
        ? `${local}-owner-${domain}-@[]`
        : `${local}-owner${domain}`;
    },
  };
}

function maildirsOf(walk: Walk, result: LookupResult): MailPlaces | null {
  const assigned = assignmentOf(result);
  if (assigned === null || !assigned.home.startsWith("/")) return null;
  const { instructions } = readInstructions(walk, result);
  const texts = instructions.filter((i) => i.kind === "maildir").map((i) => i.text);
  return {
    home: walk.files.onDisk(assigned.home),
    maildirs: texts.map((text) => {
      const path = text.startsWith("/") ? text : `${assigned.home}/${text}`;
      return walk.files.onDisk(path.replace(/\/\.?(?=\/)/g, "").replace(/\/+$/, "")) || "/";
    }),
  };
}
