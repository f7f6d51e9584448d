/**
 * What a name server's message says about a question: records behind aliases (RFC 1034 section 3.6.2), no such name,
 * no such record (RFC 2308), or nothing that can be relied on.
 */
import { canonicalName } from "./names.ts";
import { type DnsAnswer, type DnsRecord, emptyAnswer, type QueryType } from "./types.ts";
import { type DnsMessage, escapedName } from "./wire.ts";

const NOERROR = 0;
const NXDOMAIN = 3;
/** Longest chain of aliases in one message. */
const MAX_ALIASES = 16;
/** Longest time that an answer is believed, whatever it says: a day. */
const MAX_TTL_SECONDS = 86_400;
/** The same for "there is none" (RFC 2308 section 5 has one to three hours). */
const MAX_NEGATIVE_TTL_SECONDS = 3600;
/** How long a name server's failure is believed (RFC 9520 section 3.2: at least one second, at most five minutes). */
export const FAILURE_TTL_SECONDS = 5;

const RCODE_NAMES: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  4: "NOTIMP",
  5: "REFUSED",
  16: "BADVERS",
};

/** "SERVFAIL" for 2, and so on; the number where it has no common name. */
export function rcodeName(rcode: number): string {
  return RCODE_NAMES[rcode] ?? `rcode ${rcode}`;
}

/** An answer, or the name that has to be asked instead because the server left an alias unfollowed. */
export type Interpreted = { readonly answer: DnsAnswer } | {
  readonly follow: string;
  readonly ttlSeconds: number;
};

function followAliases(message: DnsMessage, name: string): { name: string; ttlSeconds: number } {
  let at = name;
  let ttlSeconds = MAX_TTL_SECONDS;
  for (let hop = 0; hop < MAX_ALIASES; hop++) {
    const alias = message.answers.find((r) => r.type === "CNAME" && canonicalName(r.name) === at);
    if (alias?.type !== "CNAME") break;
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
    at = canonicalName(alias.target);
  }
  return { name: at, ttlSeconds };
}

/** Seconds for which "there is none" holds; null when the server gave no SOA and it must not be kept. */
function negativeTtl(message: DnsMessage): number | null {
  for (const record of message.authorities) {
    if (record.type !== "SOA") continue;
    return Math.min(record.ttlSeconds, record.minimumSeconds, MAX_NEGATIVE_TTL_SECONDS);
  }
  return null;
}

function isReferral(message: DnsMessage): boolean {
  return !message.isAuthoritative && !message.recursionAvailable &&
    message.authorities.some((r) => r.type === "NS");
}

function positive(records: readonly DnsRecord[], aliasTtl: number): DnsAnswer {
  const ttlSeconds = records.reduce((ttl, r) => Math.min(ttl, r.ttlSeconds), aliasTtl);
  return { status: "ok", rcode: NOERROR, records, ttlSeconds, problem: "" };
}

/** What `message` says about `name` and `type`. `server` is named in problems. */
export function interpret(
  message: DnsMessage,
  name: string,
  type: QueryType,
  server: string,
): Interpreted {
  const { rcode } = message;
  if (rcode !== NOERROR && rcode !== NXDOMAIN) {
    const problem = `Name server ${server} answered ${rcodeName(rcode)}`;
    return { answer: emptyAnswer("temporary", rcode, FAILURE_TTL_SECONDS, problem) };
  }
  const asked = canonicalName(escapedName(name));
  const final = type === "CNAME"
    ? { name: asked, ttlSeconds: MAX_TTL_SECONDS }
    : followAliases(message, asked);
  const ttl = negativeTtl(message);
  if (rcode === NXDOMAIN) {
    return { answer: emptyAnswer("nxdomain", rcode, Math.min(ttl ?? 0, final.ttlSeconds)) };
  }
  const records = message.answers.filter((r) =>
    r.type === type && canonicalName(r.name) === final.name
  );
  if (records.length > 0) return { answer: positive(records, final.ttlSeconds) };
  if (ttl !== null) {
    return { answer: emptyAnswer("nodata", rcode, Math.min(ttl, final.ttlSeconds)) };
  }
  if (final.name !== asked) return { follow: final.name, ttlSeconds: final.ttlSeconds };
  if (isReferral(message)) {
    const problem =
      `Name server ${server} does not answer for other machines' names (no recursion)`;
    return { answer: emptyAnswer("temporary", rcode, FAILURE_TTL_SECONDS, problem) };
  }
  return { answer: emptyAnswer("nodata", rcode) };
}
