/**
 * Trace events of the QMTP and QMQP services: one table, once for each, with the texts of the SMTP service where they
 * say the same.
 *
 * Fields carry what clients sent as it came, one char a byte; the formats make control characters visible.
 */
import { event } from "./tracer.ts";

const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

function recipientEvents(service: "qmtp" | "qmqp") {
  const fn = `${service}_rcpt`;
  return {
    rcpt: event<{ user: string; domain: string }>(
      `${service}.rcpt`,
      2,
      fn,
      (f) => `user[${f.user}] domain [${f.domain}]`,
    ),
    rcptInvalid: event<{ user: string; domain: string; ip: string }>(
      `${service}.rcpt.invalid`,
      2,
      fn,
      () => "invalid rcpt user, terminating connection",
    ),
    rcptUnknown: event<{ user: string; domain: string; ip: string }>(
      `${service}.rcpt.unknown`,
      2,
      fn,
      (f) => `invalid rcpt user, refused, from ${f.ip}`,
    ),
    rcptUndecided: event<{ user: string; domain: string; reason: string }>(
      `${service}.rcpt.undecided`,
      2,
      fn,
      (f) => `undecided: ${f.reason}`,
    ),
    rcptNoDelivery: event<{ user: string; domain: string; reason: string }>(
      `${service}.rcpt.nodelivery`,
      2,
      fn,
      (f) => `not taken now: ${f.reason}`,
    ),
    rcptRelay: event<{ recipient: string; sender: string; ip: string }>(
      `${service}.rcpt.relay`,
      2,
      fn,
      (f) => `relaying denied to <${f.recipient}> from <${f.sender}>, ${f.ip}`,
    ),
  };
}

function sessionEvents(service: "qmtp" | "qmqp") {
  const end = `${service}_end`;
  return {
    remoteip: event<{ ip: string }>(
      `${service}.remoteip`,
      1,
      "setup",
      (f) => `remoteip: ${f.ip}`,
    ),
    controlTrouble: event<{ ip: string; reason: string }>(
      `${service}.controls`,
      1,
      "setup",
      (f) => `unable to serve ${f.ip}: ${f.reason}`,
    ),
    accepted: event<{ id: string; sender: string; recipients: number; bytes: number }>(
      `${service}.message.accepted`,
      1,
      `${service}_data`,
      (f) => `${f.id} from <${f.sender}> to ${count(f.recipients, "rcpt")}, ${f.bytes} bytes`,
    ),
    notAccepted: event<{ reply: string; sender: string; bytes: number; reason: string }>(
      `${service}.message.refused`,
      1,
      `${service}_data`,
      (f) => `not accepted from <${f.sender}>, ${f.bytes} bytes: ${f.reply}, ${f.reason}`,
    ),
    malformed: event<{ ip: string; reason: string }>(
      `${service}.malformed`,
      1,
      end,
      (f) => `terminating connection: ${f.reason}, ${f.ip}`,
    ),
    limit: event<{ reply: string; ip: string }>(
      `${service}.limit`,
      1,
      end,
      (f) => `terminating connection: ${f.reply}, ${f.ip}`,
    ),
    summary: event<{
      ip: string;
      messages: number;
      recipients: number;
      unknown: number;
      relays: number;
      seconds: number;
      end: string;
    }>(
      `${service}.end`,
      1,
      end,
      (f) =>
        `ip=${f.ip} messages=${f.messages} recipients=${f.recipients} unknown=${f.unknown} ` +
        `relays=${f.relays} seconds=${f.seconds} end=${f.end}`,
    ),
    fromClient: event<{ line: string }>(
      `${service}.dialogue.client`,
      4,
      `${service}_io`,
      (f) => `C: ${f.line}`,
    ),
    fromServer: event<{ line: string }>(
      `${service}.dialogue.server`,
      4,
      `${service}_io`,
      (f) => `S: ${f.line}`,
    ),
  };
}

/** What the QMTP service traces. */
export const QMTP_EVENTS = { ...recipientEvents("qmtp"), ...sessionEvents("qmtp") } as const;

/** What the QMQP service traces. */
export const QMQP_EVENTS = { ...recipientEvents("qmqp"), ...sessionEvents("qmqp") } as const;

/** The events of either. */
export type QmtpEvents = typeof QMTP_EVENTS;
