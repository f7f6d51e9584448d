/**
 * Connection rules as a table, and which rule is an address's: tcpserver's order, from tcprules(1).
 *
 * An address asks for itself, then for its host name, then for ever shorter networks, then for ever shorter suffixes
 * of the name, then for "=" (any name) and "" (anybody); the first rule found is the rule. Rules by ident ("user@") have
 * no place here. Networks by length in bits (192.0.2.0/24, 2001:db8::/32) stand among the dotted prefixes by their
 * length: "192.0.2." is 24 bits.
 */
import { isMappedIpv4, parseIp } from "./ip.ts";

/** What a rule says: may the address connect, and with what environment. */
export interface Rule {
  readonly deny: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** The first so many bits of an address. `bytes`: 4 or 16 of them, all later bits 0. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** The networks of one family, longest first. */
type Networks = { readonly bits: number; readonly rules: Map<string, Rule> }[];

/** Rules, ready to be asked. Of several for one address the first stands. */
export class RuleTable {
  readonly #four: Networks = [];
  readonly #six: Networks = [];
  readonly #names = new Map<string, Rule>();
  #anybody: Rule | null = null;

  /** Rules by host name are there. */
  get asksNames(): boolean {
    return this.#names.size > 0;
  }

  addNetwork({ bytes, bits }: Network, rule: Rule): void {
    const networks = bytes.length === 4 ? this.#four : this.#six;
    let at = networks.findIndex((entry) => entry.bits <= bits);
    if (at < 0) at = networks.length;
    if (networks[at]?.bits !== bits) networks.splice(at, 0, { bits, rules: new Map() });
    const key = keyOf(bytes, bits);
    const { rules } = networks[at]!;
    if (!rules.has(key)) rules.set(key, rule);
  }

  /** `name`: "" for any, ".suffix", or a host's name. */
  addName(name: string, rule: Rule): void {
    const key = lower(name);
    if (!this.#names.has(key)) this.#names.set(key, rule);
  }

  addAnybody(rule: Rule): void {
    this.#anybody ??= rule;
  }

  /** The rule of `ip`, with the name that reverse DNS gave it (null: none); null: there is none. */
  find(ip: string, name: string | null): Rule | null {
    const all = parseIp(ip);
    if (all === null) return this.#anybody;
    const isFour = isMappedIpv4(all);
    const bytes = isFour ? all.subarray(12) : all;
    const networks = isFour ? this.#four : this.#six;
    const whole = bytes.length * 8;
    const host = name === null ? null : lower(name);
    return inNetworks(networks, bytes, whole, whole) ??
      (host === null ? null : this.#names.get(host) ?? null) ??
      inNetworks(networks, bytes, whole - 1, 0) ??
      (host === null ? null : this.#bySuffix(host)) ?? this.#anybody;
  }

  #bySuffix(host: string): Rule | null {
    for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) {
      const rule = this.#names.get(host.slice(at));
      if (rule !== undefined) return rule;
    }
    return this.#names.get("") ?? null;
  }
}

/** The rule of the longest network of `most` to `least` bits that has the address. */
function inNetworks(
  networks: Networks,
  bytes: Uint8Array,
  most: number,
  least: number,
): Rule | null {
  for (const { bits, rules } of networks) {
    if (bits > most) continue;
    if (bits < least) return null;
    const rule = rules.get(keyOf(bytes, bits));
    if (rule !== undefined) return rule;
  }
  return null;
}

/** The first `bits` bits as text; the others are 0. */
function keyOf(bytes: Uint8Array, bits: number): string {
  let key = "";
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    key += String.fromCharCode(bytes[i]! & (0xff00 >> kept) & 0xff);
  }
  return key;
}

const lower = (name: string): string => name.replace(/[A-Z]+/g, (c) => c.toLowerCase());
