/** What a generation's settings mean for policy's memory: its terms, and what is noted at all. */
import type { PolicyConfig, PolicySettings } from "./config.ts";
import type { RecentFacts } from "./types.ts";

/** The terms of a generation. */
export type StateTerms = Pick<PolicyConfig, "tarpit" | "bans" | "guesses" | "greylist">;

/** The settings that say what is remembered at all. */
export type StateSettings = Pick<
  PolicySettings,
  | "ban"
  | "ban_file"
  | "harvest"
  | "greylist"
  | "greylist_file"
  | "rates"
  | "rate_seconds"
>;

export const NOTHING_RECENT: RecentFacts = {
  connections: 0,
  messages: 0,
  recipients: 0,
  invalidRecipients: 0,
  loginMessages: 0,
  loginRecipients: 0,
};

/** No terms yet: nothing is noted before `use`. */
export const NO_TERMS: StateTerms = {
  tarpit: { free: 0, stepSeconds: 0, maxSeconds: 0, maxWaiting: 0 },
  bans: { firstSeconds: 1, maxSeconds: 1, forgetSeconds: 1, maxBans: 1 },
  guesses: { windowSeconds: 60, maxInvalid: 0, minPercent: 100, maxKeys: 1 },
  greylist: { delaySeconds: 1, retrySeconds: 1, keepSeconds: 1, allowAfter: 0, maxEntries: 1 },
};

/** What is noted. */
export interface Noted {
  readonly bans: boolean;
  readonly guesses: boolean;
  readonly rates: boolean;
  readonly greylist: boolean;
}

export const NOTHING_NOTED: Noted = { bans: false, guesses: false, rates: false, greylist: false };

/** What these settings ask for; a check in shadow needs it as well. */
export function notedOf(terms: StateTerms, settings: StateSettings): Noted {
  const bans = settings.ban !== "off";
  return {
    bans,
    guesses: (bans || settings.harvest !== "off") && terms.guesses.maxInvalid > 0,
    rates: settings.rates !== "off",
    greylist: settings.greylist !== "off",
  };
}
