/** Whose a maildrop is, and who a name is: users of the site, below --root those of its etc/passwd. */
import type { Account } from "../auth/types.ts";
import type { Owner } from "../keeper/owner_files.ts";
import { findSystemUser, type Identity } from "../net/privileges.ts";
import { MaildropError } from "../pop3/maildrop.ts";
import { openFiles } from "../validate/files.ts";
import { openUsers } from "../validate/passwd.ts";
import { binaryPath, system } from "../validate/system.ts";
import type { SiteLookup } from "../validate/types.ts";

/** A user by name; null: there is none. */
export type FindUser = (name: string) => Identity | null;

/**
 * Users below a root come from its etc/passwd, read again when it changes, before the system is asked. `keepMs`: how old what is
 * known of that file may be.
 */
export function openFindUser(root: string, keepMs = 0): FindUser {
  if (root === "") return findSystemUser;
  const files = openFiles(binaryPath(root), 0, system(), keepMs);
  const users = openUsers(files, { rooted: true, source: "passwd", fresh: true });
  return (name) => {
    files.begin();
    users.begin();
    const found = users.find(name);
    // The system's groups of somebody of this name are not his.
    return found === null ? findSystemUser(name) : { uid: found.uid, gid: found.gid, name: null };
  };
}

const permanent = (account: Account, why: string): MaildropError =>
  new MaildropError(
    "permanent",
    `The owner of login "${account.login}"'s maildrop is not known: ${why}`,
  );

/**
 * The owner of an account's maildrop: what the users file says of it, else what the look-up says of the login as an address.
 * @throws {MaildropError} when there is none, or when it would be root.
 */
export function ownerOf(account: Account, findUser: FindUser, lookup: SiteLookup): Owner {
  const owner = account.uid === null && account.user === null
    ? throughLookup(account, lookup)
    : named(account, findUser, lookup);
  if (owner.uid === 0) {
    throw permanent(account, "it would be root (uid 0), whose mail nobody reads here");
  }
  return owner;
}

function named(account: Account, findUser: FindUser, lookup: SiteLookup): Owner {
  const { uid, gid, user } = account;
  if (uid !== null && gid !== null) return { uid, gid };
  if (uid === null) {
    const found = findUser(user ?? "");
    if (found === null) throw permanent(account, `there is no user "${user}"`);
    return { uid: found.uid, gid: gid ?? found.gid };
  }
  const looked = throughLookup(account, lookup);
  if (looked.uid !== uid) throw permanent(account, `the users file gives uid ${uid} without a gid`);
  return looked;
}

function throughLookup(account: Account, lookup: SiteLookup): Owner {
  const result = lookup.lookup(account.login);
  if (result.uid !== undefined && result.gid !== undefined) {
    return { uid: result.uid, gid: result.gid };
  }
  if (result.verdict === "deferred") throw new MaildropError("temporary", result.reason);
  throw permanent(
    account,
    `the users file names none and the look-up none either (${result.reason})`,
  );
}
