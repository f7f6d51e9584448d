/**
 * Addresses must have a full domain name; mailfront's plug-in check-fqdn with its variables
 * DEFAULTHOST, DEFAULTDOMAIN and SENDER_DOMAINS.
 *
 * DIFFERS: an address literal, "joe@[IPv6:::1]", counts as a full name (RFC 5321 section 4.1.3),
 * and so does "postmaster" alone as a recipient (section 4.5.1); mailfront looks for a dot and
 * refuses both.
 */
import { domainOf, lowerAscii } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, PolicyReply, Verdict } from "./types.ts";

/**
 * `address` with DEFAULTHOST where it has no host, and DEFAULTDOMAIN where its host has no dot; ""
 * stays "".
 */
export function qualifyAddress(
  address: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (address === "") return "";
  const host = env["DEFAULTHOST"] ?? "";
  const domain = env["DEFAULTDOMAIN"] ?? "";
  const complete = !address.includes("@") && host !== "" ? `${address}@${host}` : address;
  const name = domainOf(complete);
  const isPartial = name !== "" && !name.includes(".") && !name.startsWith("[");
  return isPartial && domain !== "" ? `${complete}.${domain}` : complete;
}

/** `qualifyAddress` with these variables; null: neither is set. */
export function addressQualifier(
  env: Readonly<Record<string, string | undefined>>,
): ((address: string) => string) | null {
  const isSet = (env["DEFAULTHOST"] ?? "") !== "" || (env["DEFAULTDOMAIN"] ?? "") !== "";
  return isSet ? (address) => qualifyAddress(address, env) : null;
}

type Fault = "no_domain" | "not_full";

function faultOf(address: string): Fault | null {
  if (address.lastIndexOf("@") <= 0) return "no_domain";
  const domain = domainOf(address);
  return domain.includes(".") || /^\[.+\]$/.test(domain) ? null : "not_full";
}

function verdictOn(fault: Fault | null, what: string, address: string): Verdict {
  if (fault === null) return NONE;
  const replies: Readonly<Record<string, PolicyReply>> = {
    "sender no_domain": POLICY_REPLIES.sender_no_domain,
    "sender not_full": POLICY_REPLIES.sender_not_full,
    "recipient no_domain": POLICY_REPLIES.recipient_no_domain,
    "recipient not_full": POLICY_REPLIES.recipient_not_full,
  };
  const reply = replies[`${what} ${fault}`] ?? POLICY_REPLIES.recipient_no_domain;
  const reason = `The ${what} "${address}" has no full domain name`;
  return against(reply, `check_fqdn: ${what}`, reason);
}

/** At MAIL. `senderDomains`: the only domains that senders may have; empty: any. */
export function senderFqdn(senderDomains: readonly string[]): Check<"mail"> {
  const allowed = new Set(senderDomains.map(lowerAscii));
  return {
    name: "check_fqdn",
    stage: "mail",
    spares: [],
    judge({ sender }) {
      if (sender === "") return NONE;
      const verdict = verdictOn(faultOf(sender), "sender", sender);
      if (verdict.kind !== "none" || allowed.size === 0) return verdict;
      const domain = domainOf(sender);
      if (allowed.has(domain)) return NONE;
      const reason = `"${domain}" is not in SENDER_DOMAINS`;
      return against(POLICY_REPLIES.sender_domain_closed, "check_fqdn: SENDER_DOMAINS", reason);
    },
  };
}

/** At RCPT. */
export function recipientFqdn(): Check<"rcpt"> {
  return {
    name: "check_fqdn",
    stage: "rcpt",
    spares: [],
    judge({ recipient }) {
      if (recipient === "") {
        return against(
          POLICY_REPLIES.recipient_empty,
          "check_fqdn: recipient",
          "The recipient is empty",
        );
      }
      if (lowerAscii(recipient) === "postmaster") return NONE;
      return verdictOn(faultOf(recipient), "recipient", recipient);
    },
  };
}

/** SENDER_DOMAINS: names with colons between them. */
export function readSenderDomains(text: string | undefined): string[] {
  return (text ?? "").split(":").filter((name) => name !== "");
}
