/**
 * The client's address must have a name in the DNS (exists), or one that leads back to it (fcrdns;
 * RFC 8601 section 3).
 *
 * As rhost-check does with RBLSMTPD: 451, for a missing name is often a mistake that is mended, and
 * never 5xx.
 */
import { canonicalIp } from "../dns/names.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, DnsTrouble } from "./types.ts";

/** The check. */
export function reverseDns(
  level: "none" | "exists" | "fcrdns",
  trouble: DnsTrouble,
): Check<"rcpt_valid"> {
  const isAsked = (ip: string) => level !== "none" && canonicalIp(ip) !== null;
  return {
    name: "reverse_dns",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    needs: ({ client }, known) =>
      isAsked(client.ip) && known.reverse === null ? [{ kind: "reverse", ip: client.ip }] : [],
    findings({ client }, { reverse }) {
      if (!isAsked(client.ip) || reverse === null) return "";
      return reverse.status + (reverse.confirmed === null ? "" : ` name[${reverse.confirmed}]`);
    },
    judge({ client }, known) {
      if (!isAsked(client.ip)) return NONE;
      const { reverse } = known;
      switch (reverse?.status) {
        case "fcrdns":
          return NONE;
        case "exists": {
          if (level === "exists") return NONE;
          const reason = `${client.ip} is called ${reverse.names.join(", ")}, which lead elsewhere`;
          return against(POLICY_REPLIES.reverse_mismatch, "reverse_dns: fcrdns", reason);
        }
        case "none":
          return against(
            POLICY_REPLIES.reverse_missing,
            "reverse_dns: exists",
            `${client.ip} has no name in the DNS`,
          );
        case "undecided":
        case undefined:
          // Whoever has names has them, whether they lead back or not.
          if (trouble === "pass" || (level === "exists" && (reverse?.names.length ?? 0) > 0)) {
            return NONE;
          }
          return against(
            POLICY_REPLIES.reverse_undecided,
            "reverse_dns: undecided",
            reverse?.problem || "Nobody was asked",
          );
      }
    },
  };
}
