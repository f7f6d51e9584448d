/** The catalogue's entries for checks that look into messages. Each check can be set to shadow: judged and traced, not applied. */
import { entry } from "./reply_entry.ts";

const HEADERS = {
  header_recipients: entry(
    "To, Cc and Bcc of the message name too many addresses",
    "settings header_limits, max_header_recipients",
    "Raise max_header_recipients; 0 is any number",
  ),
  header_bcc: entry(
    "The header has a Bcc field with addresses that were meant to be hidden",
    "settings header_limits, refuse_bcc",
    "refuse_bcc: off",
  ),
  header_size: entry(
    "The header is too large",
    "settings header_limits, max_header_bytes",
    "Raise max_header_bytes; 0 is any size",
  ),
  header_rule: entry(
    "A rule about fields, origin or body refuses; its own text stands in the reply",
    "setting header_rules, control/headerrules",
    "Change the rule that the trace names",
  ),
  header_rule_deferred: entry(
    "A rule about fields, origin or body puts off; its own text stands in the reply",
    "setting header_rules, control/headerrules",
    "Change the rule that the trace names",
  ),
  pattern: entry(
    "A line of the message matches a pattern; the pattern's own text may stand in the reply",
    "setting patterns, control/patterns or the file of PATTERNS",
    "Change the pattern that the trace names, or patterns: shadow",
  ),
} as const;

const AUTHORS = {
  dmarc_refused: entry(
    "The author's domain asks to refuse what passes neither SPF nor DKIM in its name",
    "setting dmarc",
    "dmarc: shadow; forwarders whose ARC seals are to count belong into arc_trusted",
  ),
  dmarc_undecided: entry(
    "The DNS did not say what the author's domain asks for",
    "setting dmarc",
    "dmarc: shadow; qfront doctor --only dnsbl tries the name servers",
  ),
} as const;

const PROGRAMS = {
  filter_refused: entry(
    "The filter ended with 100; what it said stands in the reply",
    "setting filter",
    "Change what the filter does, or filter: shadow",
  ),
  filter_deferred: entry(
    "The filter ended with 111; what it said stands in the reply",
    "setting filter",
    "Change what the filter does, or filter: shadow",
  ),
  filter_trouble: entry(
    "The filter hung, crashed, is missing, or ended with a number that means nothing",
    "settings filter, filter_seconds, on_filter_trouble",
    "on_filter_trouble: pass takes mail without its opinion; the trace says what was wrong",
  ),
  spam: entry(
    "spamd gave the message spamd_refuse_score points or more",
    "settings spamd, spamd_refuse_score",
    "Raise spamd_refuse_score; 0 refuses nothing and spamd_tag_score still tags",
  ),
  spamd_trouble: entry(
    "No spamd answered in time",
    "settings spamd, spamd_servers, spamd_seconds, on_spamd_trouble",
    "on_spamd_trouble: pass takes mail without a score; the trace says what was wrong",
  ),
  content_undecided: entry(
    "A check of the message failed in itself, or its rules can't be read",
    "The check and the file that the trace names",
    "Mend the file: qfront doctor --only settings names it",
  ),
} as const;

export const CONTENT_ENTRIES = { ...HEADERS, ...AUTHORS, ...PROGRAMS } as const;
