/**
 * The text of users/poppasswd: one login a line, `login:hash[:user-or-uid[:gid]][:home[:maildir]]`,
 * # comments. Also read: `login:hash` (2 fields), `login:hash:user:directory` (the 4 fields of the
 * single-uid how-tos) and the 7 fields of a passwd file. Each line is either read in one named way
 * or comes with a sentence why no login can use it. docs/passwords.md has the format in full.
 *
 * Text is binary: one char U+0000..U+00FF a byte. Nothing here touches a file.
 */
import { lowerAscii } from "./bytes.ts";
import { type HashFormat, readHash } from "./hash_format.ts";
import type { Account } from "./types.ts";

/** How the fields of a line were understood. */
export type Form = "login:hash" | "qfront" | "passwd";

/** One usable login. */
export interface PoppasswdEntry {
  /** In lower case, as the cdb has it. */
  readonly login: string;
  readonly hash: string;
  readonly format: HashFormat;
  readonly form: Form;
  readonly account: Account;
}

export type EntryReading = { readonly entry: PoppasswdEntry } | { readonly fault: string };

/** A line of the file; `number` counts from 1. */
export type PoppasswdLine =
  | { readonly kind: "comment"; readonly number: number }
  | {
    readonly kind: "login";
    readonly number: number;
    readonly entry: PoppasswdEntry;
    /** What follows the login's colon: the cdb's data. */
    readonly rest: string;
  }
  /** `login`: as far as it can be told. `fault`: a sentence without final period. */
  | {
    readonly kind: "unusable";
    readonly number: number;
    readonly login: string;
    readonly fault: string;
  };

/** Ids above this are no ids: (uid_t) -1 means "none". */
const MAX_ID = 0xfffffffe;

type Place = Pick<Account, "user" | "uid" | "gid" | "home" | "maildir">;
type PlaceReading = { readonly form: Form; readonly place: Place } | { readonly fault: string };

function readId(text: string, what: "uid" | "gid"): number | string {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  return id <= MAX_ID ? id : `"${text}" is not a ${what}`;
}

function readOwner(owner: string, gid: string): Place | string {
  const place = { user: null, uid: null, gid: null, home: null, maildir: null };
  const group = gid === "" ? null : readId(gid, "gid");
  if (typeof group === "string") return group;
  if (owner === "") {
    return group === null ? place : "A gid stands without a user or uid";
  }
  if (owner === "root" || /^0+$/.test(owner)) {
    return "Nothing is ever served as root: name another user";
  }
  if (owner.includes("/")) return `"${owner}" is neither a user nor a home that begins with "/"`;
  if (!/^\d+$/.test(owner)) return { ...place, user: owner, gid: group };
  const uid = readId(owner, "uid");
  return typeof uid === "string" ? uid : { ...place, uid, gid: group };
}

function readPasswd(fields: readonly string[]): PlaceReading {
  const [uid = "", gid = "", , home = ""] = fields;
  if (!/^\d*$/.test(uid)) {
    return { fault: `7 fields are read as a passwd line, but "${uid}" is no uid` };
  }
  const place = readOwner(uid, gid);
  if (typeof place === "string") return { fault: place };
  if (home !== "" && !home.startsWith("/")) {
    return { fault: `The home directory "${home}" does not begin with "/"` };
  }
  return { form: "passwd", place: { ...place, home: home === "" ? null : home } };
}

/**
 * Fields after login and hash. The first that begins with "/" is the home; the owner stands before
 * it.
 */
function readPlace(fields: readonly string[]): PlaceReading {
  if (fields.length === 5) return readPasswd(fields);
  if (fields.length > 5) return { fault: `${fields.length + 2} fields are too many` };
  const at = fields.findIndex((f) => f.startsWith("/"));
  const before = at < 0 ? fields : fields.slice(0, at);
  const [owner = "", gid = "", ...more] = before;
  if (more.some((f) => f !== "") || (at >= 0 && before.length > 2)) {
    return { fault: `The home directory "${more[0] ?? ""}" does not begin with "/"` };
  }
  if (gid !== "" && !/^\d+$/.test(gid)) {
    return {
      fault: `Field 4, "${gid}", is neither a gid nor a home directory that begins with "/"`,
    };
  }
  const place = readOwner(owner, gid);
  if (typeof place === "string") return { fault: place };
  if (at < 0) return { form: fields.length === 0 ? "login:hash" : "qfront", place };
  if (fields.length > at + 2) return { fault: `${fields.length + 2} fields are too many` };
  const maildir = fields[at + 1] ?? "";
  return {
    form: "qfront",
    place: { ...place, home: fields[at] ?? null, maildir: maildir === "" ? null : maildir },
  };
}

/** Why `login` can't be one; null when it can. */
export function loginFault(login: string): string | null {
  if (login === "") return "The login is empty";
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\x00-\x20\x7f]/.test(login)) return "The login has a blank or a control character";
  if (login.includes(":")) return "The login has a colon";
  if (login.startsWith("#")) return 'The login begins with "#", which begins a comment';
  if (login.length > 255) return "The login is longer than 255 bytes";
  return null;
}

/** Reads what belongs to one login: `rest` is everything after the login's colon. */
export function readEntry(login: string, rest: string): EntryReading {
  const fault = loginFault(login);
  if (fault !== null) return { fault };
  if (rest.includes("\0")) return { fault: "The line has a NUL" };
  const [hash = "", ...fields] = rest.split(":");
  const reading = readHash(hash);
  if ("fault" in reading) return reading;
  const placed = readPlace(fields);
  if ("fault" in placed) return placed;
  const key = lowerAscii(login);
  const account = { login: key, ...placed.place };
  return { entry: { login: key, hash, format: reading.format, form: placed.form, account } };
}

/** A line without what may end it: LF, CR, blanks. */
function trimEnd(line: string): string {
  return line.replace(/[ \t\r\n]+$/, "");
}

/** Reads one line; its end may still be there. */
export function readLine(line: string, number: number): PoppasswdLine {
  const text = trimEnd(line);
  if (/^[ \t]*(#|$)/.test(text)) return { kind: "comment", number };
  const colon = text.indexOf(":");
  if (colon < 0) {
    return { kind: "unusable", number, login: "", fault: 'There is no ":" after the login' };
  }
  const login = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const reading = readEntry(login, rest);
  return "fault" in reading
    ? { kind: "unusable", number, login: lowerAscii(login), fault: reading.fault }
    : { kind: "login", number, entry: reading.entry, rest };
}

/** Reads the whole file. A login that stood before is unusable, with the line where it stood. */
export function readPoppasswd(text: string): PoppasswdLine[] {
  const seen = new Map<string, number>();
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((raw, i) => {
    const line = readLine(raw, i + 1);
    if (line.kind !== "login") return line;
    const login = line.entry.login;
    const first = seen.get(login);
    if (first !== undefined) {
      const fault = `The login stands in line ${first} already`;
      return { kind: "unusable", number: line.number, login, fault };
    }
    seen.set(login, line.number);
    return line;
  });
}
