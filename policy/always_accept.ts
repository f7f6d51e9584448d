/**
 * Recipients that the checks never refuse: postmaster and abuse by default (RFC 5321 section 4.5.1,
 * RFC 2142). They must exist all the same, and limits hold for them too.
 */
import { lowerAscii, mayBeOneOf } from "./addresses.ts";

/** Entries: "postmaster@" for the local part at every domain, or a whole address. */
export function readAlwaysAccept(entries: readonly string[]): (recipient: string) => boolean {
  const locals = new Set<string>();
  const whole = new Set<string>();
  for (const entry of entries.map(lowerAscii)) {
    if (entry.endsWith("@")) locals.add(entry.slice(0, -1));
    else whole.add(entry);
  }
  const mayBe = mayBeOneOf(entries);
  return (recipient) => {
    if (!mayBe(recipient)) return false;
    const lower = lowerAscii(recipient);
    const at = lower.lastIndexOf("@");
    return whole.has(lower) || locals.has(at < 0 ? lower : lower.slice(0, at));
  };
}
