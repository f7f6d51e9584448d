/**
 * The delivery journal: may who delivers use its directory, and does it hold accepted mail that nobody looks after? Its files are read and
 * never written. A lock is asked for where one holds something, shared and given back at once: a service would have it.
 */
import { errorText } from "../queue/file_ops.ts";
import { bootId, MARK } from "../queue/journal_file.ts";
import { decodeHead, PAGE_BYTES, readEntries } from "../queue/journal_format.ts";
import { may, SEARCH, WRITE } from "../validate/files.ts";
import { queueKindOf } from "./queue_way.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { found, octal, quoted, settingPath, statOf } from "./words.ts";

/** Who has to own the directory. */
export interface JournalUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly name: string;
}

export interface DirectoryFact {
  readonly isDirectory: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A file that no process has locked and that is not empty. */
export interface WaitingFile {
  readonly path: string;
  /** Accepted messages in it; null: it can't be understood, for that reason. */
  readonly messages: number | null;
  readonly reason: string;
}

export interface JournalFacts {
  readonly path: string;
  readonly user: JournalUser;
  /** null: there is none yet. */
  readonly directory: DirectoryFact | null;
  /** Where it would be made; null: there is nothing. */
  readonly parent: DirectoryFact | null;
  /** serve would not start because of it, which is told as that alone. */
  readonly isRefused: boolean;
  /** Mail goes by this service into Maildirs. */
  readonly isUsed: boolean;
  readonly waiting: readonly WaitingFile[];
  readonly traceCfg: string;
}

/** May he make the directory there? */
const mayMakeIn = (parent: DirectoryFact, user: JournalUser): boolean =>
  parent.isDirectory &&
  [WRITE, SEARCH].every((bit) =>
    may({ ...parent, size: 0, dev: 0, ino: 0, mtime: 0, ctime: 0 }, user, bit)
  );

function directoryFindings(facts: JournalFacts): Finding[] {
  const { path, user: { uid, gid, name }, user, directory, parent } = facts;
  const unusable = (what: string, mend: string) => [
    found("journal-unusable", { path }, what, mend),
  ];
  if (directory === null) {
    return parent !== null && mayMakeIn(parent, user) ? [] : unusable(
      `It does not exist, and ${name} (${uid}:${gid}) can't make it`,
      `install -d -o ${uid} -g ${gid} -m 0700 ${quoted(path)}`,
    );
  }
  if (!directory.isDirectory) return unusable("It is no directory", `mv ${quoted(path)} elsewhere`);
  const mine = `chown ${uid}:${gid} ${quoted(path)} && chmod 0700 ${quoted(path)}`;
  if (directory.uid !== uid) {
    return unusable(
      `It belongs to uid ${directory.uid}, and ${name} (${uid}:${gid}) is to use it`,
      mine,
    );
  }
  return (directory.mode & 0o022) === 0 ? [] : unusable(
    `Its mode is ${octal(directory.mode)}: others can write to it`,
    `chmod 0700 ${quoted(path)}`,
  );
}

export function judgeJournal(facts: JournalFacts): Finding[] {
  const { isUsed, isRefused, waiting, traceCfg } = facts;
  const useless = found(
    "setting-useless",
    { path: traceCfg },
    "maildir_journal has no effect: mail does not go into Maildirs by this service",
    `queue: maildir, or take maildir_journal out (in ${traceCfg})`,
  );
  return [
    ...(!isUsed ? [useless] : isRefused ? [] : directoryFindings(facts)),
    ...waiting.map(({ path, messages, reason }) =>
      messages === null
        ? found(
          "journal-unreadable",
          { path },
          `It can't be understood: ${reason}`,
          `strings ${quoted(path)}; start the version of qfront that wrote it once`,
        )
        : found(
          "journal-waits",
          { path },
          `It holds ${messages} accepted message${
            messages === 1 ? "" : "s"
          }, and no service has it open`,
          "start qfront, or reload it where it runs; its standard error says what keeps it",
        )
    ),
  ];
}

/** Who opens the journal: the keeper, which is root, or who serves. */
function userOf({ service, settings }: Patient): JournalUser {
  const isKeepers = Deno.uid() === 0 && service.how !== "--as" && settings.deliver_as === "owner";
  return isKeepers ? { uid: 0, gid: 0, groups: [], name: "root" } : service;
}

function factOf(path: string, ask: (path: string) => Deno.FileInfo): DirectoryFact | null {
  try {
    const { isDirectory, mode, uid, gid } = ask(path);
    return { isDirectory, mode: mode ?? 0, uid: uid ?? 0, gid: gid ?? 0 };
  } catch {
    return null;
  }
}

/** Nobody works with it. */
function isFree(path: string): boolean {
  const file = Deno.openSync(path);
  try {
    return file.tryLockSync(false);
  } finally {
    // The lock goes with it.
    file.close();
  }
}

/** Entries that the next start has to look after. @throws {Error} when the file can't be understood */
function countWaiting(
  bytes: Uint8Array<ArrayBuffer>,
  marks: Uint8Array | null,
): number {
  const head = bytes.length < PAGE_BYTES ? null : decodeHead(bytes.subarray(0, PAGE_BYTES));
  if (head === null) return 0;
  const known = head.boot === bootId() ? marks : null;
  return readEntries(bytes, head.epoch).filter((_, i) => known?.[i] !== MARK.withdrawn).length;
}

function waitingIn(path: string): WaitingFile[] {
  try {
    const found = lookInto(path);
    return found.messages === 0 || !isFree(path) ? [] : [found];
  } catch {
    return []; // taken away meanwhile, or not this user's to see
  }
}

/** @throws what Deno throws when the file can't be read */
function lookInto(path: string): WaitingFile {
  const bytes = Deno.readFileSync(path);
  const marks = statOf(`${path}.done`) === null ? null : Deno.readFileSync(`${path}.done`);
  try {
    return { path, messages: countWaiting(bytes, marks), reason: "" };
  } catch (error) {
    return { path, messages: null, reason: errorText(error) };
  }
}

function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  } catch {
    return []; // told as a directory that can't be used, or not this user's to see
  }
}

export function gatherJournal(patient: Patient, path: string): JournalFacts {
  const { refusal, place } = patient;
  const files = namesIn(path).filter((name) => /^journal\.\d+$/.test(name));
  return {
    path,
    user: userOf(patient),
    directory: factOf(path, Deno.lstatSync),
    parent: factOf(path.replace(/\/[^/]*$/, "") || "/", Deno.statSync),
    isRefused: refusal?.path === path,
    isUsed: queueKindOf(patient) === "maildir",
    waiting: files.flatMap((name) => waitingIn(`${path}/${name}`)),
    traceCfg: place.traceCfg,
  };
}

export const JOURNAL: Check = {
  name: "journal",
  run(patient) {
    const name = patient.settings.maildir_journal;
    return name === "" ? [] : judgeJournal(gatherJournal(patient, settingPath(patient, name)));
  },
};
