/**
 * SPF records (RFC 7208 sections 4.5, 4.6 and 12): which TXT record is one, and its terms. A record is read completely
 * before anything of it is evaluated, so that a fault anywhere in it is a permerror.
 */
import { isMappedIpv4, parseIp } from "../net/ip.ts";
import { type MacroString, parseMacroString } from "./spf_macro.ts";

export type Qualifier = "+" | "-" | "~" | "?";

interface DirectiveBase {
  readonly qualifier: Qualifier;
  /** As the record has it. */
  readonly text: string;
}

/** A mechanism with its qualifier. */
export type Directive =
  & DirectiveBase
  & (
    | { readonly mechanism: "all" }
    | { readonly mechanism: "include" | "exists"; readonly target: MacroString }
    | { readonly mechanism: "ptr"; readonly target: MacroString | null }
    | {
      readonly mechanism: "a" | "mx";
      readonly target: MacroString | null;
      readonly bits4: number;
      readonly bits6: number;
    }
    | {
      readonly mechanism: "ip4" | "ip6";
      readonly network: Uint8Array;
      /** Leading bits that count, of sixteen bytes. */
      readonly bits: number;
    }
  );

export interface SpfRecord {
  readonly directives: readonly Directive[];
  readonly redirect: MacroString | null;
  readonly exp: MacroString | null;
}

/** Thrown for a record that breaks the grammar: one sentence. */
export class SpfSyntaxError extends Error {
  override name = "SpfSyntaxError";
}

const VERSION = /^v=spf1(?: |$)/i;
const MODIFIER = /^([a-z][a-z0-9\-_.]*)=(.*)$/is;
const DIRECTIVE = /^([+\-~?]?)([a-z0-9]+)(?=$|[:/])(.*)$/is;
const TOP_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const CIDR = /^([^]*?)(?:\/(0|[1-9]\d{0,2}))?(?:\/\/(0|[1-9]\d{0,2}))?$/;

/** Whether a TXT record is an SPF record at all. */
export function isSpfRecord(text: string): boolean {
  return VERSION.test(text);
}

const fault = (term: string): SpfSyntaxError =>
  new SpfSyntaxError(`"${term}" is no term of an SPF record`);

/** Whether `text` ends in a dot and a label that can be a top-level domain: not of digits alone. */
function endsInTopLabel(text: string): boolean {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  const dot = bare.lastIndexOf(".");
  const label = bare.slice(dot + 1);
  return dot >= 0 && TOP_LABEL.test(label) && !/^\d+$/.test(label);
}

/** A domain-spec: it ends in a macro or in a label that can be a top-level domain. */
function domainSpec(text: string, term: string): MacroString {
  const parsed = parseMacroString(text);
  const last = parsed?.at(-1);
  if (parsed === null || last === undefined) throw fault(term);
  // What "%%", "%_" and "%-" stand for is literal text and no end.
  if (typeof last === "string" && !(endsInTopLabel(text) && endsInTopLabel(`x${last}`))) {
    throw fault(term);
  }
  return parsed;
}

function bitsOf(digits: string | undefined, all: number, term: string): number {
  const bits = digits === undefined ? all : Number(digits);
  if (bits > all) throw fault(term);
  return bits;
}

function addressDirective(base: DirectiveBase, mechanism: "a" | "mx", rest: string): Directive {
  const [, head = "", cidr4, cidr6] = CIDR.exec(rest) ?? [];
  if (head !== "" && !head.startsWith(":")) throw fault(base.text);
  return {
    ...base,
    mechanism,
    target: head === "" ? null : domainSpec(head.slice(1), base.text),
    bits4: bitsOf(cidr4, 32, base.text),
    bits6: bitsOf(cidr6, 128, base.text),
  };
}

function networkDirective(base: DirectiveBase, mechanism: "ip4" | "ip6", rest: string): Directive {
  const [, address = "", digits] = /^:([0-9a-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(rest) ?? [];
  const isIp6 = mechanism === "ip6";
  const network = parseIp(address);
  if (network === null || address.includes(":") !== isIp6) throw fault(base.text);
  const bits = bitsOf(digits, isIp6 ? 128 : 32, base.text);
  return { ...base, mechanism, network, bits: isIp6 ? bits : bits + 96 };
}

function parseDirective(term: string): Directive {
  const match = DIRECTIVE.exec(term);
  if (match === null) throw fault(term);
  const [, sign = "", name = "", rest = ""] = match;
  const base: DirectiveBase = { qualifier: (sign === "" ? "+" : sign) as Qualifier, text: term };
  const mechanism = name.toLowerCase();
  switch (mechanism) {
    case "all":
      if (rest !== "") throw fault(term);
      return { ...base, mechanism };
    case "include":
    case "exists":
      if (!rest.startsWith(":")) throw fault(term);
      return { ...base, mechanism, target: domainSpec(rest.slice(1), term) };
    case "ptr":
      if (rest !== "" && !rest.startsWith(":")) throw fault(term);
      return { ...base, mechanism, target: rest === "" ? null : domainSpec(rest.slice(1), term) };
    case "a":
    case "mx":
      return addressDirective(base, mechanism, rest);
    case "ip4":
    case "ip6":
      return networkDirective(base, mechanism, rest);
    default:
      throw fault(term);
  }
}

/**
 * The terms of a record, "v=spf1" included.
 * @throws {SpfSyntaxError} when it breaks the grammar.
 */
export function parseSpfRecord(text: string): SpfRecord {
  if (/[^ -~]/.test(text)) throw new SpfSyntaxError("The SPF record has bytes that are not ASCII");
  const directives: Directive[] = [];
  const known: { redirect: MacroString | null; exp: MacroString | null } = {
    redirect: null,
    exp: null,
  };
  for (const term of text.split(" ").slice(1)) {
    if (term === "") continue;
    const [, name = "", value = ""] = MODIFIER.exec(term) ?? [];
    const modifier = name.toLowerCase();
    if (name === "") {
      directives.push(parseDirective(term));
    } else if (modifier === "redirect" || modifier === "exp") {
      if (known[modifier] !== null) throw new SpfSyntaxError(`"${modifier}=" stands there twice`);
      known[modifier] = domainSpec(value, term);
    } else if (parseMacroString(value) === null) {
      throw fault(term);
    }
  }
  return { directives, ...known };
}

/** Whether the first `bits` of two addresses of sixteen bytes are the same; IPv4 and IPv6 never are. */
export function inNetwork(ip: Uint8Array, network: Uint8Array, bits: number): boolean {
  if (isMappedIpv4(ip) !== isMappedIpv4(network)) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (ip[i] !== network[i]) return false;
  const left = bits & 7;
  return left === 0 || ((ip[whole] ?? 0) ^ (network[whole] ?? 0)) >> (8 - left) === 0;
}
