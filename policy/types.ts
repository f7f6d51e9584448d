/**
 * The words of policy: stages of a session, the facts known at each, and what a check may say about
 * them.
 *
 * A check is a pure function of facts: no clock, no file, no socket. What it needs to know from
 * elsewhere (the DNS, the greylist) it names as data, and the caller finds it out. Nothing has an
 * opinion by default.
 */
import type { DnsAnswer, QueryType } from "../dns/types.ts";
import type { ReverseResult } from "../dns/reverse.ts";
import type { SpfResult } from "./spf.ts";

/**
 * Where a session stands. rcpt: syntax is right, nobody was asked yet; rcpt_valid: qmail would
 * deliver; data: the command DATA, before 354; data_header and data_end: the header, the whole
 * message.
 */
export type Stage =
  | "connect"
  | "helo"
  | "mail"
  | "rcpt"
  | "rcpt_valid"
  | "data"
  | "data_header"
  | "data_end";

/** off: not judged; shadow: judged and traced, not applied; on: applied. */
export type Mode = "off" | "shadow" | "on";

/** What a check says when the DNS can't answer it: no opinion, or 451. */
export type DnsTrouble = "pass" | "defer";

/** Every check. Their order is that of CHECK_ORDER in mod.ts. */
export type CheckName =
  | "mailrules"
  | "counters"
  | "ban"
  | "rates"
  | "early_talker"
  | "strict_pipelining"
  | "check_fqdn"
  | "decoy"
  | "harvest"
  | "helo"
  | "badmailfrom"
  | "own_sender"
  | "badrcptto"
  | "null_sender"
  | "reject_if_any"
  | "rblsmtpd"
  | "reverse_dns"
  | "dnsbl"
  | "helo_dns"
  | "sender_domain"
  | "spf"
  | "greylist"
  | "header_limits"
  | "header_rules"
  | "patterns"
  | "dkim"
  | "arc"
  | "dmarc"
  | "filter"
  | "spamd";

/** An answer of policy; ids and texts stand in replies.ts. */
export interface PolicyReply {
  readonly id: string;
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** No opinion. */
export interface NoVerdict {
  readonly kind: "none";
}

/**
 * Somebody vouches. final: nothing more is asked, not even the look-up; else later checks may still
 * refuse.
 */
export interface AcceptVerdict {
  readonly kind: "accept";
  readonly final: boolean;
  /** Exactly one: "check" or "check: entry that decided". */
  readonly rule: string;
  readonly reason: string;
  /** Text of the 250 when the rule has one, else "". */
  readonly text: string;
}

/** Not now (defer) or not at all (refuse). */
export interface AgainstVerdict {
  readonly kind: "defer" | "refuse";
  readonly reply: PolicyReply;
  readonly rule: string;
  /** One sentence for the trace; never shown to the client. */
  readonly reason: string;
  /** The session ends with this answer. */
  readonly ends: boolean;
}

export type Verdict = NoVerdict | AcceptVerdict | AgainstVerdict;

/** The other end, as far as policy cares. */
export interface ClientFacts {
  /** Numeric text; "unknown" on standard input. */
  readonly ip: string;
  /** Its /24 or /64, as networks.ts writes it. */
  readonly network: string;
  readonly isLoopback: boolean;
  /** RELAYCLIENT is set. */
  readonly isRelayClient: boolean;
  /** Who logged in; null: nobody. */
  readonly login: string | null;
  /** Named by the administrator as one that forwards mail for us. */
  readonly isForwarder: boolean;
  /** RBLSMTPD and the like; null: nothing is set. */
  readonly env: Readonly<Record<string, string>>;
}

/** How often within the windows that are configured, this time included. */
export interface RecentFacts {
  readonly connections: number;
  readonly messages: number;
  readonly recipients: number;
  readonly invalidRecipients: number;
  /** Of who logged in, from whatever address; 0 without a login. */
  readonly loginMessages: number;
  readonly loginRecipients: number;
}

/** Sessions open now, this one included. */
export interface SessionCounts {
  readonly all: number;
  readonly address: number;
  readonly network: number;
}

/** A ban that holds now. Times in milliseconds since 1970. */
export interface BanFacts {
  readonly network: string;
  readonly reason: string;
  readonly untilMs: number;
}

/** Limits of a transaction; 0: none. Sizes in bytes. */
export interface Limits {
  readonly maxRecipients: number;
  /** Too many recipients refuse the whole message. */
  readonly refusesWhole: boolean;
  readonly maxMessages: number;
  readonly maxHops: number;
  readonly dataBytes: number;
}

export interface ConnectFacts {
  readonly client: ClientFacts;
  readonly sessions: SessionCounts;
  readonly recent: RecentFacts;
  readonly ban: BanFacts | null;
  /** It talked before the greeting. */
  readonly spokeEarly: boolean;
}

export interface HeloFacts {
  readonly client: ClientFacts;
  /** The name as sent; "" before HELO or without a name. */
  readonly helo: string;
  /**
   * Input was waiting behind a command that must be the last of its group (RFC 2920 section 3.1).
   */
  readonly hasMoreInput: boolean;
}

export interface MailFacts extends HeloFacts {
  /** The reverse-path, "" for a null sender. */
  readonly sender: string;
  /** SIZE as declared; 0: not declared. */
  readonly sizeBytes: number;
  /** Messages of this session before this one. */
  readonly messages: number;
  readonly limits: Limits;
  readonly recent: RecentFacts;
}

export interface RcptFacts extends MailFacts {
  readonly recipient: string;
  /** Recipients accepted in this transaction. */
  readonly accepted: number;
  /** Recipients offered in it, this one included. */
  readonly offered: number;
  /** A rule accepted the sender for good. */
  readonly isSenderFinal: boolean;
  /** postmaster, abuse and who else always gets mail. */
  readonly isAlwaysAccepted: boolean;
  /** The client's network guesses recipients; it learns nothing for a while. */
  readonly isHarvesting: boolean;
}

export interface RcptValidFacts extends RcptFacts {
  /** Mail to it goes to a list's subscribers. */
  readonly isListPosting: boolean;
}

/** Recipients of a transaction that were refused, by reason. */
export interface RefusedCounts {
  readonly badrcptto: number;
  readonly relay: number;
  readonly invalid: number;
}

export interface DataFacts extends MailFacts {
  readonly accepted: number;
  readonly offered: number;
  readonly refused: RefusedCounts;
  readonly isAlwaysAccepted: boolean;
}

export interface HeaderFacts extends DataFacts {
  /** Received and Delivered-To fields, the larger of both numbers. */
  readonly hops: number;
}

export interface EndFacts extends HeaderFacts {
  readonly bytes: number;
}

/** What is known at a stage. */
export interface FactsOf {
  readonly connect: ConnectFacts;
  readonly helo: HeloFacts;
  readonly mail: MailFacts;
  readonly rcpt: RcptFacts;
  readonly rcpt_valid: RcptValidFacts;
  readonly data: DataFacts;
  readonly data_header: HeaderFacts;
  readonly data_end: EndFacts;
}

/** Who wants to send what to whom, as the greylist knows it. */
export interface Triplet {
  readonly network: string;
  readonly sender: string;
  readonly recipient: string;
}

/** What the greylist knows. allowed: this network has shown often enough that it tries again. */
export type GreyAnswer =
  | { readonly status: "new" | "early"; readonly waitSeconds: number }
  | { readonly status: "passed" | "allowed" };

/** Something a check must know first. */
export type Need =
  | { readonly kind: "dns"; readonly name: string; readonly type: QueryType }
  | { readonly kind: "reverse"; readonly ip: string }
  | { readonly kind: "spf"; readonly ip: string; readonly helo: string; readonly sender: string }
  | { readonly kind: "greylist"; readonly triplet: Triplet };

/** What SPF said, and of whom: a session may have several senders. */
export interface SpfFound {
  readonly helo: string;
  /** The reverse-path, "" for a null sender. */
  readonly sender: string;
  readonly spf: SpfResult;
}

/** What was found out so far; undefined or null: not asked. */
export interface Known {
  readonly dns: (name: string, type: QueryType) => DnsAnswer | undefined;
  readonly reverse: ReverseResult | null;
  /** Of the sender asked about last; spfOf in spf_check.ts knows whether it is this one. */
  readonly spf: SpfFound | null;
  readonly greylist: GreyAnswer | null;
  /** Zones that failed their self-test. */
  readonly isDeadZone: (zone: string) => boolean;
}

/** Nothing found out. */
export const NOTHING_KNOWN: Known = {
  dns: () => undefined,
  reverse: null,
  spf: null,
  greylist: null,
  isDeadZone: () => false,
};

/**
 * Whom a check never troubles. trusted: relay clients and who logged in; recipient: always
 * accepted; sender: accepted for good by a rule at MAIL.
 */
export type Spared = "trusted" | "loopback" | "forwarder" | "recipient" | "sender";

/** One check at one stage. */
export interface Check<S extends Stage> {
  readonly name: CheckName;
  readonly stage: S;
  readonly spares: readonly Spared[];
  /**
   * What is still to be found out before `judge`; asked again after each finding, until it is
   * empty.
   */
  readonly needs?: (facts: FactsOf[S], known: Known) => readonly Need[];
  readonly judge: (facts: FactsOf[S], known: Known) => Verdict;
  /** What was seen, for the trace, whatever the verdict; "" for nothing. */
  readonly findings?: (facts: FactsOf[S], known: Known) => string;
}

/** A check of any stage. */
export type AnyCheck = { [S in Stage]: Check<S> }[Stage];
