/**
 * Reverse DNS with confirmation (RFC 8601 section 3, "iprev"): the names of an address, and the first of them that
 * has the address among its own. At most ten names are asked, as RFC 7208 section 4.6.4 counts them.
 */
import { canonicalIp, isHostName, reverseName } from "./names.ts";
import { type DnsAnswer, recordsOf, type Resolver } from "./types.ts";

/** Names of one address that are looked at. */
export const MAX_REVERSE_NAMES = 10;

/**
 * none: the address has no name; exists: it has names, none of which leads back; fcrdns: one leads back;
 * undecided: the DNS could not say, which must never count as none.
 */
export type ReverseStatus = "none" | "exists" | "fcrdns" | "undecided";

export interface ReverseResult {
  readonly status: ReverseStatus;
  /** The names of the address, at most ten, as the DNS writes them; only host names. */
  readonly names: readonly string[];
  /** The first name that leads back, null: none does. */
  readonly confirmed: string | null;
  /** One sentence when undecided, else "". */
  readonly problem: string;
}

/** Whether `answer` has the address (canonical text) among its A or AAAA records. */
export function hasAddress(answer: DnsAnswer, address: string): boolean {
  return recordsOf(answer, "A").some((r) => r.address === address) ||
    recordsOf(answer, "AAAA").some((r) => r.address === address);
}

/** Looks up the names of `ip` (numeric text) and confirms one. Never rejects. */
export async function confirmReverse(ip: string, resolver: Resolver): Promise<ReverseResult> {
  const address = canonicalIp(ip);
  const name = reverseName(ip);
  if (address === null || name === null) {
    return { status: "none", names: [], confirmed: null, problem: "" };
  }
  const pointers = await resolver.query(name, "PTR");
  if (pointers.status === "temporary") {
    return { status: "undecided", names: [], confirmed: null, problem: pointers.problem };
  }
  const names = recordsOf(pointers, "PTR").map((r) => r.target)
    .filter((target) => isHostName(target)).slice(0, MAX_REVERSE_NAMES);
  if (names.length === 0) return { status: "none", names, confirmed: null, problem: "" };
  let problem = "";
  for (const target of names) {
    const answer = await resolver.query(target, address.includes(":") ? "AAAA" : "A");
    if (hasAddress(answer, address)) {
      return { status: "fcrdns", names, confirmed: target, problem: "" };
    }
    if (answer.status === "temporary") problem = answer.problem;
  }
  return { status: problem === "" ? "exists" : "undecided", names, confirmed: null, problem };
}
