/**
 * What a client calls itself (RFC 5321 section 4.1.1.1): a host name or an address literal, not our
 * own, not in control/badhelo, and - helo_dns - known to the DNS.
 *
 * Refused at RCPT, so that postmaster can be told. RFC 5321 section 4.1.4 forbids to refuse mail
 * because a name does not belong to the address; that is not asked here.
 */
import { canonicalIp, canonicalName, isHostName } from "../dns/names.ts";
import { lowerAscii } from "./addresses.ts";
import { compileGlob } from "./glob.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, DnsTrouble, Need, Verdict } from "./types.ts";

/** control/badhelo: a name, ".suffix" for every name below it, or a glob with "*" or "?". */
export function readBadHelo(entries: readonly string[]): (helo: string) => string | null {
  const tests = entries.map((entry): readonly [string, (helo: string) => boolean] => {
    const lower = lowerAscii(entry.trim());
    if (/[*?]/.test(lower)) return [entry, compileGlob(lower)];
    if (lower.startsWith(".")) return [entry, (helo) => helo.endsWith(lower)];
    return [entry, (helo) => helo === lower];
  });
  return (helo) => {
    const name = canonicalName(helo);
    return tests.find(([, matches]) => matches(name))?.[0] ?? null;
  };
}

/** The address of "[192.0.2.1]" or "[IPv6:2001:db8::1]" in its one text; null: no literal. */
export function literalAddress(helo: string): string | null {
  const inner = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(helo)?.[1];
  return inner === undefined ? null : canonicalIp(inner);
}

/** What is asked of a name. */
export interface HeloTerms {
  /** Names and addresses that are ours, canonical. */
  readonly ours: ReadonlySet<string>;
  /** The entry of control/badhelo that matches. */
  readonly bad: (helo: string) => string | null;
  /** At least two labels. */
  readonly wantsFullName: boolean;
}

function judgeName(helo: string, terms: HeloTerms): Verdict {
  if (helo === "") {
    return against(POLICY_REPLIES.helo_missing, "helo: missing", "There was no HELO or no name");
  }
  const address = literalAddress(helo);
  if (terms.ours.has(address ?? canonicalName(helo))) {
    return against(POLICY_REPLIES.helo_ours, "helo: ours", `It calls itself "${helo}", as we do`);
  }
  const entry = terms.bad(helo);
  if (entry !== null) {
    const reason = `"${helo}" matches "${entry}" of control/badhelo`;
    return against(POLICY_REPLIES.helo_bad, `helo: badhelo ${entry}`, reason);
  }
  const isName = canonicalIp(helo) === null && isHostName(helo, terms.wantsFullName ? 2 : 1);
  if (address !== null || isName) return NONE;
  const reason = `"${helo}" is neither a host name nor an address literal`;
  return against(POLICY_REPLIES.helo_syntax, "helo: syntax", reason);
}

/** The check without the DNS. */
export function helo(terms: HeloTerms): Check<"rcpt"> {
  return {
    name: "helo",
    stage: "rcpt",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    judge: (facts) => judgeName(facts.helo, terms),
  };
}

const TYPES = ["A", "AAAA", "MX"] as const;

/** The name must have an address or take mail; literals are not asked about. */
export function heloDns(trouble: DnsTrouble): Check<"rcpt_valid"> {
  const nameOf = (given: string) => literalAddress(given) === null ? canonicalName(given) : "";
  return {
    name: "helo_dns",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    needs({ helo: given }, known): readonly Need[] {
      const name = nameOf(given);
      if (!isHostName(name) || TYPES.some((type) => known.dns(name, type)?.status === "ok")) {
        return [];
      }
      const next = TYPES.find((type) => known.dns(name, type) === undefined);
      const isGone = TYPES.some((type) => known.dns(name, type)?.status === "nxdomain");
      return next === undefined || isGone ? [] : [{ kind: "dns", name, type: next }];
    },
    judge({ helo: given }, known) {
      const name = nameOf(given);
      if (!isHostName(name)) return NONE;
      const states = TYPES.map((type) => known.dns(name, type)?.status);
      if (states.includes("ok")) return NONE;
      if (
        !states.includes("nxdomain") && states.some((s) => s === "temporary" || s === undefined)
      ) {
        if (trouble === "pass") return NONE;
        const reason = `The DNS can't say what "${given}" of HELO is`;
        return against(POLICY_REPLIES.helo_undecided, "helo_dns: undecided", reason);
      }
      const reason = `The DNS has neither an address nor a mail exchanger of "${given}"`;
      return against(POLICY_REPLIES.helo_unknown, "helo_dns", reason);
    },
  };
}
