/**
 * A message of which any recipient was refused, refused as a whole at DATA: who guesses recipients
 * gets nothing through.
 *
 * As the patch "reject if any" for qmail. DIFFERS: the counts are those of the transaction; the
 * patch forgets nothing until the session ends, and refuses an innocent second message.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, RefusedCounts } from "./types.ts";

/** `kinds`: what counts. */
export function rejectIfAny(kinds: readonly (keyof RefusedCounts)[]): Check<"data"> {
  return {
    name: "reject_if_any",
    stage: "data",
    spares: ["trusted", "recipient"],
    judge({ refused }) {
      const kind = kinds.find((one) => refused[one] > 0);
      if (kind === undefined) return NONE;
      const reason = `Recipients refused before in this transaction (${kind}): ${refused[kind]}`;
      return against(POLICY_REPLIES.any_bad_recipient, `reject_if_any: ${kind}`, reason);
    },
  };
}
