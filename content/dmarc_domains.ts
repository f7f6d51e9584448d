/**
 * Organizational domains (RFC 7489 section 3.2): the name one label below a public suffix.
 *
 * The public suffix list, private part included, comes with npm's tldts; it is loaded when the
 * first domain is asked about, and only DMARC asks.
 */

/** Organizational domain of a name in lower case; the name itself where it has none. */
export type OrgDomainOf = (domain: string) => string;

let loaded: OrgDomainOf | null = null;

/** The function, once the list is there. */
export async function loadOrgDomains(): Promise<OrgDomainOf> {
  if (loaded !== null) return loaded;
  const { getDomain } = await import("tldts");
  const options = { allowPrivateDomains: true, extractHostname: false, validateHostname: false };
  return loaded = (domain) => getDomain(domain, options) ?? domain;
}

/** Alignment of an authenticated domain with the author's (section 3.1). */
export function isAligned(
  domain: string,
  author: string,
  way: "relaxed" | "strict",
  orgDomainOf: OrgDomainOf,
): boolean {
  return domain === author || (way === "relaxed" && orgDomainOf(domain) === orgDomainOf(author));
}
