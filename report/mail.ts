/**
 * A recipient and a message on their way through both logs: what the session said, and what qmail-send said later. An
 * attempt is told when both are known, or will never be.
 */
import type { Attempt, Facts } from "./facts.ts";

/** A recipient as a session named it. */
export interface Recipient {
  readonly whenMs: number | null;
  readonly address: string;
  outcome: Attempt["outcome"] | null;
  rule: string;
  delivered: boolean | null;
}

/** A message that the queue took. */
export interface Mail {
  readonly whenMs: number | null;
  readonly session: number;
  readonly ip: string;
  helo: string | null;
  readonly sender: string | null;
  readonly login: string | null;
  readonly qp: number | null;
  readonly recipients: readonly Recipient[];
  isSessionOver: boolean;
  isMessageOver: boolean;
}

/** Tells the attempts of a mail as soon as nothing more can come. */
export function tellWhenOver(mail: Mail, facts: Facts): void {
  if (!mail.isSessionOver || !mail.isMessageOver) return;
  const { session, ip, helo, sender, login, qp } = mail;
  for (const { whenMs, address, outcome, rule, delivered } of mail.recipients) {
    facts.attempt({
      whenMs,
      ip,
      helo,
      sender,
      recipient: address,
      outcome: outcome ?? "accepted",
      rule,
      session,
      login,
      qp,
      delivered,
    });
  }
}

/** Is what qmail-send delivers to the recipient that the client named? A virtual domain puts a prefix before it. */
function isSame(named: string, delivered: string): boolean {
  const one = named.toLowerCase();
  const other = delivered.toLowerCase();
  return one === other || other.endsWith(`-${one}`);
}

/** The recipient of `mail` that a delivery is for. */
export function recipientOf(mail: Mail | null, delivered: string): Recipient | null {
  if (mail === null) return null;
  return mail.recipients.find(({ address }) => isSame(address, delivered)) ??
    (mail.recipients.length === 1 ? mail.recipients[0] ?? null : null);
}
