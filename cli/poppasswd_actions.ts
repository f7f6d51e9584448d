/** What `qfront poppasswd` does, one function an action; each returns the exit code. */
import { fromBytes, fromUtf8, lowerAscii, toBytes } from "../auth/bytes.ts";
import { CryptError, makeHasher, NEW_SCHEMES, type NewScheme } from "../auth/crypt.ts";
import { openPoppasswd } from "../auth/poppasswd.ts";
import { deleteLogin, EditError, type Place, placeOf, setLogin } from "../auth/poppasswd_edit.ts";
import { loginFault, readPoppasswd } from "../auth/poppasswd_file.ts";
import { looksOf, replaceFile } from "../auth/replace_file.ts";
import { makeSuccessCache } from "../auth/success_cache.ts";
import { NO_TRACE } from "../trace/tracer.ts";
import { type ParsedArgs, RefusedError, SiteError, UsageError } from "./command.ts";
import { buildCdb, faultText, lineFaults } from "./newpop.ts";
import {
  IMPORT_FORMS,
  type ImportForm,
  importLine,
  type ImportOptions,
} from "./poppasswd_import.ts";
import {
  editing,
  loginArgument,
  readPassword,
  readUsers,
  readUsersOrFail,
  siteError,
  type ToolIo,
  type UsersSite,
} from "./users_site.ts";

/** What an action works with. */
export interface Call {
  readonly args: ParsedArgs;
  readonly io: ToolIo;
  readonly site: UsersSite;
  /** Operands after the action's name. */
  readonly operands: readonly string[];
}

function oneOperand({ operands }: Call, action: string, what: string): string {
  const [word] = operands;
  if (word === undefined) throw new UsageError(`poppasswd ${action} needs ${what}`);
  if (operands.length > 1) {
    throw new UsageError(
      `poppasswd ${action} takes ${what} and nothing else; ` +
        "a password never stands on the command line",
    );
  }
  return word;
}

function oneLogin(call: Call, action: string): string {
  const login = loginArgument(oneOperand(call, action, "one login"));
  const fault = loginFault(login);
  if (fault !== null) throw new UsageError(fault);
  return login;
}

function oneOf<W extends string>(words: readonly W[], word: string, option: string): W {
  const found = words.find((w) => w === word.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`--${option} "${word}" is not one of ${words.join(", ")}`);
}

/** Writes the text and, when asked, makes the cdb; the caller holds the lock. */
function store({ args, io, site }: Call, text: string): number {
  try {
    replaceFile(site.text, toBytes(text), looksOf(site.text), io.steps);
  } catch (error) {
    throw siteError(site.text, error);
  }
  if (args.has("newpop")) return buildCdb(site, io);
  io.out("Services see it after: qfront newpop");
  return 0;
}

/** Reads --user USER|UID[:GID]. */
function ownerOption(word: string): Pick<Place, "user" | "uid" | "gid"> {
  const [owner = "", gid, ...more] = fromUtf8(word).split(":");
  if (more.length > 0 || owner === "" || (gid !== undefined && !/^\d{1,10}$/.test(gid))) {
    throw new UsageError(`--user "${word}" is not USER, UID, USER:GID or UID:GID`);
  }
  const isUid = /^\d+$/.test(owner);
  return {
    user: isUid ? null : owner,
    uid: isUid ? Number(owner) : null,
    gid: gid === undefined ? null : Number(gid),
  };
}

const NOWHERE: Place = { user: null, uid: null, gid: null, home: null, maildir: null };

/** The place that the options give over that in the file; null: no option says anything. */
function placeOption(args: ParsedArgs, text: string, login: string): Place | null {
  const [user, home, maildir] = ["user", "home", "maildir"].map((name) => args.value(name));
  if (user === undefined && home === undefined && maildir === undefined) return null;
  for (const [option, path] of [["home", home], ["maildir", maildir]]) {
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    if (path === undefined || !/[:\x00-\x1f\x7f]/.test(path)) continue;
    throw new UsageError(`--${option} "${path}" has a colon or a control character`);
  }
  const old = placeOf(text, login) ?? NOWHERE;
  const place = {
    ...old,
    ...(user === undefined ? {} : ownerOption(user)),
    home: home === undefined ? old.home : fromUtf8(home),
    maildir: maildir === undefined ? old.maildir : fromUtf8(maildir),
  };
  if (place.home?.startsWith("/") === false) {
    throw new UsageError(`--home "${home}" does not begin with "/"`);
  }
  if (place.home === null && place.maildir !== null) {
    throw new UsageError("--maildir needs --home: the Maildir lies below it");
  }
  return place;
}

export async function setPassword(call: Call): Promise<number> {
  const { args, io, site } = call;
  const login = oneLogin(call, "set");
  const scheme: NewScheme = oneOf(NEW_SCHEMES, args.value("hash") ?? "yescrypt", "hash");
  placeOption(args, readUsers(site.text) ?? "", login);
  const password = await readPassword(args, io, true);
  const made = await makeHasher().make(password, scheme);
  if (made.scheme !== scheme) {
    io.err(`qfront: ${scheme} is not available on this host, ${made.scheme} is used`);
  }
  return await editing(site, () => {
    const text = readUsers(site.text) ?? "";
    const changed = setLogin(text, login, made.stored, placeOption(args, text, login));
    io.out(`${lowerAscii(login)}: password set (${made.scheme})`);
    return store(call, changed);
  });
}

export async function deletePassword(call: Call): Promise<number> {
  const login = oneLogin(call, "delete");
  return await editing(call.site, () => {
    const changed = deleteLogin(readUsersOrFail(call.site.text), login);
    call.io.out(`${lowerAscii(login)}: deleted`);
    return store(call, changed);
  });
}

function noOperands({ operands }: Call, action: string): void {
  if (operands.length > 0) throw new UsageError(`poppasswd ${action} takes no operands`);
}

export function listLogins(call: Call): number {
  noOperands(call, "list");
  for (const line of readPoppasswd(readUsersOrFail(call.site.text))) {
    if (line.kind !== "login") continue;
    const { login, format, account } = line.entry;
    const ids = [account.user ?? account.uid ?? "-", account.gid ?? "-"];
    const where = [account.home ?? "-", account.maildir ?? "-"];
    call.io.out([login, format.scheme, ...ids, ...where].join("\t"));
  }
  return 0;
}

export function checkFile(call: Call): number {
  noOperands(call, "check");
  const { io, site } = call;
  const lines = readPoppasswd(readUsersOrFail(site.text));
  const faults = lineFaults(lines, makeHasher());
  const forms: Record<string, number> = { "login:hash": 0, qfront: 0, passwd: 0 };
  for (const line of lines) {
    if (line.kind !== "login") continue;
    const { form, format, login } = line.entry;
    forms[form] = (forms[form] ?? 0) + 1;
    if (format.warning !== null) {
      io.out(`warning: line ${line.number}, login "${login}": ${format.warning}`);
    }
  }
  for (const fault of faults) io.out(faultText(fault));
  const counts = Object.entries(forms).map(([form, n]) => `${n} as ${form}`).join(", ");
  io.out(`${site.text}: ${counts}; no login can use ${faults.length} lines`);
  return faults.length === 0 ? 0 : 1;
}

export async function verifyPassword(call: Call): Promise<number> {
  const { args, io, site } = call;
  const login = oneLogin(call, "verify");
  const users = openPoppasswd({
    path: site.cdb,
    hasher: makeHasher(),
    cache: makeSuccessCache(0, 1),
    tracer: NO_TRACE,
  });
  const password = await readPassword(args, io, false);
  const answer = await users.checkPassword(login, password);
  switch (answer.kind) {
    case "ok":
      io.out("The password is right");
      return 0;
    case "refused":
      io.out("The login or the password is wrong");
      return 1;
    case "undecided":
      throw new SiteError(answer.reason);
  }
}

function importOptions(args: ParsedArgs): ImportOptions {
  const from = args.value("from");
  if (from === undefined) {
    throw new UsageError(`poppasswd import needs --from ${IMPORT_FORMS.join("|")}`);
  }
  const form: ImportForm = oneOf(IMPORT_FORMS, from, "from");
  const user = args.value("user");
  if (user !== undefined) ownerOption(user);
  return { form, domain: fromUtf8(args.value("domain") ?? ""), owner: fromUtf8(user ?? "") };
}

/** Puts the lines of `source` into `text`; logins that are there already stay as they are. */
function importText(
  { io }: Call,
  text: string,
  source: string,
  options: ImportOptions,
): { text: string; taken: number; left: number } {
  const present = new Set(
    readPoppasswd(text).flatMap((line) =>
      line.kind === "comment" ? [] : [line.kind === "login" ? line.entry.login : line.login]
    ),
  );
  const added: string[] = [];
  let left = 0;
  source.split("\n").forEach((raw, i) => {
    const line = importLine(raw, options);
    if (line === null) return;
    const key = lowerAscii(line.login);
    const fault = "fault" in line ? line.fault : present.has(key) ? "It is there already" : null;
    if (fault !== null) {
      left++;
      io.err(faultText({ number: i + 1, login: line.login, fault }));
    } else if (!("fault" in line)) {
      present.add(key);
      added.push(`${key}:${line.hash}${line.place}\n`);
    }
  });
  const joint = text === "" || text.endsWith("\n") ? "" : "\n";
  return { text: text + joint + added.join(""), taken: added.length, left };
}

export async function importFile(call: Call): Promise<number> {
  const { args, io, site } = call;
  const file = oneOperand(call, "import", "one file");
  const options = importOptions(args);
  let source: string;
  try {
    source = fromBytes(Deno.readFileSync(file));
  } catch (error) {
    throw siteError(file, error);
  }
  return await editing(site, () => {
    const made = importText(call, readUsers(site.text) ?? "", source, options);
    io.out(`${made.taken} logins taken over, ${made.left} lines left out`);
    if (made.taken === 0) return made.left === 0 ? 0 : 1;
    return store(call, made.text);
  });
}

/** Does `error` mean "refused", exit 1? */
export function isRefusal(error: unknown): error is Error {
  return error instanceof RefusedError || error instanceof EditError || error instanceof CryptError;
}
