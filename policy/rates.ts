/**
 * Connections, messages and recipients per address (IPv6: per /64) within a window, messages and
 * recipients per login, and the counts that the facts carry.
 *
 * Invalid recipients are counted here too; what they lead to is bans.ts and harvest.ts.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import { SlidingWindow, type SpanRow } from "./windows.ts";
import type { AnyCheck, PolicyReply, RecentFacts, Verdict } from "./types.ts";

/** Most of each within the window; 0: no limit. */
export interface RateLimits {
  readonly connections: number;
  readonly messages: number;
  readonly recipients: number;
  readonly loginMessages: number;
  readonly loginRecipients: number;
}

/** What is counted. */
export type RateKind = keyof RecentFacts;

const KINDS: readonly RateKind[] = [
  "connections",
  "messages",
  "recipients",
  "invalidRecipients",
  "loginMessages",
  "loginRecipients",
];

/** The windows of all kinds. */
export class Rates {
  readonly #windows: Readonly<Record<RateKind, SlidingWindow>>;
  /** Length of the windows. */
  readonly seconds: number;

  /** `maxKeys`: addresses kept at most, of each kind. */
  constructor(seconds: number, maxKeys: number) {
    this.seconds = seconds;
    const window = () => new SlidingWindow(seconds, maxKeys);
    this.#windows = {
      connections: window(),
      messages: window(),
      recipients: window(),
      invalidRecipients: window(),
      loginMessages: window(),
      loginRecipients: window(),
    };
  }

  /** Addresses kept, of all kinds. */
  get size(): number {
    return KINDS.reduce((sum, kind) => sum + this.#windows[kind].size, 0);
  }

  /** Counts one more, or `by`. `key`: networks.ts' addressKey, or the login. */
  note(kind: RateKind, key: string, nowMs: number, by = 1): void {
    this.#windows[kind].add(key, nowMs, by);
  }

  /** All that is kept, for another isolate. */
  rows(nowMs: number): [RateKind, SpanRow[]][] {
    return KINDS.map((kind) => [kind, [...this.#windows[kind].rows(nowMs)]]);
  }

  /** Takes that back. */
  take(rows: readonly (readonly [RateKind, readonly SpanRow[]])[]): void {
    for (const [kind, list] of rows) for (const row of list) this.#windows[kind].take(row);
  }

  /** What happened within the window. `login`: null for nobody. */
  recent(key: string, nowMs: number, login: string | null = null): RecentFacts {
    const { connections, messages, recipients, invalidRecipients } = this.#windows;
    const { loginMessages, loginRecipients } = this.#windows;
    return {
      connections: connections.count(key, nowMs),
      messages: messages.count(key, nowMs),
      recipients: recipients.count(key, nowMs),
      invalidRecipients: invalidRecipients.count(key, nowMs),
      loginMessages: login === null ? 0 : loginMessages.count(login, nowMs),
      loginRecipients: login === null ? 0 : loginRecipients.count(login, nowMs),
    };
  }
}

const WORDS: Readonly<Record<keyof RateLimits, string>> = {
  connections: "connections",
  messages: "messages",
  recipients: "recipients",
  loginMessages: "messages of a login",
  loginRecipients: "recipients of a login",
};

function tooOften(
  what: keyof RateLimits,
  recent: RecentFacts,
  limits: RateLimits,
  reply: PolicyReply,
  ends: boolean,
): Verdict {
  const most = limits[what];
  if (most === 0 || recent[what] <= most) return NONE;
  const words = WORDS[what];
  const reason = `${recent[what]} ${words} within the window, the limit is ${most}`;
  return against(reply, `rates: ${words}`, reason, { ends });
}

/** The checks; what is counted must have been noted before it is judged. */
export function rates(limits: RateLimits): AnyCheck[] {
  const spares = ["trusted", "loopback", "forwarder"] as const;
  return [
    {
      name: "rates",
      stage: "connect",
      spares,
      judge: ({ recent }) => tooOften("connections", recent, limits, POLICY_REPLIES.too_fast, true),
    },
    {
      name: "rates",
      stage: "mail",
      spares,
      judge: ({ recent }) =>
        tooOften("messages", recent, limits, POLICY_REPLIES.messages_too_fast, false),
    },
    {
      name: "rates",
      stage: "rcpt",
      spares,
      judge: ({ recent }) =>
        tooOften("recipients", recent, limits, POLICY_REPLIES.recipients_too_fast, false),
    },
    // A login that was stolen sends from anywhere, and is trusted by everything else.
    {
      name: "rates",
      stage: "mail",
      spares: [],
      judge: ({ recent }) =>
        tooOften("loginMessages", recent, limits, POLICY_REPLIES.messages_too_fast, false),
    },
    {
      name: "rates",
      stage: "rcpt",
      spares: [],
      judge: ({ recent }) =>
        tooOften("loginRecipients", recent, limits, POLICY_REPLIES.recipients_too_fast, false),
    },
  ];
}
