/**
 * What the bench of policy compares: one program with ever more of its checks on. Every form reads
 * the same site and gets the same mail from the same client; only settings differ.
 */
import type { WorkloadName } from "./workloads.ts";

/** One set of settings. */
export interface Form {
  readonly name: string;
  readonly settings: readonly string[];
  /** Has control/spfbehavior: there is no setting that asks SPF without. */
  readonly spf?: boolean;
  /** Puts the first mail off. */
  readonly greylist?: boolean;
  /** What the delivered message must have: that what is on was at work. */
  readonly proof: readonly RegExp[];
  readonly workloads: readonly WorkloadName[];
}

/** All that is on by default. */
const OFF = ["mailrules", "badmailfrom", "badrcptto", "decoy", "rblsmtpd", "spf"]
  .map((name) => `${name}=off`);

const on = (...names: string[]): string[] => names.map((name) => `${name}=on`);

/** Limits that a load from one address does not run into. */
const MANY = 100_000_000;
const limits = (...names: string[]): string[] => names.map((name) => `${name}=${MANY}`);

/** Sender, recipient, numbers, manners: nothing that asks the DNS. */
const ENVELOPE = [
  "mailrules_file=/var/qmail/control/mailrules",
  ...on("own_sender", "check_fqdn", "null_sender", "reject_if_any", "rates", "ban", "harvest"),
  ...limits("max_connection_rate", "max_message_rate", "max_recipient_rate", "ban_invalid"),
  ...limits("max_sessions_per_network"),
  "ban_file=log/bans",
  ...on("early_talker", "strict_pipelining", "helo", "helo_full_name"),
];
const DNS = [
  ...on("helo_dns", "reverse_dns", "dnsbl", "sender_domain"),
  ...["require_rdns=fcrdns", "dnsbl_lists=bl1.test bl2.test bl3.test"],
];
const GREYLIST = [
  ...on("greylist"),
  ...["greylist_seconds=1", "greylist_allow_after=0", "greylist_spf_pass=off"],
  "greylist_file=log/greylist",
];
const CONTENT = on("header_limits", "header_rules", "patterns", "decision_header");
const SIGNATURES = [...on("dkim", "arc", "dmarc"), "dmarc_action=reject"];
const ALL = [...ENVELOPE, ...DNS, ...GREYLIST, ...CONTENT, ...SIGNATURES];

const SPF_TOLD = /^Received-SPF: pass /m;
const LOOKED_INTO = /^X-Qfront/m;
const VERIFIED = [/^Authentication-Results: /m, /dkim=pass/, /arc=none/, /dmarc=pass/];
const ALL_TOLD = [SPF_TOLD, LOOKED_INTO, ...VERIFIED];

const BOTH: readonly WorkloadName[] = ["w1", "w1b", "w2"];

/** The forms, each with what the one before has, but for the last two. */
export const FORMS: readonly Form[] = [
  { name: "off", settings: OFF, proof: [], workloads: BOTH },
  { name: "default", settings: [], proof: [], workloads: BOTH },
  { name: "envelope", settings: ENVELOPE, proof: [], workloads: BOTH },
  {
    name: "dns",
    settings: [...ENVELOPE, ...DNS, ...GREYLIST],
    spf: true,
    greylist: true,
    proof: [SPF_TOLD],
    workloads: BOTH,
  },
  {
    name: "content",
    settings: [...ENVELOPE, ...DNS, ...GREYLIST, ...CONTENT],
    spf: true,
    greylist: true,
    proof: [SPF_TOLD, LOOKED_INTO],
    workloads: ["w2"],
  },
  {
    name: "all",
    settings: ALL,
    spf: true,
    greylist: true,
    proof: ALL_TOLD,
    workloads: BOTH,
  },
  {
    name: "all, spamd",
    settings: [...ALL, "spamd=on"],
    spf: true,
    greylist: true,
    proof: [...ALL_TOLD, /^X-Spam-Score: 1\.0/m],
    workloads: ["w2"],
  },
  {
    name: "all, filter",
    settings: [...ALL, "filter=on", "filter_program=/usr/bin/tail -c 0"],
    spf: true,
    greylist: true,
    proof: ALL_TOLD,
    workloads: ["w2"],
  },
];
