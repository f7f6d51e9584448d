/**
 * $RBLSMTPD of a connection rule, as rblsmtpd(1) reads it: empty lets the client pass and asks no
 * list; a text is the reason for 451, or for 553 when it begins with "-". The client has a session
 * up to RCPT, so the trace has what it wanted.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** The check. */
export function rblsmtpd(): Check<"rcpt"> {
  return {
    name: "rblsmtpd",
    stage: "rcpt",
    spares: ["trusted", "recipient"],
    judge({ client }) {
      const text = client.env["RBLSMTPD"] ?? "";
      if (text === "") return NONE;
      const isFinal = text.startsWith("-");
      const reply = isFinal ? POLICY_REPLIES.rbl_refused : POLICY_REPLIES.rbl_deferred;
      const reason = `RBLSMTPD of ${client.ip} is "${text}"`;
      return against(reply, "rblsmtpd", reason, { text: isFinal ? text.slice(1) : text });
    },
  };
}
