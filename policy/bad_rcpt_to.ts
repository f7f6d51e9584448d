/**
 * control/badrcptto: recipients that take no mail from outside; an address or "@host" a line, and
 * behind a blank, if wanted, the text of the reply. Relay clients and who logged in are not asked.
 */
import { lowerAscii, mayBeOneOf } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** Entry, in lower case -> text of its reply, "" for ours. */
export function readBadRcptTo(entries: readonly string[]): ReadonlyMap<string, string> {
  const list = new Map<string, string>();
  for (const entry of entries) {
    const match = /^(\S+)(?:[ \t]+(.*))?$/s.exec(entry.trim());
    if (match !== null) list.set(lowerAscii(match[1] ?? ""), match[2] ?? "");
  }
  return list;
}

/** The check. */
export function badRcptTo(list: ReadonlyMap<string, string>): Check<"rcpt"> {
  const hasHosts = [...list.keys()].some((entry) => entry.startsWith("@"));
  const mayBe = mayBeOneOf(list.keys());
  const entryFor = (recipient: string): string | null => {
    if (!hasHosts && !mayBe(recipient)) return null;
    const lower = lowerAscii(recipient);
    if (list.has(lower)) return lower;
    const at = hasHosts ? lower.lastIndexOf("@") : -1;
    if (at < 0) return null;
    const host = lower.slice(at);
    return list.has(host) ? host : null;
  };
  return {
    name: "badrcptto",
    stage: "rcpt",
    spares: ["trusted"],
    judge({ recipient }) {
      const key = entryFor(recipient);
      if (key === null) return NONE;
      const reason = `The recipient "${recipient}" matches "${key}" of control/badrcptto`;
      const text = list.get(key) ?? "";
      return against(POLICY_REPLIES.bad_recipient, `badrcptto: ${key}`, reason, { text });
    },
  };
}
