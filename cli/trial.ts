/**
 * A site, opened to be asked what it would answer: the code that serves, its trace to who asks, nothing waited for, mail
 * nowhere, and no file changed.
 */
import type { Resolver } from "../dns/types.ts";
import { createTrialDesk } from "../replay/trial_desk.ts";
import type { TrialSite } from "../replay/types.ts";
import type { ParsedArgs } from "./command.ts";
import { siteRules } from "./rules.ts";
import { openSite, type Site, type SiteOptions } from "./site.ts";

/** How a site is tried. */
export interface TrialOptions {
  /**
   * Policy begins knowing nothing and remembers one attempt for the next (greylist, rates, guesses). Absent: it answers by
   * the files of bans and greylist as they are, and notes nothing.
   */
  readonly remembers?: boolean;
  /** How old, in milliseconds, what is known of files may be; absent: nothing is taken for granted. */
  readonly keepMs?: number;
  readonly asRoot?: SiteOptions["asRoot"];
  /** Asked in place of the DNS; absent: the DNS is asked, or the file that the settings name. */
  readonly resolver?: Resolver | undefined;
}

/** A site under trial. */
export interface Trial extends TrialSite {
  readonly site: Site;
  close(): Promise<void>;
}

/** State files that a memory of its own must never reach. */
const NO_FILES = ["ban_file=", "greylist_file="];

function withoutFiles(args: ParsedArgs): ParsedArgs {
  return {
    ...args,
    values: (name) => name === "set" ? [...args.values(name), ...NO_FILES] : args.values(name),
  };
}

/** Opens the site of `args` for a trial. @throws {UsageError} or {SiteError} */
export async function openTrial(args: ParsedArgs, options: TrialOptions = {}): Promise<Trial> {
  const { remembers = false, keepMs = 0, asRoot, resolver } = options;
  const desk = createTrialDesk();
  const site = await openSite(remembers ? withoutFiles(args) : args, {
    isService: false,
    tracer: desk.tracer,
    discardMail: true,
    asRoot,
    trial: {
      clock: desk.clock,
      witness: desk.witness,
      knownOf({ session }) {
        const login = desk.loginOf(session);
        return login === null ? undefined : { helo: null, extended: false, login, tls: null };
      },
      remembers,
      keepMs,
      resolver,
    },
  });
  const rules = siteRules(site, Deno.env.toObject(), resolver);
  return {
    site,
    desk,
    rules,
    smtp: {
      name: "smtp",
      open: (peer, output) => site.current.smtp.open(peer, output),
      refuse: (reason) => site.current.smtp.refuse(reason),
    },
    close: () => site.close(),
  };
}
