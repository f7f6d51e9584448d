/**
 * The settings of policy and its control files, made into checks: what a session takes as its
 * snapshot.
 *
 * Control files: badmailfrom, badrcptto, badhelo, trapto, listposts. A missing one is an empty one.
 * What can't be meant is a sentence in `notes`, and what it would have asked for is left out; a
 * file that can't be read is the caller's trouble.
 */
import type { Setting } from "../settings/kinds.ts";
import type { POLICY_SETTINGS } from "../settings/policy.ts";
import type { ControlFiles } from "../validate/types.ts";
import { lowerAscii } from "./addresses.ts";
import { readAlwaysAccept } from "./always_accept.ts";
import { badMailFrom, readBadMailFrom } from "./bad_mail_from.ts";
import { badRcptTo, readBadRcptTo } from "./bad_rcpt_to.ts";
import { ban, type BanTerms } from "./bans.ts";
import { addressQualifier, readSenderDomains, recipientFqdn, senderFqdn } from "./check_fqdn.ts";
import { decoy, readDecoys } from "./decoy.ts";
import { dnsbl } from "./dnsbl.ts";
import { DnsblError, type DnsblList, readDnsblList } from "./dnsbl_lists.ts";
import { greylist, type GreyTerms } from "./greylist.ts";
import { type GuessTerms, harvest } from "./guesses.ts";
import { helo, heloDns, readBadHelo } from "./helo.ts";
import { type MailRules, recipientRules, senderRules } from "./mailrules.ts";
import { earlyTalker, strictPipelining } from "./manners.ts";
import { makePolicy, type Policy } from "./mod.ts";
import { readNetworks } from "./networks.ts";
import { nullSenderOnce, nullSenderToList } from "./null_sender.ts";
import { ownSender } from "./own_sender.ts";
import { rates } from "./rates.ts";
import { rblsmtpd } from "./rblsmtpd.ts";
import { rejectIfAny } from "./reject_if_any.ts";
import { reverseDns } from "./reverse_dns.ts";
import { senderDomain } from "./sender_domain.ts";
import { type AuthenticitySettings, spfChecks, type SpfService } from "./spf_check.ts";
import type { TarpitTerms } from "./tarpit.ts";
import type { AnyCheck, CheckName, Mode, RefusedCounts } from "./types.ts";

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The values of settings/policy.ts and settings/authenticity.ts. */
export type PolicySettings =
  & { readonly [K in keyof typeof POLICY_SETTINGS]: ValueOf<(typeof POLICY_SETTINGS)[K]> }
  & AuthenticitySettings;

/** What policy must be told beside its settings. */
export interface PolicySite {
  readonly control: ControlFiles;
  /** The process' or a connection rule's: SENDER_DOMAINS, DEFAULTHOST, RBLSMTPD, SPFBEHAVIOR ... */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Is this domain, in lower case, one of ours? */
  readonly isOwnDomain: (domain: string) => boolean;
  /** Our own names and addresses, canonical: nobody else is called so. */
  readonly ownNames: ReadonlySet<string>;
  /** null: there are none. */
  readonly mailRules: MailRules | null;
}

/** What is only noted where somebody asks for it. */
export interface Watched {
  /** Connections, messages and recipients over time. */
  readonly rates: boolean;
  /** Valid and invalid recipients. */
  readonly guesses: boolean;
  /** Whether the client is guessing now. */
  readonly harvest: boolean;
}

/** A snapshot. */
export interface PolicyConfig {
  readonly policy: Policy;
  /** Rules whose effects (environment, sizes) are applied; null: none are. */
  readonly mailRules: MailRules | null;
  readonly spf: SpfService;
  readonly watches: Watched;
  /** How long strangers wait for the greeting; 0: only looked whether they spoke; null: neither. */
  readonly greetDelaySeconds: number | null;
  /** Who is refused by a list may first say all he came for. */
  readonly captures: boolean;
  readonly isAlwaysAccepted: (recipient: string) => boolean;
  /** Completes an address (DEFAULTHOST, DEFAULTDOMAIN) before anybody judges it; null: addresses stay as they are. */
  readonly qualify: ((address: string) => string) | null;
  readonly isForwarder: (ip: string) => boolean;
  readonly dnsblLists: readonly DnsblList[];
  readonly tarpit: TarpitTerms;
  readonly bans: BanTerms;
  readonly guesses: GuessTerms;
  readonly greylist: GreyTerms;
  /** Sentences for the administrator about what has no effect. */
  readonly notes: readonly string[];
}

/** Networks, addresses and triplets that are remembered at most. */
const MAX_KEPT = 100_000;
/** Bans that are remembered at most. */
const MAX_BANS = 10_000;

const KINDS: readonly (keyof RefusedCounts)[] = ["badrcptto", "relay", "invalid"];

/**
 * Makes the snapshot.
 * @throws {ControlError} when a control file can't be read
 */
export function readPolicyConfig(settings: PolicySettings, site: PolicySite): PolicyConfig {
  const notes: string[] = [];
  const lists = readLists(settings.dnsbl_lists, notes);
  const forwarders = readNetworks(settings.known_forwarders);
  const exempt = readNetworks(settings.greylist_exempt);
  for (const word of forwarders.wrong) {
    notes.push(`"${word}" of known_forwarders is neither an address nor a network`);
  }
  for (const word of exempt.wrong) {
    notes.push(`"${word}" of greylist_exempt is neither an address nor a network`);
  }
  const spf = spfChecks(settings, site.control, site.env);
  const checks = [
    ...listChecks(settings, site, notes),
    ...connectionChecks(settings, site),
    ...dnsChecks(settings, lists),
    ...(spf.terms.isWanted || spf.terms.behavior > 0 ? spf.checks : []),
    greylist({ isExempt: exempt.has, sparesSpfPass: settings.greylist_spf_pass }),
  ];
  return {
    policy: makePolicy(checks, modesOf(settings), settings.soft_reject),
    mailRules: settings.mailrules === "on" ? site.mailRules : null,
    spf,
    watches: {
      rates: settings.rates !== "off",
      guesses: settings.ban !== "off" || settings.harvest !== "off",
      harvest: settings.harvest !== "off",
    },
    greetDelaySeconds: settings.early_talker === "off" && settings.greet_delay_seconds === 0
      ? null
      : settings.greet_delay_seconds,
    captures: settings.rbl_capture,
    isAlwaysAccepted: readAlwaysAccept(settings.always_accept_rcpt),
    qualify: settings.check_fqdn === "on" ? addressQualifier(site.env) : null,
    isForwarder: forwarders.has,
    dnsblLists: settings.dnsbl === "off" ? [] : lists,
    ...termsOf(settings),
    notes,
  };
}

function modesOf(settings: PolicySettings): Readonly<Partial<Record<CheckName, Mode>>> {
  return {
    mailrules: settings.mailrules,
    ban: settings.ban,
    rates: settings.rates,
    early_talker: settings.early_talker,
    strict_pipelining: settings.strict_pipelining,
    check_fqdn: settings.check_fqdn,
    decoy: settings.decoy,
    harvest: settings.harvest,
    helo: settings.helo,
    badmailfrom: settings.badmailfrom,
    own_sender: settings.own_sender,
    badrcptto: settings.badrcptto,
    null_sender: settings.null_sender,
    reject_if_any: settings.reject_if_any,
    rblsmtpd: settings.rblsmtpd,
    reverse_dns: settings.reverse_dns,
    dnsbl: settings.dnsbl,
    helo_dns: settings.helo_dns,
    sender_domain: settings.sender_domain,
    // Where it is off, DMARC wants to know its result all the same; then it has no opinion.
    spf: settings.spf === "off" && settings.dmarc !== "off" ? "on" : settings.spf,
    greylist: settings.greylist,
  };
}

function listChecks(settings: PolicySettings, site: PolicySite, notes: string[]): AnyCheck[] {
  const { control, env, mailRules } = site;
  const bad = readBadMailFrom(control.lines("badmailfrom") ?? []);
  notes.push(...bad.notes);
  const kinds = KINDS.filter((kind) => settings.reject_if_any_of.includes(kind));
  for (const word of settings.reject_if_any_of) {
    if (!KINDS.some((kind) => kind === word)) {
      notes.push(`"${word}" of reject_if_any_of is none of ${KINDS.join(", ")}`);
    }
  }
  const lists = new Set((control.lines("listposts") ?? []).map(lowerAscii));
  const decoys = readDecoys(control.lines("trapto") ?? []);
  const badRecipients = readBadRcptTo(control.lines("badrcptto") ?? []);
  const hasBadSenders = bad.refused.size + bad.unlessTrusted.size > 0;
  // Most sites have none of these files: what would never have an opinion is not asked for one.
  return [
    ...(mailRules === null ? [] : [senderRules(mailRules), recipientRules(mailRules)]),
    senderFqdn(readSenderDomains(env["SENDER_DOMAINS"])),
    recipientFqdn(),
    ...(decoys.size > 0 ? [decoy(decoys)] : []),
    ...(hasBadSenders ? [badMailFrom(bad)] : []),
    ownSender(site.isOwnDomain),
    ...(badRecipients.size > 0 ? [badRcptTo(badRecipients)] : []),
    nullSenderOnce(),
    nullSenderToList(lists),
    rejectIfAny(kinds),
  ];
}

function connectionChecks(settings: PolicySettings, site: PolicySite): AnyCheck[] {
  return [
    ban(),
    ...rates({
      connections: settings.max_connection_rate,
      messages: settings.max_message_rate,
      recipients: settings.max_recipient_rate,
      loginMessages: settings.max_login_message_rate,
      loginRecipients: settings.max_login_recipient_rate,
    }),
    harvest(),
    earlyTalker(),
    ...strictPipelining(),
    helo({
      ours: site.ownNames,
      bad: readBadHelo(site.control.lines("badhelo") ?? []),
      wantsFullName: settings.helo_full_name,
    }),
    ...((site.env["RBLSMTPD"] ?? "") === "" ? [] : [rblsmtpd()]),
  ];
}

function dnsChecks(settings: PolicySettings, lists: readonly DnsblList[]): AnyCheck[] {
  const trouble = settings.on_dns_trouble;
  return [
    reverseDns(settings.require_rdns, trouble),
    dnsbl({ lists, threshold: settings.dnsbl_threshold, answer: settings.dnsbl_answer, trouble }),
    heloDns(trouble),
    senderDomain(trouble),
  ];
}

function readLists(words: readonly string[], notes: string[]): DnsblList[] {
  return words.flatMap((word) => {
    try {
      return [readDnsblList(word)];
    } catch (error) {
      if (!(error instanceof DnsblError)) throw error;
      notes.push(`dnsbl_lists: ${error.message}`);
      return [];
    }
  });
}

/** What the memory goes by (state.ts). */
export function termsOf(settings: PolicySettings): Pick<
  PolicyConfig,
  "tarpit" | "bans" | "guesses" | "greylist"
> {
  return {
    tarpit: {
      free: 0,
      stepSeconds: settings.tarpit_seconds,
      maxSeconds: settings.tarpit_max_seconds,
      maxWaiting: settings.tarpit_max_sessions,
    },
    bans: {
      firstSeconds: settings.ban_seconds,
      maxSeconds: settings.ban_max_seconds,
      forgetSeconds: settings.ban_forget_seconds,
      maxBans: MAX_BANS,
    },
    guesses: {
      windowSeconds: settings.ban_window_seconds,
      maxInvalid: settings.ban_invalid,
      minPercent: settings.ban_percent,
      maxKeys: MAX_KEPT,
    },
    greylist: {
      delaySeconds: settings.greylist_seconds,
      retrySeconds: settings.greylist_retry_seconds,
      keepSeconds: settings.greylist_keep_seconds,
      allowAfter: settings.greylist_allow_after,
      maxEntries: MAX_KEPT,
    },
  };
}

/** A policy without any check: nobody is judged. */
export const NO_POLICY: PolicyConfig = {
  policy: makePolicy([], {}),
  mailRules: null,
  spf: {
    terms: { mode: "off", behavior: 0, isWanted: false },
    checks: [],
    policy: () => ({}),
  },
  watches: { rates: false, guesses: false, harvest: false },
  greetDelaySeconds: null,
  captures: false,
  isAlwaysAccepted: () => false,
  qualify: null,
  isForwarder: () => false,
  dnsblLists: [],
  tarpit: { free: 0, stepSeconds: 0, maxSeconds: 0, maxWaiting: 0 },
  bans: { firstSeconds: 1, maxSeconds: 1, forgetSeconds: 1, maxBans: 1 },
  guesses: { windowSeconds: 1, maxInvalid: 0, minPercent: 100, maxKeys: 1 },
  greylist: { delaySeconds: 1, retrySeconds: 1, keepSeconds: 1, allowAfter: 0, maxEntries: 1 },
  notes: [],
};
