/**
 * What the checks of policy and content told the trace (`policy.finding`), read for the report.
 *
 * The texts are written by the checks: SPF, DKIM, DMARC and ARC begin with the result or name it as `check=result`;
 * the lists of the DNS write `lists=zone[codes]*weight zone[error]`; reverse DNS says `fcrdns` or `confirmed`.
 */
import type { Finding, Listing } from "./facts.ts";

const RESULT =
  /(?:^|[\s=:])(pass|fail|softfail|neutral|none|permerror|temperror|policy|bestguesspass)\b/i;
const LISTED = /([A-Za-z0-9._-]+)\[([^\]]*)\]/g;

/** Result of an authenticity check; null: the text names none. */
export function readResult(check: string, text: string): Finding | null {
  if (check !== "spf" && check !== "dkim" && check !== "dmarc" && check !== "arc") return null;
  const result = RESULT.exec(text)?.[1]?.toLowerCase();
  return result === undefined ? null : { check, result };
}

/** Zones that list the client and zones that gave no answer. */
export function readListing(text: string): Listing {
  const zones: string[] = [];
  const errors: string[] = [];
  const lists = /lists=(.*?)(?: enough_alone=|$)/.exec(text)?.[1] ?? "";
  for (const [, zone = "", said = ""] of lists.matchAll(LISTED)) {
    if (said === "error") errors.push(zone);
    else if (said !== "other codes") zones.push(zone);
  }
  return { zones, errors };
}

/** Does reverse DNS lead back? null: the text does not say. */
export function readFcrdns(text: string): boolean | null {
  if (/\b(fcrdns=(?:pass|yes)|confirmed)\b/.test(text) && !/\b(not|un)\s?confirmed\b/.test(text)) {
    return true;
  }
  return /\b(fcrdns=(?:fail|no)|missing|mismatch|unconfirmed|not confirmed)\b/.test(text)
    ? false
    : null;
}
