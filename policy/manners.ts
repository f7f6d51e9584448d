/**
 * Who can't wait his turn: talking before the greeting, and commands behind one that must be the
 * last of its group (RFC 5321 section 3.1 and 4.3.1, RFC 2920 section 3.1). Programs that only send
 * do both; mail servers do neither.
 */
import { isNeverBanned } from "./guesses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { AnyCheck, Check, ClientFacts } from "./types.ts";

/**
 * Seconds to wait before the greeting; those who are known do not wait. `hasPassed`: it waited well
 * before.
 */
export function greetDelaySeconds(
  seconds: number,
  client: ClientFacts,
  hasPassed: boolean,
): number {
  return hasPassed || isNeverBanned(client) ? 0 : seconds;
}

/** Talked before the greeting. */
export function earlyTalker(): Check<"connect"> {
  return {
    name: "early_talker",
    stage: "connect",
    spares: ["trusted", "loopback", "forwarder"],
    judge({ spokeEarly, client }) {
      if (!spokeEarly) return NONE;
      const reason = `${client.ip} talked before the greeting`;
      return against(POLICY_REPLIES.early_talker, "early_talker", reason, { ends: true });
    },
  };
}

/** Input waited behind HELO, EHLO or DATA. */
export function strictPipelining(): AnyCheck[] {
  const judge = ({ hasMoreInput }: { readonly hasMoreInput: boolean }) => {
    if (!hasMoreInput) return NONE;
    const reason = "More input came before the answer to a command that ends its group";
    return against(POLICY_REPLIES.pipelined, "strict_pipelining", reason, { ends: true });
  };
  const spares = ["trusted", "loopback", "forwarder"] as const;
  return [
    { name: "strict_pipelining", stage: "helo", spares, judge },
    { name: "strict_pipelining", stage: "data", spares, judge },
  ];
}
