/**
 * Could an answer to this sender be delivered? Its domain must exist: mail exchangers, or an
 * address (RFC 5321 section 5.1). One that says that it takes no mail (null MX, RFC 7505) can't
 * send any either.
 */
import { canonicalName, isPossibleName } from "../dns/names.ts";
import { recordsOf } from "../dns/types.ts";
import { domainOf } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, DnsTrouble, Known, Need } from "./types.ts";

const TYPES = ["MX", "A", "AAAA"] as const;

type State = "takes_mail" | "null_mx" | "unknown" | "undecided" | "ask_next";

/** What is known of the domain so far. */
function stateOf(domain: string, known: Known): State {
  let isUndecided = false;
  for (const type of TYPES) {
    const answer = known.dns(domain, type);
    switch (answer?.status) {
      case undefined:
        return "ask_next";
      case "nxdomain":
        return "unknown";
      case "temporary":
        // Without the exchangers nobody can say; an address would only stand in for them.
        if (type === "MX") return "undecided";
        isUndecided = true;
        break;
      case "nodata":
        break;
      case "ok": {
        const exchangers = recordsOf(answer, "MX");
        const isNull = exchangers.length === 1 && exchangers[0]?.exchange === "";
        return isNull ? "null_mx" : "takes_mail";
      }
    }
  }
  return isUndecided ? "undecided" : "unknown";
}

/** The check. */
export function senderDomain(trouble: DnsTrouble): Check<"rcpt_valid"> {
  const nameOf = (sender: string) => canonicalName(domainOf(sender));
  return {
    name: "sender_domain",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback", "forwarder", "recipient", "sender"],
    needs({ sender }, known): readonly Need[] {
      const name = nameOf(sender);
      if (!isAskable(name) || stateOf(name, known) !== "ask_next") return [];
      const type = TYPES.find((one) => known.dns(name, one) === undefined);
      return type === undefined ? [] : [{ kind: "dns", name, type }];
    },
    judge({ sender }, known) {
      const name = nameOf(sender);
      // A null sender, no domain at all (check_fqdn's affair), an address literal.
      if (name === "" || name.startsWith("[")) return NONE;
      const state = isAskable(name) ? stateOf(name, known) : "unknown";
      switch (state) {
        case "takes_mail":
          return NONE;
        case "null_mx":
          return against(
            POLICY_REPLIES.sender_domain_no_mail,
            "sender_domain: null MX",
            `"${name}" says that it takes no mail`,
          );
        case "unknown":
          return against(
            POLICY_REPLIES.sender_domain_unknown,
            "sender_domain: exists",
            `The DNS has neither a mail exchanger nor an address of "${name}"`,
          );
        case "ask_next":
        case "undecided":
          return trouble === "pass" ? NONE : against(
            POLICY_REPLIES.sender_domain_undecided,
            "sender_domain: undecided",
            TYPES.map((type) => known.dns(name, type)?.problem ?? "").find((p) => p !== "") ??
              "Nobody was asked",
          );
      }
    },
  };
}

function isAskable(name: string): boolean {
  return name !== "" && !name.startsWith("[") && isPossibleName(name);
}
