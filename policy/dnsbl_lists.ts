/**
 * Lists of addresses in the DNS (RFC 5782), as they are named in the settings:
 *
 *     zen.example.org                         any listing, weight 1
 *     bl.example.net=127.0.0.2-11;127.0.1.5*3 only these codes, weight 3
 *     white.example.com*-5                    a list of the good: negative weight
 *
 * A code counts from 127.0.0.2 to 127.254.255.255; 127.255.255.x says that the list does not answer
 * us, and anything outside of 127.0.0.0/8 that the zone is somebody else's by now. Neither is ever
 * a listing.
 */
import { parseIp } from "../net/ip.ts";
import { canonicalName, isHostName, reversedIp } from "../dns/names.ts";
import { type DnsAnswer, recordsOf } from "../dns/types.ts";

/** A list that can't be understood: one sentence. */
export class DnsblError extends Error {
  override name = "DnsblError";
}

/** Codes from `low` to `high`, addresses as numbers. */
interface CodeRange {
  readonly low: number;
  readonly high: number;
}

/** One list. */
export interface DnsblList {
  readonly zone: string;
  /** Added to the score of a listed client; negative for a list of the good. */
  readonly weight: number;
  /** Codes that count; empty: all that can be listings. */
  readonly codes: readonly CodeRange[];
}

/** An IPv4 address as a number; null when it is none. */
function numberOf(ip: string): number | null {
  const bytes = ip.includes(":") ? null : parseIp(ip);
  if (bytes === null) return null;
  return bytes.subarray(12).reduce((sum, byte) => sum * 256 + byte, 0);
}

const LISTED: CodeRange = { low: 0x7f000002, high: 0x7ffeffff };

function readCode(text: string, whole: string): CodeRange {
  const [from = "", to] = text.split("-");
  const low = numberOf(from);
  const last = to !== undefined && /^\d+$/.test(to) ? from.replace(/\d+$/, to) : to ?? from;
  const high = numberOf(last);
  if (low === null || high === null || low > high || low < LISTED.low || high > LISTED.high) {
    throw new DnsblError(`"${text}" of "${whole}" is no code from 127.0.0.2 to 127.254.255.255`);
  }
  return { low, high };
}

/**
 * Reads one word of the setting.
 * @throws {DnsblError}
 */
export function readDnsblList(word: string): DnsblList {
  const match = /^([^=*]+)(?:=([^*]+))?(?:\*([+-]?\d{1,6}))?$/.exec(word);
  const zone = canonicalName(match?.[1] ?? "");
  if (match === null || !isHostName(zone, 2)) {
    throw new DnsblError(`"${word}" is no list such as bl.example.org=127.0.0.2-11*3`);
  }
  const weight = Number(match[3] ?? 1);
  if (weight === 0) throw new DnsblError(`"${word}" has weight 0 and would decide nothing`);
  const codes = match[2]?.split(";").map((code) => readCode(code, word)) ?? [];
  return { zone, weight, codes };
}

/** The name that is asked for; null when `ip` is no address. */
export function dnsblName(list: DnsblList, ip: string): string | null {
  const reversed = reversedIp(ip);
  return reversed === null ? null : `${reversed}.${list.zone}`;
}

/** What a list said. filtered: listed, but with codes that do not count. */
export type DnsblFinding =
  | { readonly kind: "listed"; readonly codes: readonly string[] }
  | { readonly kind: "filtered" | "not_listed" }
  | { readonly kind: "error"; readonly problem: string };

/** Reads a list's answer. */
export function readDnsblAnswer(list: DnsblList, answer: DnsAnswer | undefined): DnsblFinding {
  if (answer === undefined) return { kind: "error", problem: `${list.zone} was not asked` };
  switch (answer.status) {
    case "nxdomain":
    case "nodata":
      return { kind: "not_listed" };
    case "temporary":
      return { kind: "error", problem: answer.problem };
    case "ok":
      return readCodes(list, recordsOf(answer, "A").map((record) => record.address));
  }
}

function readCodes(list: DnsblList, addresses: readonly string[]): DnsblFinding {
  const codes = addresses.map((address) => ({ address, value: numberOf(address) ?? 0 }));
  const isIn = (value: number, range: CodeRange) => value >= range.low && value <= range.high;
  const strange = codes.find(({ value }) => !isIn(value, LISTED));
  if (strange !== undefined) {
    const problem = `${list.zone} answers ${strange.address}, which is an error and no listing`;
    return { kind: "error", problem };
  }
  const ranges = list.codes.length === 0 ? [LISTED] : list.codes;
  const counted = codes.filter(({ value }) => ranges.some((range) => isIn(value, range)));
  return counted.length === 0
    ? { kind: "filtered" }
    : { kind: "listed", codes: counted.map(({ address }) => address) };
}
