/**
 * How serve gives root away: who it becomes, and the keeper it leaves behind. Ports are bound before, the trace is opened
 * and connections are accepted after.
 */
import { type Keeper, startKeeper } from "../keeper/start.ts";
import { dropTo, type Identity, parseIds, PrivilegeError } from "../net/privileges.ts";
import type { Settings } from "../settings/mod.ts";
import { KEEPER_EVENTS } from "../trace/events.ts";
import { SiteError } from "./command.ts";
import { keeperCommand } from "./keeper.ts";
import { openFindUser } from "./owners.ts";
import type { Site, SitePlace } from "./site.ts";

/** qmail's user for what faces the network. */
const DEFAULT_USER = "qmaild";

/** True: this process is root and has it to give away. */
export const isRoot = (): boolean => Deno.uid() === 0;

/** Who `command` becomes when it is root. @throws {SiteError} when nobody is named, or root, or who could change the site. */
export function chooseIdentity(
  place: SitePlace,
  settings: Settings,
  command = "serve",
): Identity {
  const word = settings.run_as === "" ? DEFAULT_USER : settings.run_as;
  const found = parseIds(word) ?? findIdentity(word, place.root);
  if (found === null) {
    throw new SiteError(
      settings.run_as === ""
        ? `${command} was started as root and there is no user "${DEFAULT_USER}" to become: name one in setting run_as (a user, or UID:GID), or start ${command} as the user that owns all mail`
        : `Setting run_as: there is no user "${word}"`,
    );
  }
  if (found.uid === 0 || found.gid === 0) {
    throw new SiteError(
      `Setting run_as: "${word}" is ${found.uid}:${found.gid}, and the network is never served as root`,
    );
  }
  requireTrusted(place, found);
  return found;
}

function findIdentity(name: string, root: string): Identity | null {
  try {
    return openFindUser(root)(name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SiteError(`Setting run_as: "${name}" can't be looked up: ${why}`);
  }
}

/** What decides as whom the keeper reads and writes, and what it runs as root. */
const TRUSTED = ["", "/control", "/control/locals", "/users", "/users/cdb", "/users/poppasswd.cdb"];

/**
 * Looks that whoever serves the network can't change what the keeper goes by: that would be root again.
 * @throws {SiteError} naming what he can change.
 */
export function requireTrusted(place: SitePlace, { uid, gid }: Identity): void {
  for (const path of [...TRUSTED.map((name) => place.path + name), place.traceCfg]) {
    const info = statOrNull(path);
    if (info === null) continue;
    const mode = info.mode ?? 0;
    const isShared = (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
    if (info.uid !== uid && !(info.gid === gid && (mode & 0o020) !== 0) && !isShared) continue;
    throw new SiteError(
      `"${path}" can be changed by ${uid}:${gid}, who is to serve the network, and what runs as root goes by it: give it to root, mode ${
        info.isDirectory ? "0755" : "0644"
      }`,
    );
  }
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Starts the keeper of a site, as root. @throws {SiteError} */
export async function openKeeper(site: Site): Promise<Keeper> {
  try {
    return await startKeeper(keeperCommand(site.place), site.tracer);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SiteError(`The keeper could not be started: ${why}`);
  }
}

/** Becomes `identity`, for good and with all threads. @throws {SiteError} when that fails: nothing may be served then. */
export function giveRootAway(identity: Identity): void {
  try {
    dropTo(identity);
  } catch (error) {
    if (error instanceof PrivilegeError) throw new SiteError(error.message);
    throw error;
  }
}

/**
 * Goes on without root: the site as this process may see it now, the keeper for the rest. `lost` is called when the keeper ends:
 * what it does can't be had again without root, so the service has to end.
 */
export function settle(site: Site, keeper: Keeper, identity: Identity, lost: () => void): void {
  site.settle(keeper);
  const { uid, gid } = identity;
  site.tracer.emit(0, KEEPER_EVENTS.started, { pid: keeper.pid, uid, gid });
  void keeper.lost.then((reason) => {
    console.error(
      `qfront: The keeper, which held root, is gone (${reason}): serving stops, and has to be started again as root`,
    );
    site.tracer.emit(0, KEEPER_EVENTS.gone, { reason });
    lost();
  });
}

/** For one session on standard input: a keeper of its own, and root given away. @throws {SiteError} */
export async function leaveRoot(site: Site, command: string): Promise<void> {
  const identity = chooseIdentity(site.place, site.current.settings, command);
  const keeper = await openKeeper(site);
  giveRootAway(identity);
  settle(site, keeper, identity, () => {});
}
