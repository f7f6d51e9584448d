/** Where a login's mail is: the user file's home and Maildir, or else what the look-up says of the login as an address. */
import type { Account } from "../auth/types.ts";
import { createMaildropCache, type MaildropCache } from "../pop3/maildrop_cache.ts";
import { type Maildrop, MaildropError } from "../pop3/maildrop.ts";
import { LOCAL_FILES } from "../pop3/maildrop_files.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import { traceLookup, wantsSteps } from "../validate/steps.ts";
import { answerOf, type LookupResult, type SiteLookup } from "../validate/types.ts";
import { denoPath } from "../validate/system.ts";

/** Opens an account's maildrop. Throws, or rejects with, a MaildropError. */
export type OpenMaildrop = (account: Account, session: number) => Maildrop | Promise<Maildrop>;

/** Maildirs read with the rights of this process. */
export function openMaildropCache(settings: Settings, tracer: Tracer): MaildropCache {
  return createMaildropCache({
    files: LOCAL_FILES,
    sizes: settings.pop3_sizes,
    locks: settings.pop3_lock,
    maxMessages: settings.pop3_cache_messages,
    tracer,
    clock: Date.now,
  });
}

/** Opens maildrops below `place.root`; listings are kept between logins. */
export function openMaildrops(
  place: { readonly root: string },
  settings: Settings,
  lookup: SiteLookup,
  tracer: Tracer,
): OpenMaildrop {
  const cache = openMaildropCache(settings, tracer);
  return (account, session) => {
    const say = (result: LookupResult) => traceLookup(tracer, session, result);
    const explain = wantsSteps(tracer) ? say : undefined;
    return cache.open(maildirOf(account, place.root, lookup, explain), session);
  };
}

/** The Maildir of an account; `explain` gets the look-up with its steps, where there is one. @throws {MaildropError} */
export function maildirOf(
  account: Account,
  root: string,
  lookup: SiteLookup,
  explain?: (result: LookupResult) => void,
): string {
  const binary = account.home === null
    ? throughLookup(account, root, lookup, explain)
    : below(account.home, account.maildir ?? "Maildir", root);
  const path = denoPath(binary);
  if (path === null) throw new MaildropError("permanent", `The path "${binary}" is not UTF-8`);
  return path;
}

const below = (home: string, maildir: string, root: string): string =>
  (maildir.startsWith("/") ? root + maildir : `${root}${home}/${maildir}`).replace(
    /(?<=.)\/+$/,
    "",
  );

function throughLookup(
  account: Account,
  root: string,
  lookup: SiteLookup,
  explain: ((result: LookupResult) => void) | undefined,
): string {
  const result = lookup.lookup(account.login, explain !== undefined);
  explain?.(result);
  const answer = answerOf(result);
  if (answer === "undecided") throw new MaildropError("temporary", result.reason);
  const places = answer === "deliverable" ? lookup.maildirsOf(result) : null;
  if (places === null) {
    const why = `the users file names no home and the look-up none either (${result.reason})`;
    throw new MaildropError(
      "permanent",
      `No maildrop is known for login "${account.login}": ${why}`,
    );
  }
  if (account.maildir !== null) return below(places.home.slice(root.length), account.maildir, root);
  const first = places.maildirs[0];
  if (first === undefined) {
    const why = "its delivery instructions name no Maildir";
    throw new MaildropError(
      "permanent",
      `No maildrop is known for login "${account.login}": ${why}`,
    );
  }
  return first;
}
