/** The catalogue's entries for policy/replies.ts. Every check can be set to shadow: judged and traced, not applied. */
import { entry } from "./reply_entry.ts";

const CONNECTIONS = {
  sessions_of_address: entry(
    "One address has too many sessions at a time",
    "setting max_sessions_per_address",
    "Raise it",
  ),
  sessions_of_network: entry(
    "One network (/24 or /64) has too many sessions at a time",
    "setting max_sessions_per_network",
    "Raise it; 0 is no limit",
  ),
  sessions_in_all: entry("All sessions are taken", "setting max_sessions", "Raise it"),
  too_fast: entry(
    "The address connects too often",
    "settings rates, max_connection_rate, rate_seconds",
    "Raise max_connection_rate, or name the address in known_forwarders",
  ),
  messages_too_fast: entry(
    "The address sends too many messages",
    "settings rates, max_message_rate, rate_seconds",
    "Raise max_message_rate",
  ),
  recipients_too_fast: entry(
    "The address names too many recipients",
    "settings rates, max_recipient_rate, rate_seconds",
    "Raise max_recipient_rate",
  ),
  banned: entry(
    "The network guessed names, and is refused for a while that grows with each ban",
    "settings ban, ban_invalid, ban_percent, ban_seconds",
    "Name the network in known_forwarders; ban: shadow; bans end by themselves",
  ),
  early_talker: entry(
    "The client spoke before it was greeted, as programs that only send do",
    "settings early_talker, greet_delay_seconds",
    "early_talker: shadow, or name the client in known_forwarders",
  ),
  pipelined: entry(
    "Commands were sent before the answer that they depend on",
    "setting strict_pipelining",
    "strict_pipelining: shadow",
  ),
  rbl_refused: entry(
    "A connection rule says RBLSMTPD: refuse",
    "setting rblsmtpd, RBLSMTPD of tcp_rules",
    "Change that rule",
  ),
  rbl_deferred: entry(
    "A connection rule says RBLSMTPD: put off",
    "setting rblsmtpd, RBLSMTPD of tcp_rules",
    "Change that rule; a text that begins with - refuses for good",
  ),
  reverse_missing: entry(
    "The client's address has no name in the DNS",
    "settings reverse_dns, require_rdns",
    "require_rdns: none, or reverse_dns: shadow",
  ),
  reverse_mismatch: entry(
    "The name of the client's address does not lead back to it",
    "settings reverse_dns, require_rdns: fcrdns",
    "require_rdns: exists",
  ),
  reverse_undecided: entry(
    "The DNS did not say whether the client's address has a name",
    "settings reverse_dns, on_dns_trouble: defer",
    "on_dns_trouble: pass",
  ),
  dnsbl: entry(
    "The client's address is in lists of the DNS whose weights reach the threshold; the text names them",
    "settings dnsbl, dnsbl_lists, dnsbl_threshold",
    "Lower a list's weight, raise dnsbl_threshold, or dnsbl: shadow",
  ),
  dnsbl_undecided: entry(
    "A list did not answer",
    "settings dnsbl, on_dns_trouble: defer",
    "on_dns_trouble: pass",
  ),
} as const;

const HELO = {
  helo_missing: entry("MAIL without HELO or EHLO", "setting helo", "helo: shadow"),
  helo_syntax: entry("HELO names neither a host nor an address", "setting helo", "helo: shadow"),
  helo_ours: entry(
    "A stranger calls himself by this host's name or address",
    "setting helo",
    "helo: shadow",
  ),
  helo_bad: entry(
    "HELO is in control/badhelo",
    "setting helo",
    "Take the line out of control/badhelo",
  ),
  helo_unknown: entry(
    "HELO names a host that the DNS does not know",
    "setting helo_dns",
    "helo_dns: shadow",
  ),
  helo_undecided: entry(
    "The DNS did not say whether HELO's name exists",
    "settings helo_dns, on_dns_trouble: defer",
    "on_dns_trouble: pass",
  ),
} as const;

const SENDERS = {
  sender_no_domain: entry("The sender has no domain", "setting check_fqdn", "check_fqdn: shadow"),
  sender_not_full: entry(
    "The sender's domain has no dot",
    "setting check_fqdn",
    "check_fqdn: shadow",
  ),
  sender_domain_closed: entry(
    "The sender's domain is not one of those that this client may use",
    "setting check_fqdn, SENDER_DOMAINS of a connection rule",
    "Add the domain to SENDER_DOMAINS",
  ),
  own_sender: entry(
    "A stranger sends as one of our own domains",
    "setting own_sender",
    "Let users log in to send; own_sender: shadow while you look who does not",
  ),
  sender_domain_unknown: entry(
    "The sender's domain does not exist, so nobody could answer him",
    "setting sender_domain",
    "sender_domain: shadow",
  ),
  sender_domain_no_mail: entry(
    "The sender's domain says that it takes no mail (null MX)",
    "setting sender_domain",
    "sender_domain: shadow",
  ),
  sender_domain_undecided: entry(
    "The DNS did not say whether the sender's domain exists",
    "settings sender_domain, on_dns_trouble: defer",
    "on_dns_trouble: pass",
  ),
  spf_refused: entry(
    "The sender's domain names who may send for it (SPF), and this client is not among them",
    "setting spf, control/spfbehavior",
    "A lower number in control/spfbehavior; forwarders of yours belong into known_forwarders",
  ),
  spf_invalid: entry(
    "The sender's domain has an SPF record that can't be read",
    "setting spf, control/spfbehavior",
    "A lower number in control/spfbehavior",
  ),
  spf_undecided: entry(
    "The DNS did not give the sender's SPF record",
    "setting spf, control/spfbehavior",
    "A lower number in control/spfbehavior",
  ),
  greylisted: entry(
    "The first mail of this network, for this sender and recipient: a mail server comes again",
    "settings greylist, greylist_seconds",
    "greylist_exempt, greylist_seconds, or greylist: shadow",
  ),
} as const;

const RECIPIENTS = {
  recipients_overflow: entry(
    "Many recipients beyond the limit, though the client was told to come again with them",
    "setting max_recipients, MAXRCPTS",
    "Raise it",
  ),
  recipient_no_domain: entry(
    "The recipient has no domain",
    "setting check_fqdn",
    "check_fqdn: shadow",
  ),
  recipient_not_full: entry(
    "The recipient's domain has no dot",
    "setting check_fqdn",
    "check_fqdn: shadow",
  ),
  recipient_empty: entry("The recipient is empty", "setting check_fqdn"),
  bad_recipient: entry(
    "The recipient is in control/badrcptto",
    "setting badrcptto",
    "Take the line out of control/badrcptto",
  ),
  any_bad_recipient: entry(
    "Another recipient of this message was refused, and one is enough",
    "settings reject_if_any, reject_if_any_of",
    "reject_if_any: shadow, or fewer words in reject_if_any_of",
  ),
  bounce_recipients: entry(
    "A bounce for several recipients, which no bounce is",
    "setting null_sender",
    "null_sender: shadow",
  ),
  bounce_to_list: entry(
    "A bounce to a mailing list of control/listposts",
    "setting null_sender",
    "Take the list out of control/listposts",
  ),
  decoy_only: entry(
    "All recipients of this message are decoys of control/trapto, and nobody would get it",
    "setting decoy, control/trapto",
    "Take the address out of control/trapto",
  ),
  harvest: entry(
    "The client guesses names, so valid and invalid ones get the same answer",
    "setting harvest, ban_invalid, ban_percent",
    "harvest: shadow, or name the client in known_forwarders",
  ),
} as const;

const RULES = {
  rule_refused: entry(
    "A rule of the mail rules refuses; its own text stands in the reply",
    "settings mailrules, mailrules_file; MAILRULES",
    "Change the rule that the trace names",
  ),
  rule_deferred: entry(
    "A rule of the mail rules puts off; its own text stands in the reply",
    "settings mailrules, mailrules_file; MAILRULES",
    "Change the rule that the trace names",
  ),
  rules_unusable: entry(
    "The mail rules, or a file they name, can't be read",
    "setting mailrules_file, MAILRULES",
    "Mend the file: qfront doctor --only settings names it",
  ),
} as const;

export const POLICY_ENTRIES = {
  ...CONNECTIONS,
  ...HELO,
  ...SENDERS,
  ...RECIPIENTS,
  ...RULES,
} as const;
