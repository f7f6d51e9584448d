/**
 * Settings of policy: which checks there are, and what they go by.
 *
 * Each check has one key with off, shadow or on; in shadow it is judged and traced, and nothing
 * comes of it. Lists of addresses and names stand in control files, in qmail's own form.
 */
import { check, choice, flag, integer, list, text } from "./kinds.ts";

const DAY = 86_400;

/** Addresses, domains, messages. */
export const POLICY_ADDRESS_SETTINGS = {
  soft_reject: flag(false, "Every 5xx of policy becomes 4xx: nothing is refused for good"),
  always_accept_rcpt: list(
    ["postmaster@", "abuse@"],
    "Recipients that no check refuses: local parts with @, or whole addresses",
  ),
  known_forwarders: list(
    [],
    "Addresses and networks that forward mail for us: never banned, never asked for manners",
  ),
  mailrules: check("on", "Rules of mailrules_file, in mailfront's form"),
  mailrules_file: text("", "Absolute name of the mail rules; empty: as MAILRULES says, else none"),
  badmailfrom: check("on", "Refuse senders of control/badmailfrom: address, @host, .domain"),
  badrcptto: check(
    "on",
    "Refuse recipients of control/badrcptto, each with its own text if wanted",
  ),
  own_sender: check("off", "Refuse our own domains as senders from outside"),
  check_fqdn: check("off", "Refuse addresses without a full domain name"),
  null_sender: check("off", "Mail without sender goes to one recipient, and to no list"),
  reject_if_any: check("off", "Refuse a whole message after one of its recipients was refused"),
  reject_if_any_of: list(
    ["badrcptto", "relay"],
    "Which refusals count for reject_if_any: badrcptto, relay, invalid",
  ),
  decoy: check("on", "Recipients of control/trapto look valid, and who writes to them is banned"),
} as const;

/** Numbers over time. */
export const POLICY_COUNTER_SETTINGS = {
  max_sessions_per_network: integer(
    0,
    "sessions",
    "Sessions of one /24 or /64 at one time; 0: no limit",
  ),
  rates: check("off", "Refuse for now who connects, sends or names recipients too often"),
  rate_seconds: integer(3600, "seconds", "The window in which rates are counted", 1, 30 * DAY),
  max_connection_rate: integer(
    0,
    "connections",
    "Connections of an address in the window; 0: no limit",
  ),
  max_message_rate: integer(0, "messages", "Messages of an address in the window; 0: no limit"),
  max_recipient_rate: integer(
    0,
    "recipients",
    "Recipients of an address in the window; 0: no limit",
  ),
  max_login_message_rate: integer(
    0,
    "messages",
    "Messages of a login in the window, from whatever address; 0: no limit",
  ),
  max_login_recipient_rate: integer(
    0,
    "recipients",
    "Recipients of a login in the window, from whatever address; 0: no limit",
  ),
  ban: check("off", "Refuse networks that guess recipients at connect, for a while that grows"),
  ban_invalid: integer(
    10,
    "recipients",
    "Invalid recipients of a network that are borne; 0: any number",
  ),
  ban_percent: integer(
    50,
    "percent",
    "Share of invalid recipients from which on it is guessing",
    1,
    100,
  ),
  ban_window_seconds: integer(DAY, "seconds", "The window in which they are counted", 60, 30 * DAY),
  ban_seconds: integer(
    600,
    "seconds",
    "First ban of a network; each one after is twice as long",
    1,
  ),
  ban_max_seconds: integer(DAY, "seconds", "Longest ban", 1),
  ban_forget_seconds: integer(7 * DAY, "seconds", "After this long a network begins anew", 1),
  ban_file: text("", "Where bans are kept across restarts; empty: they end with the process"),
  harvest: check("off", "Who guesses recipients gets 451 for valid and invalid ones alike"),
  tarpit_seconds: integer(
    0,
    "seconds",
    "Added to the wait before each answer to an invalid recipient",
    0,
    300,
  ),
  tarpit_max_seconds: integer(20, "seconds", "Longest wait before an answer", 0, 300),
  tarpit_max_sessions: integer(100, "sessions", "Sessions that may be made to wait at one time"),
} as const;

/** The connection and what the DNS says about it. */
export const POLICY_CONNECTION_SETTINGS = {
  greet_delay_seconds: integer(0, "seconds", "Wait before the greeting of unknown clients", 0, 60),
  early_talker: check("off", "Refuse who talks before the greeting"),
  strict_pipelining: check("off", "Refuse who sends on behind HELO, EHLO or DATA unanswered"),
  helo: check("off", "Refuse HELO without a name, with ours, or one of control/badhelo"),
  helo_full_name: flag(false, "The name of HELO must have a dot"),
  helo_dns: check("off", "Put off who names a host in HELO that the DNS does not know"),
  rblsmtpd: check("on", "RBLSMTPD of connection rules, as rblsmtpd reads it"),
  reverse_dns: check(
    "off",
    "Put off clients whose address has not the name that require_rdns asks for",
  ),
  require_rdns: choice(
    ["none", "exists", "fcrdns"],
    "exists",
    "A name of the address: none, any, or one that leads back",
  ),
  dnsbl: check("off", "Refuse addresses by lists of the DNS"),
  dnsbl_lists: list(
    [],
    "Lists, each ZONE, ZONE=CODES, and *WEIGHT; negative weights are for the good",
  ),
  dnsbl_threshold: integer(1, "points", "Sum of weights from which on an address is refused", 1),
  dnsbl_answer: choice(["refuse", "defer"], "refuse", "Answer to a listed address: 553 or 451"),
  dnsbl_test_seconds: integer(3600, "seconds", "Between two self-tests of the lists", 60, 30 * DAY),
  rbl_capture: flag(
    false,
    "Let a client that rblsmtpd or dnsbl refuses say all up to its data, trace that, and refuse then",
  ),
  sender_domain: check("off", "Refuse senders whose domain does not exist or takes no mail"),
  on_dns_trouble: choice(
    ["pass", "defer"],
    "pass",
    "A check that the DNS leaves without answer: no opinion, or 451",
  ),
} as const;

/** The greylist. */
export const POLICY_GREYLIST_SETTINGS = {
  greylist: check("off", "Put off the first mail of a network, for a sender and a recipient"),
  greylist_seconds: integer(300, "seconds", "How long it is put off", 1, DAY),
  greylist_retry_seconds: integer(2 * DAY, "seconds", "Later than this it begins anew", 60),
  greylist_keep_seconds: integer(36 * DAY, "seconds", "How long is remembered who came again", 60),
  greylist_allow_after: integer(
    5,
    "mails",
    "Mails that came again until the network is not asked any more; 0: never",
  ),
  greylist_exempt: list([], "Addresses and networks that are not asked"),
  greylist_spf_pass: flag(true, "Senders whose SPF record names the client are not asked"),
  greylist_file: text(
    "",
    "Where the greylist is kept across restarts; empty: it ends with the process",
  ),
} as const;

/** All of them. */
export const POLICY_SETTINGS = {
  ...POLICY_ADDRESS_SETTINGS,
  ...POLICY_COUNTER_SETTINGS,
  ...POLICY_CONNECTION_SETTINGS,
  ...POLICY_GREYLIST_SETTINGS,
} as const;
