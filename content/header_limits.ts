/**
 * header_limits: a header with too many recipients, with Bcc, or too large.
 *
 * Against mass mail whose envelope is in order but whose header names a hundred strangers. Relay
 * clients and who logged in are not asked. Counts addresses as RFC 5322, section 3.4 writes them:
 * groups, comments and quoted strings are no addresses; whether they are valid is not looked at.
 */
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import type { Verdict } from "../policy/types.ts";
import type { ContentCheck, Message } from "./types.ts";

/** Limits; 0: none. */
export interface HeaderLimits {
  readonly maxRecipients: number;
  readonly refusesBcc: boolean;
  readonly maxBytes: number;
}

/** Where what begins at `at` with a quote, comment or bracket ends; the last byte when it does not. */
function skipTo(text: string, at: number, closing: string): number {
  let depth = 1;
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === closing) {
      if (--depth === 0) return i;
    } else if (char === "(" && closing === ")") depth++;
  }
  return text.length;
}

const CLOSING: Readonly<Record<string, string>> = { '"': '"', "(": ")", "<": ">", "[": "]" };

/** Addresses in the value of To, Cc or Bcc. */
export function countAddresses(value: string): number {
  let count = 0;
  let hasText = false;
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i);
    const closing = CLOSING[char];
    if (closing !== undefined) {
      if (char !== "(") hasText = true;
      i = skipTo(value, i, closing);
    } else if (char === "," || char === ";") {
      if (hasText) count++;
      hasText = false;
    } else if (char === ":") hasText = false;
    else if (char !== " " && char !== "\t") hasText = true;
  }
  return hasText ? count + 1 : count;
}

const RECIPIENTS: readonly string[] = ["to", "cc", "bcc"];

function judge(limits: HeaderLimits, message: Message): Verdict {
  const { maxRecipients, refusesBcc, maxBytes } = limits;
  let all = 0;
  let hidden = 0;
  let bytes = 0;
  for (const { name, value, raw } of message.fields) {
    bytes += raw.length;
    const lower = name.toLowerCase();
    if (!RECIPIENTS.includes(lower)) continue;
    const count = countAddresses(value);
    all += count;
    if (lower === "bcc") hidden += count;
  }
  if (refusesBcc && hidden > 0) {
    return against(CONTENT_REPLIES.header_bcc, "header_limits: bcc", `Bcc has ${hidden} addresses`);
  }
  if (maxRecipients > 0 && all > maxRecipients) {
    const reason = `To, Cc and Bcc have ${all} addresses, more than ${maxRecipients}`;
    return against(CONTENT_REPLIES.header_recipients, "header_limits: recipients", reason);
  }
  if (maxBytes > 0 && (message.isHeaderCut === true || bytes > maxBytes)) {
    const reason = `The header has more than ${maxBytes} bytes`;
    return against(CONTENT_REPLIES.header_size, "header_limits: size", reason);
  }
  return NONE;
}

/** The check. */
export function headerLimits(mode: "shadow" | "on", limits: HeaderLimits): ContentCheck {
  return {
    name: "header_limits",
    mode,
    sparesTrusted: true,
    examine: (message) => ({ verdict: judge(limits, message) }),
  };
}
