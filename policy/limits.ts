/**
 * Limits of a transaction, as mailfront's plug-in counters: MAXRCPTS, MAXRCPTS_REJECT, MAXMSGS,
 * MAXHOPS, DATABYTES.
 *
 * Of a limit in the settings, in the environment (a connection rule's, a mail rule's) and in the
 * mail rules the smallest holds; 0 or nothing is none.
 *
 * DIFFERS: too many recipients are 452 (RFC 5321 section 4.5.3.1.10), not 550, so that the rest
 * comes in another message; with MAXRCPTS_REJECT the whole message is refused at DATA. MAXHOPS
 * replaces the setting, also with a larger number, as it does in mailfront.
 */
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { AnyCheck, Limits, Verdict } from "./types.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Digits at the beginning, as mailfront reads its variables; 0 without any. */
function numberOf(env: Environment, name: string): number {
  return Number(/^\d+/.exec(env[name] ?? "")?.[0] ?? 0);
}

/** The smallest limit that is one. */
function smallest(...limits: readonly number[]): number {
  const real = limits.filter((limit) => limit > 0);
  return real.length === 0 ? 0 : Math.min(...real);
}

/**
 * The limits that hold.
 * @param base those of the settings
 * @param env the session's environment with what mail rules have set in this transaction
 * @param ruleDataBytes the smallest size that a mail rule named; 0: none
 */
export function limitsOf(base: Limits, env: Environment, ruleDataBytes = 0): Limits {
  return {
    maxRecipients: smallest(base.maxRecipients, numberOf(env, "MAXRCPTS")),
    refusesWhole: base.refusesWhole || env["MAXRCPTS_REJECT"] !== undefined,
    maxMessages: smallest(base.maxMessages, numberOf(env, "MAXMSGS")),
    maxHops: numberOf(env, "MAXHOPS") || base.maxHops,
    dataBytes: smallest(base.dataBytes, numberOf(env, "DATABYTES"), ruleDataBytes),
  };
}

const over = (count: number, limit: number): boolean => limit > 0 && count > limit;

function tooBig(bytes: number, limit: number): Verdict {
  if (!over(bytes, limit)) return NONE;
  const reason = `The message has ${bytes} bytes, the limit is ${limit}`;
  return against(POLICY_REPLIES.too_big, "counters: DATABYTES", reason);
}

function tooManyHops(hops: number, limit: number): Verdict {
  if (!over(hops, limit)) return NONE;
  const reason = `The message has ${hops} Received or Delivered-To fields, the limit is ${limit}`;
  return against(POLICY_REPLIES.too_many_hops, "counters: MAXHOPS", reason);
}

/** The checks of all stages. */
export function counters(): AnyCheck[] {
  return [
    {
      name: "counters",
      stage: "mail",
      spares: [],
      judge({ messages, sizeBytes, limits }) {
        if (!over(messages + 1, limits.maxMessages)) return tooBig(sizeBytes, limits.dataBytes);
        const reason = `The session had ${messages} messages, the limit is ${limits.maxMessages}`;
        const rule = "counters: MAXMSGS";
        return against(POLICY_REPLIES.message_limit, rule, reason, { ends: true });
      },
    },
    {
      name: "counters",
      stage: "rcpt",
      spares: [],
      judge({ accepted, limits }) {
        if (!over(accepted + 1, limits.maxRecipients)) return NONE;
        const reason = `The message has ${accepted} recipients, which is the limit`;
        return against(POLICY_REPLIES.too_many_recipients, "counters: MAXRCPTS", reason);
      },
    },
    {
      name: "counters",
      stage: "data",
      spares: [],
      judge({ offered, limits }) {
        if (!limits.refusesWhole || !over(offered, limits.maxRecipients)) return NONE;
        const reason = `${offered} recipients were offered, the limit is ${limits.maxRecipients}`;
        return against(POLICY_REPLIES.recipients_overflow, "counters: MAXRCPTS_REJECT", reason);
      },
    },
    {
      name: "counters",
      stage: "data_header",
      spares: [],
      judge: ({ hops, limits }) => tooManyHops(hops, limits.maxHops),
    },
    {
      name: "counters",
      stage: "data_end",
      spares: [],
      judge: ({ bytes, limits }) => tooBig(bytes, limits.dataBytes),
    },
  ];
}
