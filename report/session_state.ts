/** What is known of a session of the trace while it lasts. */
import type { Facts } from "./facts.ts";
import { readFcrdns, readListing, readResult } from "./findings.ts";
import type { Mail, Recipient } from "./mail.ts";

export interface OpenSession {
  readonly number: number;
  service: string;
  ip: string;
  helo: string | null;
  sender: string | null;
  login: string | null;
  readonly startMs: number | null;
  /** Named and not told yet. */
  recipients: Recipient[];
  readonly mails: Mail[];
  unknown: number;
  refusedBy: string | null;
  /** The message in hand was judged by this rule: its last line says so again. */
  messageRule: string | null;
  spf: string | null;
  fcrdns: boolean | null;
}

/** A session that has just begun. */
export const openSession = (
  number: number,
  service: string,
  ip: string,
  startMs: number | null,
): OpenSession => ({
  number,
  service,
  ip,
  helo: null,
  sender: null,
  login: null,
  startMs,
  recipients: [],
  mails: [],
  unknown: 0,
  refusedBy: null,
  messageRule: null,
  spf: null,
  fcrdns: null,
});

/** Level 4 says what the client said: HELO, and the sender of recipients that are never accepted. */
export function readDialogue(session: OpenSession, line: string): void {
  const helo = /^(?:HELO|EHLO)\s+(\S+)/i.exec(line)?.[1];
  if (helo !== undefined) session.helo = helo;
  const sender = /^MAIL\s+FROM:\s*<([^>]*)>/i.exec(line)?.[1];
  if (sender !== undefined) session.sender = sender;
}

/** The recipient named last gets its verdict; false: it has one. */
export function judgeLast(
  session: OpenSession,
  outcome: "refused" | "deferred",
  rule: string,
): boolean {
  const last = session.recipients.at(-1);
  if (last === undefined || last.outcome !== null) return false;
  last.outcome = outcome;
  last.rule = rule;
  return true;
}

/** What a check said of a session's client or message. */
export function takeFinding(
  facts: Facts,
  session: OpenSession,
  check: string,
  text: string,
): void {
  if (check === "dnsbl") return facts.listing(readListing(text));
  if (check === "reverse_dns") {
    session.fcrdns = readFcrdns(text) ?? session.fcrdns;
    return;
  }
  const finding = readResult(check, text);
  if (finding === null) return;
  if (finding.check === "spf") session.spf = finding.result;
  facts.finding(finding);
}
