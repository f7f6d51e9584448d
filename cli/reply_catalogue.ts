/**
 * Every reply of every service with what it means, what its sender makes of it, what causes it and how to relax that. Ids,
 * codes and texts come from the services' own tables; a test holds the entries complete.
 */
import { CONTENT_REPLIES, POLICY_REPLIES } from "../policy/replies.ts";
import { REPLIES as POP3_REPLIES, VALUE_REPLIES } from "../pop3/replies.ts";
import { answerText, REPLIES as QMTP_REPLIES } from "../qmtp/replies.ts";
import { REPLIES as SMTP_REPLIES } from "../smtp/replies.ts";
import { CONTENT_ENTRIES } from "./reply_catalogue_content.ts";
import { POLICY_ENTRIES } from "./reply_catalogue_policy.ts";
import { POP3_ENTRIES } from "./reply_catalogue_pop3.ts";
import { SMTP_ENTRIES } from "./reply_catalogue_smtp.ts";
import type { ReplyEntry } from "./reply_entry.ts";

/** One reply as a service gives it. */
export interface KnownReply {
  readonly id: string;
  readonly service: "smtp" | "policy" | "content" | "qmtp" | "pop3";
  /** "550 5.1.1", "D 5.1.1", "-ERR [AUTH]". */
  readonly code: string;
  /** The line that the client gets. */
  readonly line: string;
}

const ENTRIES: Readonly<Record<string, ReplyEntry>> = {
  ...SMTP_ENTRIES,
  ...POLICY_ENTRIES,
  ...CONTENT_ENTRIES,
  ...POP3_ENTRIES,
};

export const entryOf = (id: string): ReplyEntry | null =>
  Object.hasOwn(ENTRIES, id) ? ENTRIES[id] ?? null : null;

export const entryIds = (): readonly string[] => Object.keys(ENTRIES);

interface Coded {
  readonly id: string;
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

function coded(service: "smtp" | "policy" | "content", replies: readonly Coded[]): KnownReply[] {
  return replies.map(({ id, code, enhanced, text }) => {
    const start = enhanced === "" ? `${code}` : `${code} ${enhanced}`;
    return { id, service, code: start, line: `${start} ${text}` };
  });
}

function pop3(id: string, line: string): KnownReply {
  return { id, service: "pop3", code: /^(\+OK|-ERR|\+)( \[[^\]]+\])?/.exec(line)?.[0] ?? "", line };
}

/** All of them, service by service. */
export function knownReplies(): readonly KnownReply[] {
  const { greeting, challenge, stat, list, uidl, last } = VALUE_REPLIES;
  return [
    ...coded("smtp", Object.values(SMTP_REPLIES)),
    ...coded("policy", Object.values(POLICY_REPLIES)),
    ...coded("content", Object.values(CONTENT_REPLIES)),
    ...Object.values(QMTP_REPLIES).map((reply): KnownReply => ({
      id: reply.id,
      service: "qmtp",
      code: reply.code === "" ? reply.letter : `${reply.letter} ${reply.code}`,
      line: answerText(reply),
    })),
    ...Object.values(POP3_REPLIES).map(({ id, text }) => pop3(id, text)),
    pop3(greeting.id, greeting.text("host")),
    pop3(challenge.id, challenge.text("(challenge)")),
    pop3(stat.id, stat.text(2, 320)),
    pop3(list.id, list.text(1, 120)),
    pop3(uidl.id, uidl.text(1, "unique-id")),
    pop3(last.id, last.text(1)),
  ];
}

/** What becomes of the mail, or of the command, at the other side. */
export function seenBySender({ code, service }: KnownReply): string {
  if (service === "pop3") {
    if (!code.startsWith("-ERR")) return "Nothing: the mail program goes on";
    return /SYS\/TEMP|IN-USE|LOGIN-DELAY/.test(code)
      ? "The mail program tries again later, mostly without a word to its user"
      : "The mail program shows it to its user";
  }
  switch (code.charAt(0)) {
    case "5":
    case "D":
      return "A mail server sends its user a bounce with this text at once; a mail program shows it";
    case "4":
    case "Z":
      return "A mail server tries again for days, and its user hears nothing until then; a mail program shows it";
    default:
      return "Nothing: the dialogue goes on";
  }
}

/** Replies that `word` means: an id, or a code such as 550, 5.1.1, "550 5.1.1". */
export function repliesOf(word: string): readonly KnownReply[] {
  const all = knownReplies();
  const byId = all.filter(({ id }) => id === word || id === `pop3.${word}`);
  if (byId.length > 0) return byId;
  const parts = word.trim().split(/\s+/);
  return all.filter(({ code }) => {
    const own = code.split(" ");
    return word.trim() !== "" && parts.every((part) => own.includes(part.toUpperCase()));
  });
}
