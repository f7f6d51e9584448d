/**
 * What the checks of policy and content told the trace (`policy.finding`), read for the report.
 *
 * The texts are written by the checks: SPF, DKIM, DMARC and ARC begin with the result or name it as `check=result`;
 * the lists of the DNS write `lists=zone[codes]*weight zone[error]`; reverse DNS begins with its status.
 */
import type { Finding, Listing } from "./facts.ts";

const RESULT =
  /(?:^|[\s=:])(pass|fail|softfail|neutral|none|permerror|temperror|policy|bestguesspass)\b/i;
const LISTED = /([A-Za-z0-9._-]+)\[([^\]]*)\]/g;

/** Result of an authenticity check; null: the text names none. */
export function readResult(check: string, text: string): Finding | null {
  if (check !== "spf" && check !== "dkim" && check !== "dmarc" && check !== "arc") return null;
  // Of several signatures one that passes is enough.
  const passes = check === "dkim" && /(?:^|; )pass\b/.test(text);
  const result = passes ? "pass" : RESULT.exec(text)?.[1]?.toLowerCase();
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

/** Does reverse DNS lead back? null: the DNS could not say. */
export function readFcrdns(text: string): boolean | null {
  const status = /^\w+/.exec(text)?.[0];
  return status === "fcrdns" ? true : status === "exists" || status === "none" ? false : null;
}
