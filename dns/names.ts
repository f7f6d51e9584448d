/**
 * Names in the DNS: which are possible, which can name a host, the name of an address for reverse look-ups
 * (RFC 1035 section 3.5, RFC 3596 section 2.5).
 */
import { isMappedIpv4, parseIp } from "../net/ip.ts";

export { canonicalIp, showIp } from "../net/ip.ts";

/** Longest name, as text without the final dot (RFC 1035 section 2.3.4: 255 octets on the wire). */
export const MAX_NAME_LENGTH = 253;

/** The name as it is compared and asked: ASCII lower case, without one final dot. */
export function canonicalName(name: string): string {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  return bare.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether `name` can be asked for: labels of 1 to 63 bytes, 253 in all; any byte may stand in a label. */
export function isPossibleName(name: string): boolean {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  if (bare === "") return name === "" || name === ".";
  if (bare.length > MAX_NAME_LENGTH) return false;
  for (let i = 0; i < bare.length; i++) if (bare.charCodeAt(i) > 255) return false;
  return bare.split(".").every((label) => label.length >= 1 && label.length <= 63);
}

/** Whether `name` has the form of a host name with at least `labels` labels (RFC 1123 section 2.1, with "_"). */
export function isHostName(name: string, labels = 1): boolean {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  if (!isPossibleName(bare) || bare === "") return false;
  const parts = bare.split(".");
  return parts.length >= labels &&
    parts.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label));
}

/** The nibbles of an IPv6 address, or the numbers of an IPv4 one, last first, joined by dots; null: no address. */
export function reversedIp(ip: string): string | null {
  const bytes = parseIp(ip);
  if (bytes === null) return null;
  if (isMappedIpv4(bytes)) return [...bytes.subarray(12)].reverse().join(".");
  const nibbles: string[] = [];
  for (const byte of bytes) nibbles.push((byte >> 4).toString(16), (byte & 15).toString(16));
  return nibbles.reverse().join(".");
}

/** The name that holds the PTR records of an address; null when `ip` is none. */
export function reverseName(ip: string): string | null {
  const reversed = reversedIp(ip);
  if (reversed === null) return null;
  return `${reversed}.${reversed.length > 15 ? "ip6" : "in-addr"}.arpa`;
}
