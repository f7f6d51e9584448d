/**
 * Settings of what looks into messages: header limits, header rules, patterns, quarantine and the
 * decision record; and of programs and servers that are asked about a message.
 *
 * Everything is off unless said: then messages stream through and none of this is touched.
 */
import { check, choice, flag, integer, list, type Setting, SettingError, text } from "./kinds.ts";

/** A number that may have a fraction and a sign, in points of spamd. */
function points(fallback: number, about: string): Setting<number> {
  return {
    kind: "text",
    default: fallback,
    unit: "points",
    about,
    parse(given) {
      const word = given.trim();
      if (!/^-?\d{1,6}(\.\d{1,3})?$/.test(word)) {
        throw new SettingError(`"${word}" is no number such as 5 or 7.5`);
      }
      return Number(word);
    },
  };
}

export const CONTENT_SETTINGS = {
  header_limits: check("off", "Refuse headers with too many recipients, with Bcc, or too large"),
  max_header_recipients: integer(
    100,
    "addresses",
    "Addresses in To, Cc and Bcc together; 0: any number",
  ),
  refuse_bcc: flag(true, "header_limits refuses an address in Bcc"),
  max_header_bytes: integer(
    131_072,
    "bytes",
    "Largest header; 0: any size",
    0,
    262_144,
  ),
  header_rules: check("off", "Rules of control/headerrules about fields, origin and body"),
  patterns: check("off", "Refuse by the lines of control/patterns, or of the file PATTERNS names"),
  patterns_line_bytes: integer(
    256,
    "bytes",
    "So much of each line is looked at; PATTERNS_LINEMAX goes before",
    1,
    65_536,
  ),
  quarantine_dir: text(
    "",
    "Absolute name of a Maildir or directory for copies of suspicious mail; empty: none are kept",
  ),
  quarantine_refused: flag(false, "Keep a copy of what checks of the content refuse, too"),
  decision_header: flag(false, "X-Qfront tells in each message what the checks said"),
} as const;

export const FILTER_SETTINGS = {
  filter: check("off", "Ask filter_program about each message"),
  filter_program: text("", "The program and its arguments, parted by blanks"),
  filter_seconds: integer(60, "seconds", "Longest time it may take", 1, 300),
  max_filters: integer(20, "programs", "Filter programs that run at one time", 1),
  on_filter_trouble: choice(
    ["pass", "defer"],
    "defer",
    "A filter that hangs, crashes or is missing: no opinion, or 451",
  ),
  spamd: check("off", "Ask spamd for a score of each message"),
  spamd_servers: list(
    ["127.0.0.1:783"],
    "Where spamd listens: HOST:PORT, [IPv6]:PORT or the absolute name of a socket; the next is " +
      "asked where one fails",
  ),
  spamd_user: text("", "Whose preferences spamd takes; empty: those of spamd itself"),
  spamd_seconds: integer(
    60,
    "seconds",
    "Longest time for the answer, all servers together",
    1,
    300,
  ),
  spamd_max_bytes: integer(524_288, "bytes", "Larger messages are not asked about", 1),
  max_spamd_sessions: integer(20, "sessions", "Questions to spamd at one time", 1),
  spamd_tag_score: points(5, "From this score on X-Spam-Flag is YES; 0: never"),
  spamd_refuse_score: points(15, "From this score on a message is refused; 0: never"),
  spamd_subject: text("", "Put before the subject of tagged messages"),
  on_spamd_trouble: choice(
    ["pass", "defer"],
    "pass",
    "spamd that is down or too slow: no opinion, or 451",
  ),
} as const;
