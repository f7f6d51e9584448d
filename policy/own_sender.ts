/**
 * Mail that says it is from one of our own domains, but comes from outside.
 *
 * As badmailfrom with one's own domain and the exception for 127.0.0.1 does it. Forwarders and
 * lists that keep the sender are hit by this as well: name them as forwarders, or leave it to SPF
 * and DMARC.
 */
import { domainOf } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** `isOwn`: is this domain, in lower case, one of ours (locals, virtualdomains, rcpthosts)? */
export function ownSender(isOwn: (domain: string) => boolean): Check<"rcpt"> {
  return {
    name: "own_sender",
    stage: "rcpt",
    spares: ["trusted", "loopback", "forwarder", "sender", "recipient"],
    judge({ sender, client }) {
      const domain = domainOf(sender);
      if (domain === "" || !isOwn(domain)) return NONE;
      const reason = `"${domain}" is ours, and ${client.ip} is neither relay client nor logged in`;
      return against(POLICY_REPLIES.own_sender, `own_sender: ${domain}`, reason);
    },
  };
}
