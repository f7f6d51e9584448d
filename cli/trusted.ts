/**
 * What decides for root must not be changed by who serves the network: that would be root again. And what root makes for
 * him must be made where he can't have put something else under its name.
 *
 * Looked at are owner, mode and group of every directory on the way, as the path is written and as it really leads. Of groups
 * only the first is known here; access lists are not looked at.
 */
import { splitCommand } from "../auth/command_line.ts";
import type { Identity } from "../net/privileges.ts";
import type { Settings } from "../settings/mod.ts";
import { SiteError } from "./command.ts";
import { keptJournalPath } from "./journal.ts";
import type { SitePlace } from "./site_place.ts";

/** What decides as whom the keeper reads and writes, and what it runs as root. */
const TRUSTED = ["", "/control", "/control/locals", "/users", "/users/cdb", "/users/poppasswd.cdb"];

/**
 * Looks that whoever serves the network can't change what the keeper goes by.
 * @throws {SiteError} naming what he can change.
 */
export function requireTrusted(
  place: SitePlace,
  settings: Pick<Settings, "auth_source" | "deliver_as" | "maildir_journal">,
  identity: Identity,
): void {
  const users = place.root === "" ? [] : [`${place.root}/etc/passwd`];
  const journal = keptJournalPath(place, settings);
  const journals = journal === "" ? [] : [journal];
  const all = [...TRUSTED.map((name) => place.path + name), place.traceCfg, ...users, ...journals];
  for (const path of [...all, ...programOf(settings.auth_source)]) {
    const found = changeable(path, identity);
    if (found === null) continue;
    const { uid, gid } = identity;
    const mode = ((Deno.statSync(found).mode ?? 0) & 0o100) !== 0 ? "0755" : "0644";
    throw new SiteError(
      `"${found}" can be changed by ${uid}:${gid}, who is to serve the network, and what runs as root goes by it: give it to root, mode ${mode}`,
    );
  }
}

/** The checkpassword program, which the keeper runs as root. */
function programOf(source: string): string[] {
  const command = /^\s*checkpassword\s+(.*)$/is.exec(source)?.[1] ?? "";
  const [program = ""] = splitCommand(command) ?? [];
  return program.startsWith("/") ? [program] : [];
}

/** True: `identity` can't make this path lead elsewhere, nor change what it leads to. */
export function isOutOfReach(path: string, identity: Identity): boolean {
  return changeable(path, identity) === null;
}

/**
 * True: in this directory root alone can make or change a name, and `identity` can't make its path lead elsewhere.
 * @throws what Deno throws when there is no such directory
 */
export function isRoots(directory: string, identity: Identity): boolean {
  const { uid, mode } = Deno.statSync(directory);
  return uid === 0 && ((mode ?? 0) & 0o022) === 0 && changeable(directory, identity) === null;
}

/** The first on the way to `path`, itself included, that `identity` can change; null: nothing. */
function changeable(path: string, identity: Identity): string | null {
  for (const here of new Set([...onTheWay(absolute(path)), ...onTheWay(realOf(path))])) {
    const info = statOrNull(here);
    if (info !== null && canChange(info, identity)) return here;
  }
  return null;
}

/** May he write to it, or give himself the right to? In a sticky directory names are their owners'. */
function canChange(info: Deno.FileInfo, { uid, gid }: Identity): boolean {
  if (info.uid === uid) return true;
  if (info.isSymlink) return false;
  const mode = info.mode ?? 0;
  if ((mode & 0o1000) !== 0) return false;
  return (mode & 0o002) !== 0 || (info.gid === gid && (mode & 0o020) !== 0);
}

/** "/", "/a", "/a/b" of "/a/b". */
function onTheWay(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return ["/", ...names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`)];
}

const absolute = (path: string): string => path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;

/** Where a path really leads; of one that is not there, the directory. */
function realOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const directory = absolute(path).replace(/\/[^/]*$/, "");
    return directory === "" ? "/" : realOf(directory);
  }
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
