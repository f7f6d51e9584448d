/**
 * Numeric addresses as sixteen bytes: IPv6 as it is, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
 *
 * Sockets, /proc and clients write the same address in different ways; whoever compares two addresses compares
 * these bytes, or one canonical text (RFC 5952). Host names are not resolved here.
 */

function parseIpv4(text: string, into: Uint8Array, at: number): boolean {
  const parts = text.split(".");
  if (parts.length !== 4) return false;
  for (let i = 0; i < 4; i++) {
    const part = parts[i] ?? "";
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return false;
    into[at + i] = Number(part);
  }
  return true;
}

/** Groups of one side of "::" as bytes; null when they are not hexadecimal groups. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (i === groups.length - 1 && group.includes(".")) {
      const four = new Uint8Array(4);
      if (!parseIpv4(group, four, 0)) return null;
      bytes.push(...four);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** The sixteen bytes of a numeric address; null when `text` is none. A zone ("%eth0") is ignored. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | null {
  const out = new Uint8Array(16);
  if (!text.includes(":")) {
    out[10] = out[11] = 255;
    return parseIpv4(text, out, 12) ? out : null;
  }
  const [bare = ""] = text.split("%");
  const halves = bare.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "");
  const tail = parseGroups(halves[1] ?? "");
  if (head === null || tail === null) return null;
  const length = head.length + tail.length;
  if (halves.length === 1 ? length !== 16 : length > 14) return null;
  out.set(head, 0);
  out.set(tail, 16 - tail.length);
  return out;
}

/** True for ::ffff:a.b.c.d. */
export function isMappedIpv4(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 255 && bytes[11] === 255;
}

/** An address as people write it: IPv4 in IPv6 becomes IPv4, everything else stays as it is. */
export function plainIp(text: string): string {
  if (!text.includes(":")) return text;
  if (text.startsWith("::ffff:") && text.includes(".")) return text.slice(7);
  const bytes = parseIp(text);
  return bytes !== null && isMappedIpv4(bytes) ? bytes.subarray(12).join(".") : text;
}

/** Index and length of the longest run of zero groups, two or more. */
function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let best = { at: -1, length: 1 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best.length) best = { at: i, length: end - i };
    if (end > i) i = end;
  }
  return best;
}

/** Four or sixteen bytes as text: a.b.c.d, or RFC 5952. IPv4 in sixteen bytes (::ffff:a.b.c.d) becomes a.b.c.d. */
export function showIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (isMappedIpv4(bytes)) return bytes.subarray(12).join(".");
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const zeros = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((g) => g.toString(16)).join(":");
  if (zeros.at < 0) return hex(groups);
  return `${hex(groups.slice(0, zeros.at))}::${hex(groups.slice(zeros.at + zeros.length))}`;
}

/** A numeric address in its one text; null when `text` is none. */
export function canonicalIp(text: string): string | null {
  const bytes = parseIp(text);
  return bytes === null ? null : showIp(bytes);
}

/**
 * The /24 or the IPv6 /64 that an address belongs to, as a key: one customer of a provider has at least that. A network's
 * own text, such as "192.0.2.0/24" or "2001:db8::/64", has the key of its addresses; what is no address is its own key.
 */
export function networkKey(ip: string): string {
  if (!ip.includes(":")) return ip.slice(0, Math.max(0, ip.lastIndexOf("."))) || ip;
  const bytes = parseIp(ip.split("/")[0] ?? "");
  return bytes === null ? ip : bytes.subarray(0, 8).join(".");
}

/** One text for one socket end, whatever way its address was written; "" when it is not numeric. */
export function endKey(ip: string, port: number): string {
  const bytes = parseIp(ip);
  return bytes === null ? "" : `${bytes.join(".")}/${port}`;
}
