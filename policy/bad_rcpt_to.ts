/**
 * control/badrcptto: recipients that take no mail from outside; an address or "@host" a line, and
 * behind a blank, if wanted, the text of the reply. Relay clients and who logged in are not asked.
 */
import { keysOf, lowerAscii } from "./addresses.ts";
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
  return {
    name: "badrcptto",
    stage: "rcpt",
    spares: ["trusted"],
    judge({ recipient }) {
      const key = keysOf(recipient).slice(0, 2).find((one) => list.has(one));
      if (key === undefined) return NONE;
      const reason = `The recipient "${recipient}" matches "${key}" of control/badrcptto`;
      const text = list.get(key) ?? "";
      return against(POLICY_REPLIES.bad_recipient, `badrcptto: ${key}`, reason, { text });
    },
  };
}
