/**
 * The users of the system, as getpwnam(3) would name them.
 *
 * Below another root, and where /etc/nsswitch.conf says "passwd: files", /etc/passwd answers: the
 * first names are looked for in its text, since a session asks for few; whoever asks for more gets a
 * Map of them all. It is read as glibc's nss_files reads it (files-parse.c). Otherwise getpwnam_r of the C library answers, with what it said kept for a
 * second; without that library /etc/passwd answers again.
 */
import { fromLatin1, latin1 } from "../cdb/mod.ts";
import type { Files } from "./files.ts";
import { finderIn } from "./hints.ts";
import { findThroughLibrary, type User } from "./getpwnam.ts";
import { failureWords, LookupTrouble } from "./trouble.ts";

export type { User } from "./getpwnam.ts";

export interface Users {
  /** Where they come from, for people: "/etc/passwd" or "the system's user database". */
  readonly source: string;
  /** A new look-up begins: what changed since is seen, once. */
  begin(): void;
  /** null: there is no such user. @throws {LookupTrouble} when that can't be known. */
  find(name: string): User | null;
}

/**
 * A number as glibc's strtoul reads it at the beginning of a field; null where there is none, or it
 * is beyond 32 bits.
 */
function leadingId(field: string): { readonly value: number; readonly length: number } | null {
  const match = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)/.exec(field);
  if (match === null) return null;
  const [whole, sign = "", digits = ""] = match;
  if (digits.length < 10 && sign !== "-") return { value: Number(digits), length: whole.length };
  const size = BigInt(digits);
  if (size > 0xffffffffffffffffn) return null;
  const value = sign === "-" ? BigInt.asUintN(64, -size) : size;
  return value > 0xffffffffn ? null : { value: Number(value), length: whole.length };
}

/** One line of a passwd file; null where glibc would pass it over. */
export function parsePasswdLine(raw: string): User | null {
  const nul = raw.indexOf("\0");
  const line = (nul < 0 ? raw : raw.slice(0, nul)).replace(/^[ \t\v\f\r]+/, "");
  if (line === "" || line.startsWith("#")) return null;
  const [name = "", , uidField, gidField, , home = ""] = line.split(":");
  // getpwnam never finds the lines of nss_compat.
  if (name.startsWith("+") || name.startsWith("-")) return null;
  if (uidField === undefined || gidField === undefined) return null;
  const uid = leadingId(uidField);
  const gid = leadingId(gidField);
  if (uid === null || uid.length !== uidField.length) return null;
  if (gid === null || gid.length !== gidField.length) return null;
  return { name, uid: uid.value, gid: gid.value, home };
}

/** A passwd file by name; of several lines with one name the first counts. */
export function parsePasswd(text: string): Map<string, User> {
  const users = new Map<string, User>();
  for (const line of text.split("\n")) {
    const user = parsePasswdLine(line);
    if (user !== null && !users.has(user.name)) users.set(user.name, user);
  }
  return users;
}

/** Names that are looked for in the text of a file before all of its lines are read. */
const SEARCHES = 24;

/** One char a byte, whatever the bytes; bytes 0x80 to 0x9f become other chars than in `latin1`. */
const CHAR_PER_BYTE = new TextDecoder("windows-1252");

/**
 * The user of one name in the bytes of a passwd file, as the Map of `parsePasswd` has him.
 * `text`: the bytes, decoded by CHAR_PER_BYTE.
 */
export function searchPasswd(bytes: Uint8Array, text: string, name: string): User | null {
  const field = CHAR_PER_BYTE.decode(fromLatin1(`${name}:`));
  for (let at = text.indexOf(field); at >= 0; at = text.indexOf(field, at + 1)) {
    const start = lineStart(text, at);
    if (start < 0) continue;
    const end = text.indexOf("\n", at);
    const user = parsePasswdLine(latin1(bytes.subarray(start, end < 0 ? bytes.length : end)));
    if (user !== null && user.name === name) return user;
  }
  return null;
}

/** Where the line begins whose first field begins at `at`; -1 where that is no first field. */
function lineStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && " \t\v\f\r".includes(text.charAt(start - 1))) start--;
  return start === 0 || text.charCodeAt(start - 1) === 10 ? start : -1;
}

type FindUser = (name: string) => User | null;

/** Finds users in one state of a passwd file. */
function readPasswd(bytes: Uint8Array): FindUser {
  let text = CHAR_PER_BYTE.decode(bytes);
  let searches = 0;
  let find: FindUser | null = null;
  return (name) => {
    if (find === null && searches++ < SEARCHES) return searchPasswd(bytes, text, name);
    find ??= finderIn(parsePasswd(latin1(bytes)));
    text = "";
    return find(name);
  };
}

const findNobody: FindUser = () => null;

/**
 * The users of `path` (absolute, within the site), read again when it changes. A missing file has
 * no users.
 */
export function openPasswd(files: Files, path = "/etc/passwd"): Users {
  const watched = files.watch(path);
  let bytes: Uint8Array | null = null;
  let find = findNobody;
  let isCurrent = false;

  function load(): void {
    const now = watched.bytes();
    if (now instanceof Uint8Array) {
      if (now !== bytes) find = readPasswd(now);
      bytes = now;
    } else {
      if (now.errno !== "ENOENT") {
        throw new LookupTrouble(`${path} can't be read: ${failureWords(now)}`);
      }
      bytes = null;
      find = findNobody;
    }
    isCurrent = true;
  }

  return {
    source: path,
    begin: () => {
      isCurrent = false;
    },
    find(name) {
      if (!isCurrent) load();
      return find(name);
    },
  };
}

/**
 * The services of nsswitch.conf's passwd line; glibc's default where the file or the line is
 * missing.
 */
export function passwdServices(text: string): readonly string[] {
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*/, "").trim();
    if (!line.startsWith("passwd:")) continue;
    return line.slice("passwd:".length).trim().split(/\s+/).filter((word) => word !== "");
  }
  return ["files"];
}

/** Names whose answers are kept, and for how long. */
const KEPT_NAMES = 10_000;
const KEPT_MS = 1000;

/**
 * What the C library's getpwnam_r says; the users of /etc/passwd come from the file where it is
 * asked first.
 */
function openLibraryUsers(passwd: Users, filesFirst: boolean, keepMs: number): Users | null {
  const ask = findThroughLibrary();
  if (ask === null) return null;
  const kept = new Map<string, { readonly user: User | null; readonly until: number }>();
  return {
    source: "the system's user database",
    begin: () => passwd.begin(),
    find(name) {
      const local = filesFirst ? passwd.find(name) : null;
      if (local !== null) return local;
      const now = performance.now();
      const known = kept.get(name);
      if (known !== undefined && known.until > now) return known.user;
      const user = ask(name);
      if (kept.size >= KEPT_NAMES) kept.clear();
      if (keepMs > 0) kept.set(name, { user, until: now + keepMs });
      return user;
    },
  };
}

export interface UsersOptions {
  /** Absolute paths lie below another root, so the system's user database is not meant. */
  readonly rooted: boolean;
  /** "passwd": /etc/passwd alone, whatever nsswitch.conf says. */
  readonly source: "system" | "passwd";
  /** Every question is asked anew. */
  readonly fresh: boolean;
}

/** The users of a site. nsswitch.conf is read once, as the C library does. */
export function openUsers(files: Files, options: UsersOptions): Users {
  const passwd = openPasswd(files);
  if (options.rooted || options.source === "passwd") return passwd;
  const bytes = files.watch("/etc/nsswitch.conf").bytes();
  const services = passwdServices(bytes instanceof Uint8Array ? latin1(bytes) : "");
  if (services.length === 1 && services[0] === "files") return passwd;
  const filesFirst = services[0] === "files" && !(services[1] ?? "").startsWith("[");
  return openLibraryUsers(passwd, filesFirst, options.fresh ? 0 : KEPT_MS) ?? passwd;
}
