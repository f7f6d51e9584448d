/**
 * The maildrop of a POP3 session that was started as root, as qmail-popup is: a right login makes the process its owner, for
 * good, before anything of the Maildir is looked at (what checkpassword does before qmail-pop3d). Never as root.
 *
 * One session, one process, one maildrop. Where the Maildir is and whose is found out as root, since homes may be closed.
 */
import type { Account } from "../auth/types.ts";
import { dropTo, type Identity, PrivilegeError } from "../net/privileges.ts";
import { MaildropError } from "../pop3/maildrop.ts";
import type { MaildropCache } from "../pop3/maildrop_cache.ts";
import type { SiteLookup } from "../validate/types.ts";
import { maildirOf, type OpenMaildrop } from "./maildrops.ts";
import { openFindUser, ownerOf } from "./owners.ts";

/** The owner with the name that his groups are known by. @throws {MaildropError} when it would be root. */
function identityOf(account: Account, root: string, lookup: SiteLookup): Identity {
  const findUser = openFindUser(root);
  const { uid, gid } = ownerOf(account, findUser, lookup);
  if (gid === 0) {
    throw new MaildropError(
      "permanent",
      `The maildrop of login "${account.login}" is ${uid}:${gid}, and root's group reads no mail here`,
    );
  }
  const name = account.user ?? lookup.lookup(account.login).user ?? "";
  const known = findUser(name);
  return { uid, gid, name: known?.uid === uid && known.gid === gid ? known.name : null };
}

/**
 * Opens one maildrop below `root` as its owner. The function throws, or rejects with, a MaildropError; the process is then
 * of no further use. `become` is dropTo but in tests.
 */
export function openOwnMaildrop(
  root: string,
  lookup: SiteLookup,
  cache: MaildropCache,
  become: (identity: Identity) => void = dropTo,
): OpenMaildrop {
  return (account, session) => {
    const path = maildirOf(account, root, lookup);
    try {
      become(identityOf(account, root, lookup));
    } catch (error) {
      throw error instanceof PrivilegeError ? new MaildropError("temporary", error.message) : error;
    }
    return cache.open(path, session);
  };
}
