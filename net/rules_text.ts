/**
 * The text that tcprules(1) reads: one rule a line, "address:instructions".
 *
 * As tcprules: "#" begins a comment line, blanks at the end of a line are dropped, instructions are "allow" or "deny" and
 * ,NAME="VALUE" (any character may stand for the quotes), 1.2.3.4-9 and 1.2-5. are abbreviations, and an address
 * of whatever form is accepted. More than tcprules: IPv6 addresses and networks by bits.
 *
 * DIFFERS: a range from high to low is an error here; tcprules makes no rule of it without a word.
 */
import { isMappedIpv4, parseIp } from "./ip.ts";
import { type Network, type Rule, RuleTable } from "./rules_table.ts";

/** Rules that can't be used: one sentence, with the line's number where there is one. */
export class RulesError extends Error {
  override name = "RulesError";
}

/** Rules, and sentences about those that will match nobody. */
export interface ReadRules {
  readonly table: RuleTable;
  readonly notes: readonly string[];
}

/** How rules for host names are taken: with reverse DNS, or not at all. */
export interface RulesReading {
  readonly names: boolean;
}

/** Reads a text of rules, one char a byte. @throws {RulesError} */
export function parseRules(text: string, reading: RulesReading): ReadRules {
  const table = new RuleTable();
  const notes: string[] = [];
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.replace(/[ \t\r]+$/, "");
    if (line === "" || line.startsWith("#")) continue;
    try {
      const { address, rule } = parseRule(line);
      for (const one of expandRange(address)) {
        const note = addRule(table, one, rule, reading);
        if (note !== null) notes.push(`Line ${i + 1}: ${note}`);
      }
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      throw new RulesError(`Line ${i + 1}: ${error.message}`);
    }
  }
  return { table, notes };
}

/** Parts a line. The address ends at the first colon that "allow" or "deny" follows: IPv6 has colons of its own. */
function parseRule(line: string): { readonly address: string; readonly rule: Rule } {
  const match = /^(.*?):(allow|deny)(?=,|$)/.exec(line);
  if (match === null) {
    throw new RulesError(`"${line}" is not of the form "address:allow" or "address:deny"`);
  }
  const env = parseAssignments(line, match[0].length);
  return { address: match[1]!, rule: { deny: match[2] === "deny", env } };
}

/** Reads ,NAME="VALUE",... from `start` on. */
function parseAssignments(line: string, start: number): Record<string, string> {
  const env: Record<string, string> = {};
  for (let at = start; at < line.length;) {
    const rest = line.slice(at);
    const equals = rest.indexOf("=");
    const quote = rest.charAt(equals + 1);
    const end = rest.indexOf(quote, equals + 2);
    if (!rest.startsWith(",") || equals < 2 || quote === "" || end < 0) {
      throw new RulesError(`"${rest}" is not of the form ,NAME="VALUE"`);
    }
    env[rest.slice(1, equals)] = rest.slice(equals + 2, end);
    at += end + 1;
  }
  return env;
}

/** The addresses that an address with a range stands for: 10.2-3. is 10.2. and 10.3. */
function expandRange(address: string): readonly string[] {
  if (/[=@:/]/.test(address) || !address.includes("-")) return [address];
  const match = /^((?:[^-]*\.)?)(\d+)-(\d+)(\..*)?$/.exec(address);
  const first = Number(match?.[2]);
  const last = Math.min(255, Number(match?.[3]));
  if (match === null || first > last) {
    throw new RulesError(`"${address}" is no range of addresses, such as 192.0.2.4-9`);
  }
  const [, before = "", , , after = ""] = match;
  return Array.from({ length: last - first + 1 }, (_, i) => `${before}${first + i}${after}`);
}

/** Adds a rule for one address; a sentence when it will match nobody. @throws {RulesError} */
export function addRule(
  table: RuleTable,
  address: string,
  rule: Rule,
  reading: RulesReading,
): string | null {
  if (address === "") return table.addAnybody(rule), null;
  if (address.includes("@")) {
    return `"${address}" asks ident, which is not done: the rule is skipped`;
  }
  if (address.startsWith("=")) {
    if (!reading.names) {
      return `"${address}" asks reverse DNS, which is not done: the rule is skipped`;
    }
    return table.addName(address.slice(1), rule), null;
  }
  const network = parseNetwork(address);
  if (network === null) return `"${address}" matches no address; a prefix ends with a dot`;
  return table.addNetwork(network, rule), null;
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const DOTTED = new RegExp(`^(?:${OCTET}\\.){1,3}$|^(?:${OCTET}\\.){3}${OCTET}$`);

/** The network that an address or prefix is; null: none. @throws {RulesError} on a network whose bits are wrong. */
function parseNetwork(address: string): Network | null {
  if (address.includes("/") || address.includes(":")) return parseBits(address);
  if (!DOTTED.test(address)) return null;
  const octets = address.split(".").filter((part) => part !== "").map(Number);
  const bytes = new Uint8Array(4);
  bytes.set(octets);
  return { bytes, bits: octets.length * 8 };
}

/** ADDRESS/BITS, or an IPv6 address alone. */
function parseBits(address: string): Network {
  const [ip = "", length, ...more] = address.replace(/^\[(.*)\]/, "$1").split("/");
  const all = /[^0-9a-fA-F:.]/.test(ip) ? null : parseIp(ip);
  if (all === null || more.length > 0) throw new RulesError(`"${address}" is no address`);
  const isFour = isMappedIpv4(all);
  const bytes = isFour ? all.slice(12) : all;
  const extra = isFour && ip.includes(":") ? 96 : 0;
  const whole = bytes.length * 8;
  const bits = length === undefined
    ? whole
    : /^\d{1,3}$/.test(length)
    ? Number(length) - extra
    : -1;
  if (bits < 0 || bits > whole) {
    throw new RulesError(`"${address}" has not a length from ${extra} to ${whole + extra} bits`);
  }
  return { bytes, bits };
}
