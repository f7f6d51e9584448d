/**
 * Mail without sender is a notice about one message, so it has one recipient, and never a list's
 * posting address.
 *
 * The first rule may be too strict for programs that try several recipients with a null sender to
 * see whether they exist; shadow tells.
 */
import { lowerAscii } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** At RCPT: one recipient. */
export function nullSenderOnce(): Check<"rcpt"> {
  return {
    name: "null_sender",
    stage: "rcpt",
    spares: ["trusted"],
    judge({ sender, accepted }) {
      if (sender !== "" || accepted === 0) return NONE;
      const reason = "A message without sender has a second recipient";
      return against(POLICY_REPLIES.bounce_recipients, "null_sender: one recipient", reason);
    },
  };
}

/**
 * For deliverable recipients: not to lists. `lists`: their posting addresses, beside those that the
 * look-up knows.
 */
export function nullSenderToList(lists: ReadonlySet<string>): Check<"rcpt_valid"> {
  return {
    name: "null_sender",
    stage: "rcpt_valid",
    spares: ["trusted"],
    judge({ sender, recipient, isListPosting }) {
      if (sender !== "" || !(isListPosting || lists.has(lowerAscii(recipient)))) return NONE;
      const reason = `"${recipient}" posts to a list, and the message has no sender`;
      return against(POLICY_REPLIES.bounce_to_list, "null_sender: list", reason);
    },
  };
}
