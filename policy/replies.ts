/**
 * Every reply of policy, once: stable id, code (RFC 5321), enhanced status code (RFC 3463) and
 * text.
 *
 * As smtp/replies.ts, from which these become bytes. Where qmail's patches and mailfront answer in
 * words of their own, the words here are ours; the codes are those of today's registry.
 */
import type { AcceptVerdict, AgainstVerdict, NoVerdict, PolicyReply } from "./types.ts";

function reply(id: string, code: number, enhanced: string, text: string): PolicyReply {
  return { id, code, enhanced, text };
}

export const POLICY_REPLIES = {
  sessions_of_address: reply("sessions_of_address", 421, "4.7.0", "too many sessions of yours"),
  sessions_of_network: reply(
    "sessions_of_network",
    421,
    "4.7.0",
    "too many sessions of your network",
  ),
  sessions_in_all: reply("sessions_in_all", 421, "4.3.2", "too many sessions, try again later"),
  too_fast: reply("too_fast", 421, "4.7.0", "you connect too often, try again later"),
  messages_too_fast: reply("messages_too_fast", 450, "4.7.1", "too many messages, try again later"),
  recipients_too_fast: reply(
    "recipients_too_fast",
    450,
    "4.7.1",
    "too many recipients, try again later",
  ),
  banned: reply("banned", 554, "5.7.1", "your network is refused for a while"),
  early_talker: reply("early_talker", 554, "5.5.0", "you talked before the greeting"),
  pipelined: reply("pipelined", 554, "5.5.0", "commands came before their turn"),
  message_limit: reply("message_limit", 421, "4.7.0", "too many messages in one session"),
  too_big: reply("too_big", 552, "5.3.4", "message is larger than this server takes"),
  too_many_recipients: reply("too_many_recipients", 452, "4.5.3", "too many recipients"),
  recipients_overflow: reply("recipients_overflow", 550, "5.5.3", "too many recipients"),
  too_many_hops: reply("too_many_hops", 554, "5.4.6", "too many hops, this message is looping"),
  sender_no_domain: reply("sender_no_domain", 554, "5.1.7", "sender is missing a domain name"),
  sender_not_full: reply(
    "sender_not_full",
    554,
    "5.1.7",
    "sender does not have a fully qualified domain name",
  ),
  sender_domain_closed: reply(
    "sender_domain_closed",
    554,
    "5.7.1",
    "sender has a domain that is not allowed here",
  ),
  recipient_no_domain: reply(
    "recipient_no_domain",
    554,
    "5.1.3",
    "recipient is missing a domain name",
  ),
  recipient_not_full: reply(
    "recipient_not_full",
    554,
    "5.1.3",
    "recipient does not have a fully qualified domain name",
  ),
  recipient_empty: reply("recipient_empty", 554, "5.1.3", "recipient may not be empty"),
  bad_sender: reply("bad_sender", 553, "5.7.1", "sender is in the list of unwanted senders"),
  own_sender: reply("own_sender", 550, "5.7.1", "mail of this domain is not taken from outside"),
  bad_recipient: reply("bad_recipient", 553, "5.1.1", "recipient takes no mail"),
  any_bad_recipient: reply(
    "any_bad_recipient",
    553,
    "5.7.1",
    "a recipient of this message was refused, so the message is",
  ),
  bounce_recipients: reply(
    "bounce_recipients",
    550,
    "5.7.1",
    "a message without sender goes to one recipient",
  ),
  bounce_to_list: reply("bounce_to_list", 550, "5.7.1", "this list takes no mail without sender"),
  decoy_only: reply("decoy_only", 554, "5.5.1", "no valid recipients"),
  rule_refused: reply("rule_refused", 553, "5.7.1", "refused"),
  rule_deferred: reply("rule_deferred", 451, "4.7.1", "deferred"),
  rules_unusable: reply("rules_unusable", 421, "4.3.0", "unable to read rules, try again later"),
  harvest: reply("harvest", 451, "4.7.1", "recipient can't be checked now, try again later"),
  helo_missing: reply("helo_missing", 550, "5.7.1", "say HELO or EHLO first"),
  helo_syntax: reply("helo_syntax", 550, "5.7.1", "your HELO is neither name nor address"),
  helo_ours: reply("helo_ours", 550, "5.7.1", "your HELO is my own name"),
  helo_bad: reply("helo_bad", 550, "5.7.1", "your HELO is in the list of unwanted names"),
  helo_unknown: reply("helo_unknown", 450, "4.7.1", "your HELO is not known to the DNS"),
  helo_undecided: reply("helo_undecided", 451, "4.4.3", "the DNS does not answer"),
  rbl_refused: reply("rbl_refused", 553, "5.7.1", "your address is blocked"),
  rbl_deferred: reply("rbl_deferred", 451, "4.7.1", "your address is blocked for now"),
  reverse_missing: reply("reverse_missing", 451, "4.7.25", "your address has no name in the DNS"),
  reverse_mismatch: reply(
    "reverse_mismatch",
    451,
    "4.7.25",
    "your address and its name in the DNS do not agree",
  ),
  reverse_undecided: reply("reverse_undecided", 451, "4.4.3", "the DNS does not answer"),
  dnsbl: reply("dnsbl", 553, "5.7.1", "your address is listed"),
  dnsbl_undecided: reply("dnsbl_undecided", 451, "4.4.3", "the DNS does not answer"),
  sender_domain_unknown: reply(
    "sender_domain_unknown",
    550,
    "5.1.8",
    "domain of the sender does not exist",
  ),
  sender_domain_no_mail: reply(
    "sender_domain_no_mail",
    550,
    "5.7.27",
    "domain of the sender takes no mail",
  ),
  sender_domain_undecided: reply(
    "sender_domain_undecided",
    451,
    "4.4.3",
    "domain of the sender can't be found now",
  ),
  // Codes of RFC 7372.
  spf_refused: reply(
    "spf_refused",
    550,
    "5.7.23",
    "SPF does not allow this sender from your address",
  ),
  spf_invalid: reply("spf_invalid", 550, "5.7.24", "SPF record of the sender can't be used"),
  spf_undecided: reply("spf_undecided", 451, "4.7.24", "SPF can't be asked now, try again later"),
  greylisted: reply("greylisted", 451, "4.7.1", "greylisted, try again later"),
} as const;

/** Of checks that look into messages. */
export const CONTENT_REPLIES = {
  content_undecided: reply(
    "content_undecided",
    451,
    "4.3.0",
    "message can't be checked now, try again later",
  ),
  header_recipients: reply(
    "header_recipients",
    554,
    "5.7.1",
    "header has more recipients than this server takes",
  ),
  header_bcc: reply("header_bcc", 554, "5.7.1", "header shows hidden recipients (Bcc)"),
  header_size: reply("header_size", 554, "5.7.1", "header is larger than this server takes"),
  header_rule: reply("header_rule", 554, "5.7.1", "this message is not wanted here"),
  header_rule_deferred: reply(
    "header_rule_deferred",
    451,
    "4.7.1",
    "this message is not wanted here now",
  ),
  // 5.7.26 of RFC 7372: more than one check of authenticity failed.
  dmarc_refused: reply("dmarc_refused", 550, "5.7.26", "mail of this author must pass DMARC"),
  dmarc_undecided: reply(
    "dmarc_undecided",
    451,
    "4.7.26",
    "DMARC can't be asked now, try again later",
  ),
  pattern: reply("pattern", 554, "5.7.1", "This message contains prohibited content"),
  filter_refused: reply("filter_refused", 554, "5.7.1", "message refused by a filter"),
  filter_deferred: reply("filter_deferred", 451, "4.7.1", "message put off by a filter"),
  filter_trouble: reply(
    "filter_trouble",
    451,
    "4.3.0",
    "message can't be checked now, try again later",
  ),
  spam: reply("spam", 554, "5.7.1", "message looks like spam"),
  spamd_trouble: reply(
    "spamd_trouble",
    451,
    "4.3.0",
    "message can't be checked now, try again later",
  ),
} as const;

/** No opinion. */
export const NONE: NoVerdict = { kind: "none" };

/**
 * A verdict against; what the code says, 4xx or 5xx, decides its kind. `text`: instead of the
 * reply's own.
 */
export function against(
  base: PolicyReply,
  rule: string,
  reason: string,
  options: { readonly text?: string; readonly ends?: boolean } = {},
): AgainstVerdict {
  const { text = "", ends = false } = options;
  const reply = text === "" ? base : { ...base, text };
  return { kind: base.code >= 500 ? "refuse" : "defer", reply, rule, reason, ends };
}

/** A verdict for. */
export function accepting(
  rule: string,
  reason: string,
  final: boolean,
  text = "",
): AcceptVerdict {
  return { kind: "accept", final, rule, reason, text };
}

const SOFT_CODES: Readonly<Record<number, number>> = { 550: 450, 552: 452 };

/** A reply of 5xx as one of 4xx. `ends`: who is sent away gets 421. */
export function softReply(reply: PolicyReply, ends = false): PolicyReply {
  const { id, text } = reply;
  const code = ends ? 421 : SOFT_CODES[reply.code] ?? 451;
  return { id, code, enhanced: reply.enhanced.replace(/^5/, "4"), text };
}

/** soft_reject: 5xx becomes 4xx, all else stays. */
export function soften(verdict: AgainstVerdict): AgainstVerdict {
  if (verdict.kind === "defer") return verdict;
  return { ...verdict, kind: "defer", reply: softReply(verdict.reply, verdict.ends) };
}
