/**
 * How serve gives root away: who it becomes, and the keeper it leaves behind. Ports are bound before, the trace is opened
 * and connections are accepted after.
 */
import { type Keeper, startKeeper } from "../keeper/start.ts";
import { dropTo, type Identity, parseIds, PrivilegeError } from "../net/privileges.ts";
import type { Settings } from "../settings/mod.ts";
import type { ListenAddress } from "../net/address.ts";
import { KEEPER_EVENTS } from "../trace/events.ts";
import { reasonOf, SiteError } from "./command.ts";
import { keeperCommand } from "./keeper.ts";
import { openFindUser } from "./owners.ts";
import { complain } from "./say.ts";
import type { Site, SitePlace } from "./site.ts";
import { requireTrusted } from "./trusted.ts";
import { handTraceOver } from "./trace_owner.ts";

/** qmail's user for what faces the network. */
const DEFAULT_USER = "qmaild";
const FALLBACK_USER = "nobody";

/** True: this process is root and has it to give away. */
export const isRoot = (): boolean => Deno.uid() === 0;

/** Who `command` becomes when it is root; null: it keeps root, for a trial. */
export function chooseIdentity(
  place: SitePlace,
  settings: Settings,
  command = "serve",
): Identity | null {
  if (place.closedAt !== "") return keepForTrial(place, settings);
  const found = serviceIdentity(place, settings, () => fallBack(command));
  requireTrusted(place, settings, found);
  return found;
}

/** Who a service that is started as root would become; `otherwise`: where there is no user for it. @throws {SiteError} */
export function serviceIdentity(
  place: SitePlace,
  settings: Settings,
  otherwise: () => Identity,
): Identity {
  const found = settings.run_as === ""
    ? findIdentity(DEFAULT_USER, place.root) ?? otherwise()
    : named(settings.run_as, place.root);
  if (found.uid !== 0 && found.gid !== 0) return found;
  throw new SiteError(
    `Setting run_as: "${settings.run_as}" is ${found.uid}:${found.gid}, and the network is never served as root`,
  );
}

/** The system's user of nothing. */
export const nobody = (): Identity =>
  findIdentity(FALLBACK_USER, "") ?? { uid: 65534, gid: 65534, name: null };

/** A user's name, or UID:GID; `asked` is where it stands. @throws {SiteError} */
export function named(word: string, root: string, asked = "Setting run_as"): Identity {
  const found = parseIds(word) ?? findIdentity(word, root);
  if (found === null) {
    throw new SiteError(`${asked}: there is no user "${word}" (a name, or UID:GID)`);
  }
  return found;
}

/** Where qmail has no user for this, the system's user of nothing. */
function fallBack(command: string): Identity {
  complain(
    `${command} was started as root and there is no user "${DEFAULT_USER}" to become: it becomes "${FALLBACK_USER}" (setting run_as names a better one)`,
  );
  return nobody();
}

/**
 * A site below a root that only root may enter can't be served by anybody else: a trial, such as a test in a temporary
 * directory. Root is kept for it, aloud. requireLoopback() keeps it from the network.
 * @throws {SiteError} when somebody was named to be become.
 */
function keepForTrial(place: SitePlace, settings: Settings): null {
  const closed = `"${place.closedAt}", on the way to the site, is closed to others`;
  if (settings.run_as !== "") {
    throw new SiteError(`${closed}, so "${settings.run_as}" can't serve it: chmod o+x it`);
  }
  complain(`${closed}: root is kept for a trial on this machine`);
  return null;
}

/** Root that is kept for a trial listens on this machine only. @throws {SiteError} */
export function requireLoopback(place: SitePlace, listeners: readonly ListenAddress[]): void {
  const isHere = (host: string) => /^(127\.|::1$|localhost$)/.test(host);
  const open = listeners.find(({ hosts }) => !hosts.every(isHere));
  if (open === undefined) return;
  throw new SiteError(
    `"${place.closedAt}", on the way to the site, is closed to others, and root serves nobody beyond this machine: chmod o+x it, or listen on 127.0.0.1`,
  );
}

function findIdentity(name: string, root: string): Identity | null {
  try {
    return openFindUser(root)(name);
  } catch (error) {
    const why = reasonOf(error);
    throw new SiteError(`Setting run_as: "${name}" can't be looked up: ${why}`);
  }
}

/** Starts the keeper of a site, as root. @throws {SiteError} */
export async function openKeeper(site: Site): Promise<Keeper> {
  try {
    return await startKeeper(keeperCommand(site.place), site.tracer);
  } catch (error) {
    const why = reasonOf(error);
    throw new SiteError(`The keeper could not be started: ${why}`);
  }
}

/**
 * Becomes `identity`, for good and with all threads; the trace file is its from then on.
 * @throws {SiteError} when that fails: nothing may be served then.
 */
export function giveRootAway(site: Site, identity: Identity): void {
  handTraceOver(site.place, site.current.settings, identity);
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
    complain(
      `The keeper, which held root, is gone (${reason}): serving stops, and has to be started again as root`,
    );
    site.tracer.emit(0, KEEPER_EVENTS.gone, { reason });
    lost();
  });
}

/** For one session on standard input: a keeper of its own, and root given away. @throws {SiteError} */
export async function leaveRoot(site: Site, command: string): Promise<void> {
  const identity = chooseIdentity(site.place, site.current.settings, command);
  if (identity === null) return site.settle(null);
  const keeper = await openKeeper(site);
  giveRootAway(site, identity);
  settle(site, keeper, identity, () => {});
}
