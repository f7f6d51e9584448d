/**
 * What the house knows of the DNS: a question, an answer with its status, and something that answers.
 *
 * Names are binary strings, labels joined by dots, without the final dot; the root is "". A dot or a byte outside
 * printable ASCII inside a label of an answer is written \. or \DDD (RFC 1035 section 5.1).
 */

/** Record types that can be asked for. */
export type QueryType = "A" | "AAAA" | "MX" | "TXT" | "PTR" | "NS" | "CNAME" | "SOA";

interface RecordData {
  /** Canonical text of the address (RFC 5952). */
  readonly A: { readonly address: string };
  readonly AAAA: { readonly address: string };
  /** exchange is "" for a null MX (RFC 7505). */
  readonly MX: { readonly preference: number; readonly exchange: string };
  /** The character-strings of one record, binary. */
  readonly TXT: { readonly texts: readonly string[] };
  readonly PTR: { readonly target: string };
  readonly NS: { readonly target: string };
  readonly CNAME: { readonly target: string };
  /** minimumSeconds: how long "no such record" may be believed (RFC 2308). */
  readonly SOA: { readonly target: string; readonly minimumSeconds: number };
}

/** A resource record of class IN. */
export type DnsRecord<T extends QueryType = QueryType> = {
  [K in T]:
    & { readonly type: K; readonly name: string; readonly ttlSeconds: number }
    & RecordData[K];
}[T];

/**
 * ok: there are records of the type; nxdomain: there is no such name; nodata: the name has none of this type;
 * temporary: nobody could say (time-out, SERVFAIL, REFUSED, no server) - never to be taken for a no.
 */
export type DnsStatus = "ok" | "nxdomain" | "nodata" | "temporary";

export interface DnsAnswer {
  readonly status: DnsStatus;
  /** What the server said (RFC 1035 section 4.1.1, RFC 6895); null when no server was asked or none answered. */
  readonly rcode: number | null;
  /** Records of the type asked for, found behind any CNAME; empty unless status is "ok". */
  readonly records: readonly DnsRecord[];
  /** How long the answer may be believed. */
  readonly ttlSeconds: number;
  /** One sentence on why there is no better answer; "" for ok, nxdomain and nodata. */
  readonly problem: string;
}

export interface QueryOptions {
  /** Longest wait of this caller in milliseconds; the resolver's own limit holds as well. */
  readonly timeoutMs?: number;
  /** Session number for the trace. */
  readonly session?: number;
}

export interface Resolver {
  /** Never rejects: whatever goes wrong is an answer with status "temporary". */
  query(name: string, type: QueryType, options?: QueryOptions): Promise<DnsAnswer>;
}

/** The records of one type of an answer. */
export function recordsOf<T extends QueryType>(
  answer: DnsAnswer,
  type: T,
): Extract<DnsRecord, { readonly type: T }>[] {
  return answer.records.filter((r): r is Extract<DnsRecord, { readonly type: T }> =>
    r.type === type
  );
}

/** An answer without records. */
export function emptyAnswer(
  status: "nxdomain" | "nodata" | "temporary",
  rcode: number | null,
  ttlSeconds = 0,
  problem = "",
): DnsAnswer {
  return { status, rcode, records: [], ttlSeconds, problem };
}
