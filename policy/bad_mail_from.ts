/**
 * control/badmailfrom: senders nobody wants. Refused at RCPT, so that the trace has the recipient.
 *
 * As qmail-smtpd: an address, or "@host". As Tom Clegg's patch: ".example.com" is every address at
 * every host whose name ends so ("example.com" itself is not one). As s/qmail: "+" at the end
 * spares relay clients and who logged in - here nobody else is spared -, "?" takes an address out
 * of what other entries say. s/qmail's "-", "=" and "~" ask for reverse DNS or the sender's domain;
 * they are told and not followed: reverse_dns and sender_domain do that.
 */
import { keysOf, lowerAscii } from "./addresses.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check } from "./types.ts";

/** The file, read. */
export interface BadMailFrom {
  readonly refused: ReadonlySet<string>;
  /** Refused unless the client is trusted. */
  readonly unlessTrusted: ReadonlySet<string>;
  readonly passed: ReadonlySet<string>;
  /** Sentences about entries that have no effect. */
  readonly notes: readonly string[];
}

/** Reads the entries of the file. */
export function readBadMailFrom(entries: readonly string[]): BadMailFrom {
  const refused = new Set<string>();
  const unlessTrusted = new Set<string>();
  const passed = new Set<string>();
  const notes: string[] = [];
  for (const entry of entries.map(lowerAscii)) {
    const bare = entry.slice(0, -1);
    if (entry.endsWith("+")) unlessTrusted.add(bare);
    else if (entry.endsWith("?")) passed.add(bare);
    else if (/[-=~]$/.test(entry)) {
      const what = entry.endsWith("~") ? "sender_domain" : "reverse_dns";
      notes.push(`The entry "${entry}" of control/badmailfrom has no effect, use ${what} instead`);
    } else refused.add(entry);
  }
  return { refused, unlessTrusted, passed, notes };
}

/** The check. */
export function badMailFrom(list: BadMailFrom): Check<"rcpt"> {
  const entryFor = rememberLast((sender, isTrusted) => {
    const keys = keysOf(sender);
    if (keys.some((key) => list.passed.has(key))) return null;
    return keys.find((one) =>
      list.refused.has(one) || (!isTrusted && list.unlessTrusted.has(one))
    ) ?? null;
  });
  return {
    name: "badmailfrom",
    stage: "rcpt",
    spares: ["sender", "recipient"],
    judge({ sender, client }) {
      const key = entryFor(sender, client.isRelayClient || client.login !== null);
      if (key === null) return NONE;
      const reason = `The sender "${sender}" matches "${key}" of control/badmailfrom`;
      return against(POLICY_REPLIES.bad_sender, `badmailfrom: ${key}`, reason);
    },
  };
}

type EntryFor = (sender: string, isTrusted: boolean) => string | null;

/** Asked anew for each recipient, of the same sender: the last answer is remembered. */
function rememberLast(entryFor: EntryFor): EntryFor {
  let last = { sender: "", isTrusted: false, entry: entryFor("", false) };
  return (sender, isTrusted) => {
    if (sender !== last.sender || isTrusted !== last.isTrusted) {
      last = { sender, isTrusted, entry: entryFor(sender, isTrusted) };
    }
    return last.entry;
  };
}
