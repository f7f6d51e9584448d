/**
 * The look-up's only access to files: paths resolved below the site's root, permissions judged,
 * contents kept while they do not change.
 *
 * Mirrors what the kernel does for qmail's programs (path_resolution(7)): search permission on
 * every directory, symbolic links followed up to 40, absolute ones from the site's root, ".." never
 * above it. The judging goes by mode, owner and group of a person; access control lists are not
 * seen. The root directory itself is not judged.
 */
import { keepBriefly } from "./briefly.ts";
import { keepTexts, type Watched, watchFile } from "./kept.ts";
import {
  type Entered,
  type Failed,
  failed,
  type Found,
  isDirectory,
  isEntered,
  isLink,
  type Person,
  type Someone,
  unseen,
} from "./sight.ts";
import { denoPath, type Errno, type Stat, type System, system } from "./system.ts";

export type { Watched } from "./kept.ts";
export {
  type Failed,
  type Found,
  isDirectory,
  isRegular,
  type Person,
  type Someone,
} from "./sight.ts";

export interface Files {
  /** Forgets what was learned of directories: begins a new look-up. */
  begin(): void;
  /**
   * Another number each time that something is forgotten (briefly.ts): what was made of files in this look-up holds as
   * long as it stays. null: keep nothing.
   */
  readonly epoch: number | null;
  /**
   * Follows `path`; relative ones begin at `from` (a `Found.path`). `follow`: also a link at its
   * end.
   */
  resolve(path: string, person: Person, from?: string): Found | Failed;
  /** Changes to a directory, as far as permissions go. */
  enter(path: string, person: Person, from?: string): Found | Failed;
  /** Opens a file for reading, as far as permissions go. */
  open(path: string, person: Person, from?: string): Found | Failed;
  /** The text of a regular file that was opened; kept while it does not change. */
  text(found: Found): string | Failed;
  watch(path: string): Watched;
  /** The names in a directory that begin with `start`; null when it can't be listed or has more than `limit`. */
  names(directory: Found, start: string, limit: number): ReadonlySet<string> | null;
  /**
   * Absolute name on this system, binary, of a site's path; the part that does not exist is taken
   * as written.
   */
  onDisk(path: string, from?: string): string;
}

/** Permission bits of one class. */
export const SEARCH = 1;
export const WRITE = 2;
export const READ = 4;
const MAX_LINKS = 40;
const NAME_MAX = 255;
const PATH_MAX = 4096;

const PARENTS = 10_000;

/** Do mode, owner and group let `person` do what `bit` stands for? */
export function may(stat: Stat, person: Someone, bit: number): boolean {
  if (person.uid === 0) return true;
  const isMember = person.gid === stat.gid || person.groups?.includes(stat.gid) === true;
  const shift = person.uid === stat.uid ? 6 : isMember ? 3 : 0;
  return ((stat.mode >> shift) & bit) !== 0;
}

/**
 * The files of the site whose absolute paths lie below `root` (binary, "" or "/" for the system's
 * own). `recheckMs`: how old what is known of the directories on the way may be; `keepMs`: how old
 * anything else (see briefly.ts).
 */
export function openFiles(
  root: string,
  recheckMs = 0,
  called: System = system(),
  keepMs = 0,
): Files {
  const calls = keepBriefly(called, keepMs);
  const prefix = root.replace(/\/+$/, "");
  const seen = new Map<string, Stat | Errno>();
  const parents = new Map<string, Stat>();
  let parentsUntil = 0;

  /** lstat of a resolved name. */
  const fetch = (path: string): Stat | Errno =>
    calls.stat(path === "" && prefix === "" ? "/" : prefix + path, false);

  /** The same, once a look-up where somebody's permissions are judged. */
  function look(path: string, person: Person): Stat | Errno {
    if (person === null) return fetch(path);
    const known = seen.get(path);
    if (known !== undefined) return known;
    const stat = fetch(path);
    seen.set(path, stat);
    return stat;
  }

  /**
   * The same for a directory on the way: what it is may be as old as `recheckMs`, but never its
   * absence.
   */
  function lookOnTheWay(path: string, person: Person): Stat | Errno {
    const known = (person === null ? undefined : seen.get(path)) ?? parents.get(path);
    if (known !== undefined) return known;
    const stat = look(path, person);
    if (recheckMs > 0 && typeof stat !== "string" && isDirectory(stat)) parents.set(path, stat);
    return stat;
  }

  function forgetParents(): void {
    if (parents.size === 0) return;
    const now = performance.now();
    if (now < parentsUntil && parents.size < PARENTS) return;
    parents.clear();
    parentsUntil = now + recheckMs;
  }

  /** May `person` search this directory? */
  function search(path: string, person: Person): Failed | null {
    if (path === "") return null;
    const stat = lookOnTheWay(path, person);
    if (typeof stat === "string") return unseen(stat, path);
    if (!isDirectory(stat)) return failed("ENOTDIR", path);
    return person !== null && !may(stat, person, SEARCH) ? failed("EACCES", path) : null;
  }

  /** The walk of path_resolution(7), one name at a time. */
  function walk(path: string, person: Person, from: string): Found | Failed {
    if (path === "") return failed("ENOENT", path);
    if (path.length >= PATH_MAX) return failed("ENAMETOOLONG", path);
    forgetParents();
    let here = path.startsWith("/") ? "" : from;
    let rest = path;
    let links = 0;
    /** What `here` is, where that is known already. */
    let last: Stat | null = null;
    for (;;) {
      let start = 0;
      while (rest.charCodeAt(start) === 47) start++;
      if (start === rest.length) break;
      const slash = rest.indexOf("/", start);
      const end = slash < 0 ? rest.length : slash;
      const name = rest.slice(start, end);
      rest = rest.slice(end);
      const closed = search(here, person);
      if (closed !== null) return closed;
      if (name === ".") continue;
      if (name === "..") {
        here = here.slice(0, Math.max(here.lastIndexOf("/"), 0));
        last = null;
        continue;
      }
      const next = `${here}/${name}`;
      if (name.length > NAME_MAX) return failed("ENAMETOOLONG", next);
      const stat = rest === "" ? look(next, person) : lookOnTheWay(next, person);
      if (typeof stat === "string") return unseen(stat, next);
      if (!isLink(stat)) {
        here = next;
        last = stat;
        continue;
      }
      if (++links > MAX_LINKS) return failed("ELOOP", next);
      const link = calls.readLink(prefix + next);
      if (typeof link === "string") return unseen(link, next);
      if (link.target === "") return failed("ENOENT", next);
      if (link.target.startsWith("/")) {
        here = "";
        last = null;
      }
      rest = link.target + rest;
    }
    const stat = last ?? look(here, person);
    if (typeof stat === "string") return unseen(stat, here);
    if (path.endsWith("/") || rest !== "") {
      if (!isDirectory(stat)) return failed("ENOTDIR", here);
    }
    return { ok: true, path: here, stat };
  }

  const resolved = new Map<string, Found | Failed>();
  let resolvedIn: number | null = null;

  /** Absolute names are followed once as long as what the system said of them is kept. */
  function resolve(path: string, person: Person, from = ""): Found | Failed {
    const { epoch } = calls;
    if (epoch === null || from !== "" || !path.startsWith("/")) return follow(path, person, from);
    if (epoch !== resolvedIn) {
      resolved.clear();
      resolvedIn = epoch;
    }
    const key = person === null ? path : `${person.uid}:${person.gid}:${path}`;
    const known = resolved.get(key);
    if (known !== undefined) return known;
    const found = follow(path, person, from);
    resolved.set(key, found);
    return found;
  }

  function follow(path: string, person: Person, from: string): Found | Failed {
    if (person !== null || prefix !== "") return walk(path, person, from);
    const name = path.startsWith("/") || path === "" ? path : `${from}/${path}`;
    if (name === "") return failed("ENOENT", name);
    const stat = calls.stat(name, true);
    return typeof stat === "string" ? unseen(stat, name) : { ok: true, path: name, stat };
  }

  let entered: Entered | null = null;

  /** The directory that was entered last - alias's home, as a rule - is entered once an epoch. */
  function enter(path: string, person: Person, from = ""): Found | Failed {
    const { epoch } = calls;
    if (epoch === null || from !== "") return enterNow(path, person, from);
    if (entered === null || entered.epoch !== epoch || !isEntered(entered, path, person)) {
      entered = { epoch, path, person, found: enterNow(path, person, from) };
    }
    return entered.found;
  }

  function enterNow(path: string, person: Person, from: string): Found | Failed {
    const found = resolve(path, person, from);
    if (!found.ok) return found;
    if (!isDirectory(found.stat)) return failed("ENOTDIR", found.path);
    if (person !== null) {
      return may(found.stat, person, SEARCH) ? found : failed("EACCES", found.path);
    }
    const inside = calls.stat(`${prefix}${found.path}/.`, true);
    return typeof inside === "string" ? unseen(inside, found.path) : found;
  }

  function open(path: string, person: Person, from = ""): Found | Failed {
    const found = resolve(path, person, from);
    if (!found.ok) return found;
    if (person !== null) {
      return may(found.stat, person, READ) ? found : failed("EACCES", found.path);
    }
    const allowed = calls.mayRead(prefix + found.path);
    return allowed === true ? found : unseen(allowed, found.path);
  }

  const text = keepTexts(prefix, calls);

  const watch = (path: string): Watched =>
    watchFile(path, { prefix, recheckMs, calls, resolve: (p) => resolve(p, null) });

  function onDisk(path: string, from = ""): string {
    const whole = path.startsWith("/") ? path : `${from}/${path}`;
    if (prefix === "") return whole;
    const parts = whole.split("/").filter((part) => part !== "");
    for (let kept = parts.length; kept > 0; kept--) {
      const found = walk(`/${parts.slice(0, kept).join("/")}`, null, "");
      const rest = parts.slice(kept).filter((part) => part !== "." && part !== "..");
      if (found.ok) return [prefix + found.path, ...rest].join("/");
    }
    return [prefix, ...parts.filter((part) => part !== "." && part !== "..")].join("/");
  }

  function begin(): void {
    // To clear a Map makes a new table for it.
    if (seen.size > 0) seen.clear();
    calls.begin();
  }

  function names(directory: Found, start: string, limit: number): ReadonlySet<string> | null {
    const path = denoPath(`${prefix}${directory.path}/`);
    if (path === null) return null;
    const found = new Set<string>();
    let count = 0;
    try {
      for (const { name } of Deno.readDirSync(path)) {
        if (++count > limit) return null;
        if (name.startsWith(start)) found.add(name);
      }
      return found;
    } catch {
      // Not to be listed (search permission only, gone meanwhile): each name is asked for.
      return null;
    }
  }

  return {
    begin,
    get epoch() {
      return calls.epoch;
    },
    resolve,
    enter,
    open,
    text,
    watch,
    names,
    onDisk,
  };
}
