/**
 * Networks of clients: the /24 or /64 that an address belongs to, and lists of networks by prefix
 * length.
 *
 * One IPv6 customer has a /64 or more, so whatever is counted per address is counted per /64 there.
 */
import { showIp } from "../dns/names.ts";
import { isMappedIpv4, parseIp } from "../net/ip.ts";

/** Prefix lengths of what is counted as one network. */
const IPV4_BITS = 24;
const IPV6_BITS = 64;

/** Bits in which a mapped IPv4 address begins. */
const MAPPED_BITS = 96;

/** `bytes` with everything behind the first `bits` bits zero. */
function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    return byte & (0xff00 >> kept) & 0xff;
  });
}

/**
 * The network of an address, such as "192.0.2.0/24" or "2001:db8::/64"; text that is no address is
 * its own.
 */
export function networkOf(ip: string): string {
  const bytes = parseIp(ip);
  if (bytes === null) return ip;
  return isMappedIpv4(bytes)
    ? `${showIp(masked(bytes, MAPPED_BITS + IPV4_BITS))}/${IPV4_BITS}`
    : `${showIp(masked(bytes, IPV6_BITS))}/${IPV6_BITS}`;
}

/** What limits "per address" count: an IPv4 address, an IPv6 /64. */
export function addressKey(ip: string): string {
  return ip.includes(":") ? networkOf(ip) : ip;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(ip: string): boolean {
  if (!ip.includes(":") && !ip.startsWith("127.")) return false;
  const bytes = parseIp(ip);
  if (bytes === null) return false;
  if (isMappedIpv4(bytes)) return bytes[12] === 127;
  return bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** A network: its first address in sixteen bytes, and how many of 128 bits count. */
export interface Network {
  readonly first: Uint8Array;
  readonly bits: number;
}

/** Reads "ADDRESS" or "ADDRESS/BITS"; null when it is neither. */
export function parseNetwork(text: string): Network | null {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const bytes = match === null ? null : parseIp(match[1] ?? "");
  if (match === null || bytes === null) return null;
  const isIpv4 = !(match[1] ?? "").includes(":");
  const widest = isIpv4 ? 32 : 128;
  const given = match[2] === undefined ? widest : Number(match[2]);
  if (given > widest) return null;
  const bits = isIpv4 ? MAPPED_BITS + given : given;
  return { first: masked(bytes, bits), bits };
}

/** The network as text, always with its bits; the form that `networkOf` gives. */
export function showNetwork({ first, bits }: Network): string {
  const isIpv4 = isMappedIpv4(first) && bits >= MAPPED_BITS;
  return `${showIp(first)}/${isIpv4 ? bits - MAPPED_BITS : bits}`;
}

/** Is this address in the network? */
export function contains(network: Network, ip: string): boolean {
  const bytes = parseIp(ip);
  return bytes !== null && masked(bytes, network.bits).every((b, i) => b === network.first[i]);
}

/** The networks of these sizes (bits of 128) that an address is in, as text. */
export function* networksAround(ip: string, sizes: Iterable<number>): Generator<string> {
  const bytes = parseIp(ip);
  if (bytes === null) return;
  for (const bits of sizes) yield showNetwork({ first: masked(bytes, bits), bits });
}

/** A list of networks, and the words in it that are none. */
export interface NetworkList {
  readonly has: (ip: string) => boolean;
  readonly wrong: readonly string[];
}

/** Reads a list. */
export function readNetworks(words: readonly string[]): NetworkList {
  const networks: Network[] = [];
  const wrong: string[] = [];
  for (const word of words) {
    const network = parseNetwork(word);
    if (network === null) wrong.push(word);
    else networks.push(network);
  }
  if (networks.length === 0) return { has: () => false, wrong };
  return { has: (ip) => networks.some((network) => contains(network, ip)), wrong };
}

const read = new WeakMap<readonly string[], NetworkList>();

/** The list of a setting, read once as long as its value is the same one. */
export function networksOf(words: readonly string[]): NetworkList {
  let list = read.get(words);
  if (list === undefined) read.set(words, list = readNetworks(words));
  return list;
}
