/** Recipients that got mail or bounced, asked about again: whom would the look-up refuse today? */
import { answerOf, type LookupService } from "../validate/types.ts";
import type { Mask } from "./privacy.ts";
import type { Recheck } from "./report_types.ts";
import type { Tally } from "./tally.ts";

/** Asked at most; the most frequent first. */
const MOST_ASKED = 10_000;

/**
 * qmail-send's log names a virtual domain's recipients with the prefix that its entry puts before them.
 * `virtualdomains`: the lines of that control file.
 */
export function withoutPrefix(recipient: string, virtualdomains: readonly string[]): string {
  const domain = recipient.slice(recipient.lastIndexOf("@") + 1).toLowerCase();
  for (const line of virtualdomains) {
    const colon = line.indexOf(":");
    const entry = line.slice(0, colon).toLowerCase();
    const prefix = line.slice(colon + 1).toLowerCase();
    const fits = entry === domain || (entry.startsWith(".") && domain.endsWith(entry));
    if (colon >= 0 && fits && prefix !== "" && recipient.toLowerCase().startsWith(`${prefix}-`)) {
      return recipient.slice(prefix.length + 1);
    }
  }
  return recipient;
}

/** Asks `lookup` about the recipients of `tally`. */
export async function recheck(
  tally: Tally,
  lookup: LookupService,
  virtualdomains: readonly string[],
  { mask, top }: { readonly mask: Mask; readonly top: number },
): Promise<Recheck> {
  const counts = new Map<string, { accepted: number; bounced: number }>();
  const countsOf = (recipient: string) => {
    const known = counts.get(recipient) ?? { accepted: 0, bounced: 0 };
    counts.set(recipient, known);
    return known;
  };
  for (const { key, count } of tally.bouncedRecipients.top(MOST_ASKED)) {
    countsOf(withoutPrefix(key, virtualdomains)).bounced += count;
  }
  for (const { key, count } of tally.acceptedRecipients.top(MOST_ASKED)) {
    if (counts.size < MOST_ASKED || counts.has(key)) countsOf(key).accepted += count;
  }
  const refused: Recheck["refused"][number][] = [];
  let undecided = 0;
  for (const [recipient, { accepted, bounced }] of counts) {
    const result = await lookup.lookup(recipient);
    const answer = answerOf(result);
    if (answer === "undecided") undecided++;
    if (answer !== "undeliverable") continue;
    const shown = mask.address(recipient);
    refused.push({ recipient: shown, accepted, bounced, reason: mask.text(result.reason) });
  }
  refused.sort((a, b) => b.bounced - a.bounced || b.accepted - a.accepted);
  return { asked: counts.size, refused: refused.slice(0, top), undecided };
}
