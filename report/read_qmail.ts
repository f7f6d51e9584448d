/**
 * qmail-send's lines (qmail-log(5)), their stamp already taken off.
 *
 * A sender or recipient may hold any byte but LF and NUL - qmail-send writes spaces as "_" only in reports - so numbers
 * are read from both ends. An `info msg` line's sender ends at the last "> qp".
 */
import type { LogRecord } from "./record.ts";

const INFO = /^info msg (\d+): bytes (\d+) from <(.*)> qp (\d+) uid (\d+)$/s;
const START = /^starting delivery (\d+): msg (\d+) to (local|remote) (.*)$/s;
const END = /^delivery (\d+): (success|failure|deferral): ?(.*)$/s;
const BOUNCE = /^bounce msg (\d+) qp (\d+)$/;
const TRIPLE = /^triple bounce: discarding bounce\/(\d+)$/;
const STATUS = /^status: local (\d+)\/(\d+) remote (\d+)\/(\d+)$/;
const PLAIN = /^(new|end) msg (\d+)$/;

function readDelivery(body: string): LogRecord | null {
  const start = START.exec(body);
  if (start !== null) {
    const [, delivery, message, channel, recipient = ""] = start;
    return {
      kind: "delivery_start",
      delivery: Number(delivery),
      message: Number(message),
      channel: channel === "remote" ? "remote" : "local",
      recipient,
    };
  }
  const end = END.exec(body);
  if (end === null) return null;
  const [, delivery, result, text = ""] = end;
  const known = result === "failure" || result === "deferral" ? result : "success";
  return { kind: "delivery_end", delivery: Number(delivery), result: known, text };
}

function readInfo(body: string): LogRecord | null {
  const match = INFO.exec(body);
  if (match === null) return null;
  const [, message, bytes, sender = "", qp, uid] = match;
  return {
    kind: "message_info",
    message: Number(message),
    bytes: Number(bytes),
    sender,
    qp: Number(qp),
    uid: Number(uid),
  };
}

function readStatus(body: string): LogRecord | null {
  if (body === "status: exiting") {
    return { kind: "send_status", local: 0, localMost: 0, remote: 0, remoteMost: 0 };
  }
  const match = STATUS.exec(body);
  if (match === null) return null;
  const [local = 0, localMost = 0, remote = 0, remoteMost = 0] = match.slice(1).map(Number);
  return { kind: "send_status", local, localMost, remote, remoteMost };
}

function readBounce(body: string): LogRecord | null {
  const match = BOUNCE.exec(body);
  if (match === null) return null;
  return { kind: "bounce", message: Number(match[1]), qp: Number(match[2]) };
}

function readTriple(body: string): LogRecord | null {
  const match = TRIPLE.exec(body);
  return match === null ? null : { kind: "triple_bounce", message: Number(match[1]) };
}

function readPlain(body: string): LogRecord | null {
  const match = PLAIN.exec(body);
  if (match === null) return null;
  const message = Number(match[2]);
  return match[1] === "new" ? { kind: "new_message", message } : { kind: "message_end", message };
}

/** One line; null: it is none of qmail-send's, or says nothing to count. */
export function readQmailSend(body: string): LogRecord | null {
  switch (body.charCodeAt(0)) {
    case 0x6e: // new
      return readPlain(body);
    case 0x65: // end
      return readPlain(body);
    case 0x69: // info
      return readInfo(body);
    case 0x73: // starting delivery, status
      return readDelivery(body) ?? readStatus(body);
    case 0x64: // delivery
      return readDelivery(body);
    case 0x62: // bounce
      return readBounce(body);
    case 0x74: // triple bounce
      return readTriple(body);
    case 0x77: // warning
    case 0x61: // alert
      return /^(warning|alert): /.test(body) ? { kind: "send_trouble", text: body } : null;
    default:
      return null;
  }
}
