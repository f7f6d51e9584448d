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
