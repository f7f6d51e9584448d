/**
 * Sessions at one time: in all, per address (IPv6: per /64), per /24. The counting is
 * net/limits.ts'; here is what the numbers mean. tcpserver's -c and mailfront's "C" instruction
 * know the first two.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** Most sessions at one time; 0: no limit. */
export interface SessionLimitValues {
  readonly all: number;
  readonly address: number;
  readonly network: number;
}

/** The check; who is refused tries again later, so all three are 421. */
export function sessions(limits: SessionLimitValues): Check<"connect"> {
  return {
    name: "sessions",
    stage: "connect",
    spares: ["loopback"],
    judge({ sessions: open, client }) {
      const table = [
        ["all", POLICY_REPLIES.sessions_in_all, "in all"],
        ["address", POLICY_REPLIES.sessions_of_address, `of ${client.ip}`],
        ["network", POLICY_REPLIES.sessions_of_network, `of ${client.network}`],
      ] as const;
      for (const [what, reply, whose] of table) {
        const most = limits[what];
        if (most === 0 || open[what] <= most) continue;
        // A forwarder's many sessions are wanted; the process' own limit holds for it as well.
        if (what !== "all" && client.isForwarder) continue;
        const reason = `${open[what]} sessions ${whose}, the limit is ${most}`;
        return against(reply, `sessions: ${what}`, reason, { ends: true });
      }
      return NONE;
    },
  };
}
