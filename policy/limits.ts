/**
 * Limits of a transaction, as mailfront's plug-in counters: MAXRCPTS, MAXRCPTS_REJECT, MAXMSGS,
 * MAXHOPS, DATABYTES.
 *
 * Of a limit in the settings, in the environment (a connection rule's, a mail rule's) and in the
 * mail rules the smallest holds; 0 or nothing is none. They hold for everybody, so they are no
 * checks that could be off: the protocols compare their numbers here, once each.
 *
 * DIFFERS: too many recipients are 452 (RFC 5321 section 4.5.3.1.10), not 550, so that the rest
 * comes in another message; with MAXRCPTS_REJECT the whole message is refused at DATA. MAXHOPS
 * replaces the setting, also with a larger number, as it does in mailfront; as many hops as the
 * limit are a loop, as in qmail-smtpd.
 */
import { against, POLICY_REPLIES } from "./replies.ts";
import type { AgainstVerdict, Limits } from "./types.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that change limits. */
export const LIMIT_VARIABLES = ["MAXRCPTS", "MAXRCPTS_REJECT", "MAXMSGS", "MAXHOPS", "DATABYTES"];

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
 * @param base those of the settings, or of the session
 * @param env the session's environment, or what mail rules have set in this transaction
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

/** A verdict of a limit; null: it is kept. */
type Kept = AgainstVerdict | null;

/** At MAIL: another message. `messages`: those before it. The session ends. */
export function judgeMessages(messages: number, { maxMessages }: Limits): Kept {
  if (maxMessages === 0 || messages < maxMessages) return null;
  const reason = `The session had ${messages} messages, the limit is ${maxMessages}`;
  return against(POLICY_REPLIES.message_limit, "counters: MAXMSGS", reason, { ends: true });
}

/** At RCPT: another recipient. `accepted`: those before it. */
export function judgeRecipients(accepted: number, { maxRecipients }: Limits): Kept {
  if (maxRecipients === 0 || accepted < maxRecipients) return null;
  const reason = `The message has ${accepted} recipients, which is the limit`;
  return against(POLICY_REPLIES.too_many_recipients, "counters: MAXRCPTS", reason);
}

/** At DATA: were more recipients offered than the whole message may have? */
export function judgeOffered(offered: number, { refusesWhole, maxRecipients }: Limits): Kept {
  if (!refusesWhole || maxRecipients === 0 || offered <= maxRecipients) return null;
  const reason = `${offered} recipients were offered, the limit is ${maxRecipients}`;
  return against(POLICY_REPLIES.recipients_overflow, "counters: MAXRCPTS_REJECT", reason);
}

/** In the data: hops that were seen. */
export function judgeHops(hops: number, { maxHops }: Limits): Kept {
  if (maxHops === 0 || hops < maxHops) return null;
  const reason = `The message has ${hops} Received or Delivered-To fields, the limit is ${maxHops}`;
  return against(POLICY_REPLIES.too_many_hops, "counters: MAXHOPS", reason);
}

/** At MAIL and in the data: bytes that were announced, or came. */
export function judgeBytes(bytes: number, { dataBytes }: Limits): Kept {
  if (dataBytes === 0 || bytes <= dataBytes) return null;
  const reason = `The message has ${bytes} bytes, the limit is ${dataBytes}`;
  return against(POLICY_REPLIES.too_big, "counters: DATABYTES", reason);
}
