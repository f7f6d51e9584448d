/**
 * Logins from users/poppasswd.cdb: the place of checkpassword over a cdb (checkcdb of old), without
 * a program to start and without root.
 *
 * An unknown login is checked against a hash of the most common cost in the file, so that it takes
 * as long as a wrong password; in a file with hashes of several costs that evens out only as far as
 * they are alike.
 */
import type { Tracer } from "../trace/tracer.ts";
import { AUTH_EVENTS } from "../trace/events_auth.ts";
import { lowerAscii } from "./bytes.ts";
import { CryptError, type Hasher, MAX_PASSWORD_BYTES } from "./crypt.ts";
import { GateFullError } from "./gate.ts";
import { clearPart, scramParts } from "./hash_format.ts";
import { type UsersNow, watchUsers } from "./poppasswd_db.ts";
import { type PoppasswdEntry, readEntry } from "./poppasswd_file.ts";
import { hmac } from "./scram_keys.ts";
import type { SuccessCache } from "./success_cache.ts";
import type { AuthAnswer, Authenticator, SecretAnswer, SecretSource } from "./types.ts";

export interface PoppasswdOptions {
  /** users/poppasswd.cdb, as Deno's file calls take it. */
  readonly path: string;
  readonly hasher: Hasher;
  readonly cache: SuccessCache;
  readonly tracer: Tracer;
  /** How old, in milliseconds, what is known of the file may be; absent: it is looked at each time. */
  readonly keepMs?: number;
}

/**
 * Checked against when the file has no login at all: sha512crypt with as many rounds as new entries
 * get. What it is a hash of makes no difference.
 */
const NO_LOGINS =
  "$6$rounds=50000$thereisnosuch$OJw4uyXxGVcLp4YHwnUIDsyZjR0VHTPpDIHDZgtIT70CORRWeRbCqnFj3FWMYdxGUqtj6B8W/T6TdcWv.0TOi0";

const SCRAM_ITERATIONS = 32768;
const SALT_BYTES = 16;

/**
 * Could this be a password at all? Judged before the login is looked at, so it tells nothing about
 * logins.
 */
function isPlausible(login: string, password: string): boolean {
  return login !== "" && password !== "" && password.length <= MAX_PASSWORD_BYTES &&
    !password.includes("\0");
}

/** Finds a login in the database; null: there is none that could be used. @throws {CdbError} */
function findEntry(users: UsersNow, login: string, options: PoppasswdOptions) {
  const rest = users.reader.find(login);
  if (rest === null) return null;
  const reading = readEntry(login, rest);
  if (!("fault" in reading)) return reading.entry;
  if (options.tracer.level >= 2) {
    const fields = { file: options.path, login, reason: reading.fault };
    options.tracer.emit(Deno.pid, AUTH_EVENTS.lineUnusable, fields);
  }
  return null;
}

type Found =
  | { readonly users: UsersNow; readonly entry: PoppasswdEntry | null }
  | { readonly kind: "undecided"; readonly reason: string };

function find(open: () => UsersNow | string, login: string, options: PoppasswdOptions): Found {
  const users = open();
  if (typeof users === "string") return { kind: "undecided", reason: users };
  try {
    return { users, entry: findEntry(users, login, options) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "undecided", reason: `"${options.path}" can't be used (${reason})` };
  }
}

const REFUSED: AuthAnswer = { kind: "refused" };

/** A cheap hash is checked at once, of an unknown login as of a known one; others wait for another thread. */
function check(
  found: Found,
  password: string,
  options: PoppasswdOptions,
): AuthAnswer | Promise<AuthAnswer> {
  if ("kind" in found) return found;
  const { entry, users } = found;
  const stored = entry?.hash ?? users.survey.typicalHash ?? NO_LOGINS;
  const fits = options.hasher.checkNow?.(password, stored) ?? null;
  if (fits === null) return checkLater(entry, password, stored, options);
  return fits && entry !== null ? { kind: "ok", account: entry.account } : REFUSED;
}

async function checkLater(
  entry: PoppasswdEntry | null,
  password: string,
  stored: string,
  { hasher, cache }: PoppasswdOptions,
): Promise<AuthAnswer> {
  const login = entry?.login ?? "";
  const answer: AuthAnswer = entry === null ? REFUSED : { kind: "ok", account: entry.account };
  if (cache.has(login, password, stored) && entry !== null) return answer;
  try {
    if (!await hasher.check(password, stored)) return REFUSED;
  } catch (error) {
    if (!(error instanceof CryptError || error instanceof GateFullError)) throw error;
    return { kind: "undecided", reason: error.message };
  }
  if (entry !== null) cache.add(login, password, stored);
  return answer;
}

/** A file that can't be looked at is there: what is wrong with it is said where it is read. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** The logins of a users/poppasswd.cdb. */
export function openPoppasswd(options: PoppasswdOptions): Authenticator & SecretSource {
  const open = watchUsers(options.path, options.tracer, options.keepMs);
  const ownSaltKey = crypto.randomUUID();
  const survey = () => {
    const users = open();
    return typeof users === "string" ? null : users.survey;
  };
  return {
    checkPassword(login, password) {
      if (!isPlausible(login, password)) return REFUSED;
      return check(find(open, lowerAscii(login), options), password, options);
    },
    secretOf(login): SecretAnswer {
      const found = find(open, lowerAscii(login), options);
      if ("kind" in found) return found;
      const entry = found.entry;
      if (entry === null) return { kind: "unknown" };
      const { account, hash } = entry;
      return { kind: "secret", account, clear: clearPart(hash), scram: scramParts(hash) };
    },
    isThere: () => isThere(options.path),
    forms: () => ({ clear: survey()?.clear ?? false, scram: survey()?.scram ?? false }),
    fakeScram(login) {
      const known = survey();
      const salt = hmac(known?.saltKey ?? ownSaltKey, lowerAscii(login)).slice(0, SALT_BYTES);
      return { salt, iterations: known?.scramIterations ?? SCRAM_ITERATIONS };
    },
  };
}
