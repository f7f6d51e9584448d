/**
 * Where an account's Maildir is: as the user file says, and where it is silent, as qmail would find the home of the
 * login's address (validate/). Answers with a path, or says why there is none.
 *
 * Does not read dot-qmail files: a mailbox that is not "Maildir" in the home is named in the user file.
 */
import type { Account } from "../auth/types.ts";
import { answerOf, type LookupResult, type LookupService } from "../validate/types.ts";
import { MaildropError } from "./maildrop.ts";

/** Binary text (one char a byte) as the UTF-8 text that file names are. @throws {MaildropError} when it is none. */
function fileName(binary: string): string {
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MaildropError("permanent", `"${binary}" is not UTF-8 and can't be opened`);
  }
}

function join(root: string, home: string, maildir: string): string {
  const path = maildir.startsWith("/") ? maildir : `${home}/${maildir}`;
  if (!path.startsWith("/")) {
    throw new MaildropError("permanent", `Maildir "${path}" is not an absolute path`);
  }
  return root + fileName(path.replace(/\/+$/, ""));
}

function fromLookup(root: string, maildir: string, found: LookupResult): string {
  const answer = answerOf(found);
  if (answer === "undecided") throw new MaildropError("temporary", found.reason);
  if (answer === "undeliverable" || found.home === undefined) {
    throw new MaildropError("permanent", `"${found.address}" has no home: ${found.reason}`);
  }
  return join(root, found.home, maildir);
}

/**
 * The Maildir of `account`, below `root` ("" for the machine itself).
 * @throws {MaildropError} when there is none (a rejection where the look-up has to be waited for).
 */
export function locateMaildir(
  account: Account,
  lookup: Pick<LookupService, "lookup">,
  root: string,
): string | Promise<string> {
  const maildir = account.maildir ?? "Maildir";
  if (maildir.startsWith("/")) return join(root, "", maildir);
  if (account.home !== null) return join(root, account.home, maildir);
  const found = lookup.lookup(account.login);
  if (!(found instanceof Promise)) return fromLookup(root, maildir, found);
  return found.then((result) => fromLookup(root, maildir, result));
}
