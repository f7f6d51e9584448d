/**
 * DNS answers written in a text file, for tests and for what-if questions. A line is
 *
 *     name [TTL] TYPE data      example.org 300 MX 10 mail.example.org
 *     name TIMEOUT              nobody answers what the file does not have for this name
 *     name SERVFAIL             the name server fails for it
 *     name TYPE TIMEOUT         the same for one type (or SERVFAIL)
 *
 * "#" and ";" begin comments. Names are complete. "*" as the first label stands for names that the file does not have.
 * It is not a master file of RFC 1035: no $ORIGIN, no parentheses, no names left out.
 */
import { canonicalIp, canonicalName, isPossibleName } from "./names.ts";
import type { DnsRecord, QueryType } from "./types.ts";
import { escapedName } from "./wire.ts";

/** A line that can't be read: one sentence with file and line number. */
export class ZoneFileError extends Error {
  override name = "ZoneFileError";
}

/** What the DNS does instead of answering. */
export type Failure = "TIMEOUT" | "SERVFAIL";

/** What the file says about one name. */
export interface ZoneName {
  readonly records: DnsRecord[];
  /** Failures by type; "*": all types that the file has no records of. */
  readonly failures: Map<QueryType | "*", Failure>;
}

export type Zone = ReadonlyMap<string, ZoneName>;

const DEFAULT_TTL_SECONDS = 300;
const TYPES: readonly QueryType[] = ["A", "AAAA", "MX", "TXT", "PTR", "NS", "CNAME", "SOA"];
const WORD = /"((?:[^"\\]|\\.)*)"|([^\s"]+)/g;

/** The words of a line up to its comment; a quoted word may hold anything. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(WORD)) {
    const bare = match[2];
    if (bare !== undefined && /^[#;]/.test(bare)) break;
    words.push(bare ?? unescapeText(match[1] ?? ""));
  }
  return words;
}

/** \DDD is a byte, \c is c (RFC 1035 section 5.1). */
function unescapeText(text: string): string {
  return text.replace(
    /\\(\d{3}|[^])/g,
    (_, what: string) => what.length === 3 ? String.fromCharCode(Number(what) & 255) : what,
  );
}

function nameOf(word: string | undefined, what: string): string {
  const name = canonicalName(word ?? "");
  if (word === undefined || !isPossibleName(word)) {
    throw new ZoneFileError(`"${word ?? ""}" is no domain name (${what})`);
  }
  return escapedName(name);
}

function numberOf(word: string | undefined, what: string): number {
  if (word === undefined || !/^\d{1,10}$/.test(word)) {
    throw new ZoneFileError(`"${word ?? ""}" is no number (${what})`);
  }
  return Number(word);
}

function addressOf(type: "A" | "AAAA", word: string | undefined): string {
  const address = canonicalIp(word ?? "");
  if (address === null || (word ?? "").includes(":") !== (type === "AAAA")) {
    throw new ZoneFileError(`"${word ?? ""}" is no address for ${type}`);
  }
  return address;
}

function recordOf(
  name: string,
  ttlSeconds: number,
  type: QueryType,
  data: readonly string[],
): DnsRecord {
  const head = { name, ttlSeconds };
  switch (type) {
    case "A":
    case "AAAA":
      return { type, ...head, address: addressOf(type, data[0]) };
    case "TXT":
      return { type, ...head, texts: data };
    case "MX": {
      const preference = numberOf(data[0], "MX preference");
      return { type, ...head, preference, exchange: nameOf(data[1], "MX host") };
    }
    case "SOA": {
      const minimumSeconds = numberOf(data[6] ?? "0", "SOA minimum");
      return { type, ...head, target: nameOf(data[0], "SOA"), minimumSeconds };
    }
    case "PTR":
    case "NS":
    case "CNAME":
      return { type, ...head, target: nameOf(data[0], type) };
  }
}

const isFailure = (word: string | undefined): word is Failure =>
  word === "TIMEOUT" || word === "SERVFAIL";

function readLine(words: readonly string[], zone: Map<string, ZoneName>): void {
  const name = nameOf(words[0], "first word of the line");
  let entry = zone.get(name);
  if (entry === undefined) zone.set(name, entry = { records: [], failures: new Map() });
  let rest = words.slice(1);
  if (rest.length === 1 && isFailure(rest[0])) {
    entry.failures.set("*", rest[0]);
    return;
  }
  let ttlSeconds = DEFAULT_TTL_SECONDS;
  if (/^\d+$/.test(rest[0] ?? "")) {
    ttlSeconds = numberOf(rest[0], "TTL");
    rest = rest.slice(1);
  }
  if (rest[0]?.toUpperCase() === "IN") rest = rest.slice(1);
  const type = TYPES.find((t) => t === rest[0]?.toUpperCase());
  if (type === undefined) {
    throw new ZoneFileError(`"${rest[0] ?? ""}" is none of ${TYPES.join(", ")}, TIMEOUT, SERVFAIL`);
  }
  const data = rest.slice(1);
  if (data.length === 1 && isFailure(data[0])) entry.failures.set(type, data[0]);
  else if (data.length === 0) throw new ZoneFileError(`${type} needs a value`);
  else entry.records.push(recordOf(name, ttlSeconds, type, data));
}

/**
 * Reads the whole text; `file` is named in errors.
 * @throws {ZoneFileError} at the first line that can't be read.
 */
export function parseZone(text: string, file: string): Zone {
  const zone = new Map<string, ZoneName>();
  for (const [i, line] of text.split("\n").entries()) {
    const words = wordsOf(line);
    if (words.length === 0) continue;
    try {
      readLine(words, zone);
    } catch (error) {
      if (!(error instanceof ZoneFileError)) throw error;
      throw new ZoneFileError(`${file} line ${i + 1}: ${error.message}`);
    }
  }
  return zone;
}
