/**
 * Parts of addresses as lists of control files are asked about them: ASCII lower case, parted at
 * the last "@".
 */

/** ASCII only: addresses are bytes. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The domain behind the last "@", in lower case; "" without one. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : lowerAscii(address.slice(at + 1));
}

/**
 * Entries of a list that an address can match: itself, "@domain", and each ".suffix" of its domain,
 * in this order.
 */
export function keysOf(address: string): string[] {
  const lower = lowerAscii(address);
  const at = lower.lastIndexOf("@");
  if (at < 0) return [lower];
  const keys = [lower, lower.slice(at)];
  const domain = lower.slice(at + 1);
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    keys.push(domain.slice(dot));
  }
  return keys;
}

/** Length of the local part and its first letter, in either case. */
function hintOf(address: string): number {
  const at = address.lastIndexOf("@");
  return (at < 0 ? address.length : at) * 256 + (address.charCodeAt(0) & 255 | 32);
}

/**
 * Can an address be one of `entries`, which are addresses or end in "@"? False is certain, and costs
 * less than to look into a set: lists are asked about each recipient, and have hardly ever one.
 */
export function mayBeOneOf(entries: Iterable<string>): (address: string) => boolean {
  const hints = new Set([...entries].map(hintOf));
  return (address) => hints.has(hintOf(address));
}
