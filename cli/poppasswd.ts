/**
 * `qfront poppasswd`: keeps users/poppasswd. Sets, deletes, lists, checks, tries and takes over
 * logins; every other line of the file stays as it is, and the new file takes the old one's place
 * as a whole.
 *
 * A password is typed without echo or comes on standard input: never on the command line, where
 * others could see it.
 */
import { NEW_SCHEMES } from "../auth/crypt.ts";
import { type Command, type ParsedArgs, UsageError } from "./command.ts";
import {
  type Call,
  checkFile,
  deletePassword,
  importFile,
  isRefusal,
  listLogins,
  setPassword,
  verifyPassword,
} from "./poppasswd_actions.ts";
import { IMPORT_FORMS } from "./poppasswd_import.ts";
import { findUsers, PLACE_OPTIONS, REAL_IO, runTool, type ToolIo } from "./users_site.ts";

const ACTIONS: Readonly<Record<string, (call: Call) => number | Promise<number>>> = {
  set: setPassword,
  delete: deletePassword,
  list: listLogins,
  check: checkFile,
  verify: verifyPassword,
  import: importFile,
};

async function run(args: ParsedArgs, io: ToolIo): Promise<number> {
  const [name, ...operands] = args.operands;
  const names = Object.keys(ACTIONS).join(", ");
  if (name === undefined) throw new UsageError(`poppasswd needs one of ${names}`);
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) throw new UsageError(`poppasswd "${name}" is not one of ${names}`);
  const call = { args, io, site: findUsers(args, io), operands };
  try {
    return await action(call);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    io.err(`qfront: ${error.message}`);
    return 1;
  }
}

/** The command over `io`. */
export const makePoppasswd = (io: ToolIo): Command => ({
  name: "poppasswd",
  about: "set, delete, list, check, verify or import logins",
  operands: "ACTION [LOGIN | FILE]",
  words: Object.keys(ACTIONS),
  text: "set LOGIN, delete LOGIN, list, check, verify LOGIN, import FILE: keeps the file\n" +
    "users/poppasswd; services see a change after qfront newpop. Passwords are asked\n" +
    "for without echo, or come on standard input. check names each unusable line.",
  options: [
    { name: "stdin", about: "the password is the first line of standard input" },
    {
      name: "hash",
      value: "NAME",
      words: NEW_SCHEMES,
      about: "yescrypt (default) sha512crypt bcrypt scrypt scram plain",
    },
    {
      name: "user",
      value: "USER[:GID]",
      about: "set, import: who owns the maildrop (name or uid)",
    },
    { name: "home", value: "DIR", about: "set: home directory of the maildrop" },
    { name: "maildir", value: "DIR", about: "set: Maildir below the home (Maildir)" },
    {
      name: "from",
      value: "FORM",
      words: IMPORT_FORMS,
      about: "import: passwd, vpasswd or htpasswd",
    },
    { name: "domain", value: "DOMAIN", about: "import: put @DOMAIN behind each login" },
    { name: "newpop", about: "set, delete, import: run newpop at once" },
    ...PLACE_OPTIONS,
  ],
  examples: ["qfront poppasswd set joe@example.org --newpop"],
  run: (args) => run(args, io),
});

export const POPPASSWD: Command = makePoppasswd(REAL_IO);

/** Runs `qfront poppasswd` with these arguments; the result is the exit code. */
export function runPoppasswd(args: readonly string[], io: ToolIo = REAL_IO): Promise<number> {
  return runTool(makePoppasswd(io), args, io);
}
