/** The resolver's double: answers from a text (zone_file.ts) and never touches the network. */
import { canonicalName, isPossibleName } from "./names.ts";
import {
  type DnsAnswer,
  type DnsRecord,
  emptyAnswer,
  type QueryType,
  type Resolver,
} from "./types.ts";
import { escapedName } from "./wire.ts";
import { type Failure, parseZone, type Zone, type ZoneName } from "./zone_file.ts";

const MAX_ALIASES = 16;
const SERVFAIL = 2;

function failed(failure: Failure, name: string): DnsAnswer {
  return failure === "TIMEOUT"
    ? emptyAnswer("temporary", null, 0, `No answer for "${name}" (the DNS file says TIMEOUT)`)
    : emptyAnswer("temporary", SERVFAIL, 0, `Failure for "${name}" (the DNS file says SERVFAIL)`);
}

/** The entry of a name; below a "*" the entry of that, unless the name itself or one below it is there. */
function entryOf(zone: Zone, isInner: (name: string) => boolean, name: string): ZoneName | null {
  const found = zone.get(name);
  if (found !== undefined) return found;
  let parent = name;
  while (!isInner(parent)) {
    const dot = parent.indexOf(".");
    if (dot < 0) return null;
    parent = parent.slice(dot + 1);
    if (zone.has(parent) || isInner(parent)) return zone.get(`*.${parent}`) ?? null;
  }
  return null;
}

/** Names that are there only because others are below them. */
function innerNames(zone: Zone): ReadonlySet<string> {
  const inner = new Set<string>();
  for (const name of zone.keys()) {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      inner.add(name.slice(dot + 1));
    }
  }
  return inner;
}

function okAnswer(records: readonly DnsRecord[]): DnsAnswer {
  const ttlSeconds = Math.min(...records.map((r) => r.ttlSeconds));
  return { status: "ok", rcode: 0, records, ttlSeconds, problem: "" };
}

/** Answers from a zone already read. */
export function createZoneResolver(zone: Zone): Resolver {
  const inner = innerNames(zone);
  const isInner = (name: string) => inner.has(name);

  const answer = (asked: string, type: QueryType): DnsAnswer => {
    let name = asked;
    for (let hop = 0; hop <= MAX_ALIASES; hop++) {
      const entry = entryOf(zone, isInner, name);
      if (entry === null) {
        return emptyAnswer(isInner(name) ? "nodata" : "nxdomain", isInner(name) ? 0 : 3);
      }
      const records = entry.records.filter((r) => r.type === type);
      if (records.length > 0) return okAnswer(records);
      const failure = entry.failures.get(type) ?? entry.failures.get("*");
      if (failure !== undefined) return failed(failure, name);
      const alias = entry.records.find((r) => r.type === "CNAME");
      if (alias?.type !== "CNAME") return emptyAnswer("nodata", 0);
      name = canonicalName(alias.target);
    }
    return emptyAnswer("temporary", SERVFAIL, 0, `"${asked}" is an alias that leads nowhere`);
  };

  return {
    query(name, type) {
      const known = canonicalName(name);
      if (!isPossibleName(known) || known.endsWith(".")) {
        return Promise.resolve(emptyAnswer("nxdomain", null));
      }
      return Promise.resolve(answer(escapedName(known), type));
    },
  };
}

/**
 * Answers from `text`; `file` is named in errors.
 * @throws {ZoneFileError} when a line can't be read.
 */
export function createFileResolver(text: string, file: string): Resolver {
  return createZoneResolver(parseZone(text, file));
}
