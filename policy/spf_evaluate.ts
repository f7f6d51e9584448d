/**
 * Evaluating SPF records over the DNS (RFC 7208 sections 4.6, 5 and 6): mechanisms in their order, redirect, and the
 * limits of section 4.6.4 - ten terms that ask the DNS, two look-ups without result, ten names of one MX or PTR.
 */
import { isPossibleName, MAX_NAME_LENGTH, reversedIp, reverseName, showIp } from "../dns/names.ts";
import { hasAddress } from "../dns/reverse.ts";
import { type DnsAnswer, type QueryType, recordsOf, type Resolver } from "../dns/types.ts";
import { isMappedIpv4, parseIp } from "../net/ip.ts";
import { expandMacros, type MacroLetter, type MacroString } from "./spf_macro.ts";
import {
  type Directive,
  inNetwork,
  isSpfRecord,
  parseSpfRecord,
  type Qualifier,
  type SpfRecord,
  SpfSyntaxError,
} from "./spf_record.ts";

export type SpfVerdict =
  | "pass"
  | "fail"
  | "softfail"
  | "neutral"
  | "none"
  | "permerror"
  | "temperror";

/** What one check knows and counts, through all its includes and redirects. */
export interface SpfState {
  readonly resolver: Resolver;
  /** The client's address, sixteen bytes. */
  readonly ip: Uint8Array;
  readonly local: string;
  readonly senderDomain: string;
  readonly helo: string;
  /** Our own name ("r") and the time in seconds since 1970 ("t"), for explanations. */
  readonly receiver: string;
  readonly nowSeconds: number;
  /** Terms that asked the DNS. */
  terms: number;
  /** Of these, look-ups that found nothing. */
  voids: number;
  /** Names of the client that lead back to it, once they were asked for. */
  names: Promise<readonly string[]> | null;
}

/** What a record came to. */
export interface SpfOutcome {
  readonly verdict: SpfVerdict;
  /** The directive that matched, as the record has it; "": none did. */
  readonly mechanism: string;
  /** Whose record it was. */
  readonly domain: string;
  readonly exp: MacroString | null;
}

/** Ends an evaluation with permerror or temperror; `message` is the sentence for it. */
export class SpfTrouble extends Error {
  override name = "SpfTrouble";
  constructor(readonly verdict: "permerror" | "temperror", message: string) {
    super(message);
  }
}

const MAX_TERMS = 10;
const MAX_VOIDS = 2;
const MAX_NAMES = 10;

const VERDICTS: Readonly<Record<Qualifier, SpfVerdict>> = {
  "+": "pass",
  "-": "fail",
  "~": "softfail",
  "?": "neutral",
};

const permanent = (message: string) => new SpfTrouble("permerror", message);

function countTerm(state: SpfState): void {
  if (++state.terms > MAX_TERMS) {
    throw permanent(`The SPF record needs more than ${MAX_TERMS} terms that ask the DNS`);
  }
}

/** Asks for a mechanism; a temporary failure ends the evaluation, a void look-up is counted. */
async function ask(state: SpfState, name: string, type: QueryType, isTerm = true) {
  const answer = await state.resolver.query(name, type);
  if (answer.status === "temporary") throw new SpfTrouble("temperror", answer.problem);
  if (isTerm && answer.status !== "ok" && ++state.voids > MAX_VOIDS) {
    throw permanent(`The SPF record has more than ${MAX_VOIDS} look-ups that find nothing`);
  }
  return answer;
}

const addressType = (state: SpfState): "A" | "AAAA" => isMappedIpv4(state.ip) ? "A" : "AAAA";

/** Names of the client that lead back to it (section 5.5); trouble with the DNS leaves a name out. */
async function lookUpNames(state: SpfState): Promise<string[]> {
  const address = showIp(state.ip);
  const pointers = await state.resolver.query(reverseName(address) ?? "", "PTR");
  const names: string[] = [];
  for (const { target } of recordsOf(pointers, "PTR").slice(0, MAX_NAMES)) {
    if (hasAddress(await state.resolver.query(target, addressType(state)), address)) {
      names.push(target);
    }
  }
  return names;
}

/** The same, asked once a check: a record can ask for "p" any number of times. */
function validatedNames(state: SpfState): Promise<readonly string[]> {
  return state.names ??= lookUpNames(state);
}

const isBelow = (name: string, domain: string): boolean =>
  name.toLowerCase() === domain.toLowerCase() ||
  name.toLowerCase().endsWith(`.${domain.toLowerCase()}`);

/** The value of "p": the domain itself, else a name below it, else any validated name, else "unknown". */
async function clientName(state: SpfState, domain: string): Promise<string> {
  const names = await validatedNames(state);
  return names.find((name) => name.toLowerCase() === domain.toLowerCase()) ??
    names.find((name) => isBelow(name, domain)) ?? names[0] ?? "unknown";
}

/** The client's address as "i" shows it: numbers, or nibbles. */
function macroIp(state: SpfState): string {
  const text = showIp(state.ip);
  if (isMappedIpv4(state.ip)) return text;
  return (reversedIp(text) ?? "").split(".").reverse().join(".").toUpperCase();
}

/** The letters for `domain`, whose record is being evaluated. */
export function macroValues(state: SpfState, domain: string) {
  return (letter: MacroLetter): string | Promise<string> => {
    switch (letter) {
      case "s":
        return `${state.local}@${state.senderDomain}`;
      case "l":
        return state.local;
      case "o":
        return state.senderDomain;
      case "d":
        return domain;
      case "i":
        return macroIp(state);
      case "p":
        return clientName(state, domain);
      case "v":
        return isMappedIpv4(state.ip) ? "in-addr" : "ip6";
      case "h":
        return state.helo;
      case "c":
        return showIp(state.ip);
      case "r":
        return state.receiver;
      case "t":
        return String(state.nowSeconds);
    }
  };
}

/** A domain-spec filled in; labels on the left go until the name is short enough (section 7.3). */
export async function expandDomain(
  state: SpfState,
  target: MacroString | null,
  domain: string,
): Promise<string> {
  if (target === null) return domain;
  const tail = (out: string) => out.slice(-2 * MAX_NAME_LENGTH);
  let name = await expandMacros(target, macroValues(state, domain), tail);
  if (name.endsWith(".")) name = name.slice(0, -1);
  while (name.length > MAX_NAME_LENGTH && name.includes(".")) {
    name = name.slice(name.indexOf(".") + 1);
  }
  return name;
}

/** Whether an address of `answer` is in the client's network. */
function anyInNetwork(state: SpfState, answer: DnsAnswer, bits4: number, bits6: number): boolean {
  const isIp4 = isMappedIpv4(state.ip);
  const records = isIp4 ? recordsOf(answer, "A") : recordsOf(answer, "AAAA");
  return records.some(({ address }) => {
    const other = parseIp(address);
    return other !== null && inNetwork(state.ip, other, isIp4 ? bits4 + 96 : bits6);
  });
}

async function matchesMx(state: SpfState, name: string, bits4: number, bits6: number) {
  const hosts = recordsOf(await ask(state, name, "MX"), "MX");
  if (hosts.length > MAX_NAMES) throw permanent(`"${name}" has more than ${MAX_NAMES} MX records`);
  for (const { exchange } of hosts) {
    if (exchange === "" || !isPossibleName(exchange)) continue;
    const answer = await ask(state, exchange, addressType(state), false);
    if (anyInNetwork(state, answer, bits4, bits6)) return true;
  }
  return false;
}

async function matchesInclude(state: SpfState, name: string): Promise<boolean> {
  const record = await fetchRecord(state, name);
  if (record === null) throw permanent(`"${name}" is included and has no SPF record`);
  return (await evaluate(state, name, record)).verdict === "pass";
}

/** Whether a mechanism that asks the DNS matches. */
async function matchesName(
  state: SpfState,
  directive: Exclude<Directive, { mechanism: "all" | "ip4" | "ip6" }>,
  domain: string,
): Promise<boolean> {
  countTerm(state);
  const name = await expandDomain(state, directive.target, domain);
  const canBeAsked = name !== "" && isPossibleName(name);
  switch (directive.mechanism) {
    case "include":
      return await matchesInclude(state, name);
    case "a": {
      const { bits4, bits6 } = directive;
      return canBeAsked &&
        anyInNetwork(state, await ask(state, name, addressType(state)), bits4, bits6);
    }
    case "mx":
      return canBeAsked && await matchesMx(state, name, directive.bits4, directive.bits6);
    case "exists":
      return canBeAsked && (await ask(state, name, "A")).status === "ok";
    case "ptr":
      return (await validatedNames(state)).some((found) => isBelow(found, name));
  }
}

function matches(
  state: SpfState,
  directive: Directive,
  domain: string,
): boolean | Promise<boolean> {
  switch (directive.mechanism) {
    case "all":
      return true;
    case "ip4":
    case "ip6":
      return inNetwork(state.ip, directive.network, directive.bits);
    default:
      return matchesName(state, directive, domain);
  }
}

/**
 * The SPF record of a domain, null: it has none.
 * @throws {SpfTrouble} when it can't be had, when there are several, or when it breaks the grammar.
 */
export async function fetchRecord(state: SpfState, domain: string): Promise<SpfRecord | null> {
  if (domain === "" || !isPossibleName(domain)) return null;
  const answer = await ask(state, domain, "TXT", false);
  const texts = recordsOf(answer, "TXT").map((r) => r.texts.join("")).filter(isSpfRecord);
  const [text] = texts;
  if (text === undefined) return null;
  if (texts.length > 1) throw permanent(`"${domain}" has ${texts.length} SPF records`);
  return parseOwn(text, domain);
}

/** Reads a record, naming its owner in the sentence for a fault. */
export function parseOwn(text: string, owner: string): SpfRecord {
  try {
    return parseSpfRecord(text);
  } catch (error) {
    if (!(error instanceof SpfSyntaxError)) throw error;
    throw permanent(`SPF record of "${owner}": ${error.message}`);
  }
}

/**
 * What `record` of `domain` says of the client.
 * @throws {SpfTrouble} for permerror and temperror.
 */
export async function evaluate(
  state: SpfState,
  domain: string,
  record: SpfRecord,
): Promise<SpfOutcome> {
  for (const directive of record.directives) {
    if (await matches(state, directive, domain)) {
      const { text, qualifier } = directive;
      return { verdict: VERDICTS[qualifier], mechanism: text, domain, exp: record.exp };
    }
  }
  if (record.redirect === null) return { verdict: "neutral", mechanism: "", domain, exp: null };
  countTerm(state);
  const next = await expandDomain(state, record.redirect, domain);
  const other = await fetchRecord(state, next);
  if (other === null) throw permanent(`"${next}" is redirected to and has no SPF record`);
  return await evaluate(state, next, other);
}
