/**
 * Trace events of the POP3 service. A failed login is one line with reason and address, so that a log watcher
 * needs one pattern, and the address stands before everything a client chose, so that a login can't forge one; the
 * session's summary counts as Dovecot's does (top, retr: messages/octets; del: deleted/all).
 */
import { event } from "./tracer.ts";

const tlsText = (tls: string) => tls === "" ? "" : ` tls[${tls}]`;
const authText = (auth: string) => auth === "" ? "" : ` auth[${auth}]`;

export const POP3_EVENTS = {
  session: event<{
    login: string;
    ip: string;
    top: number;
    top_bytes: number;
    retr: number;
    retr_bytes: number;
    deleted: number;
    messages: number;
    size_bytes: number;
    end: string;
    tls: string;
  }>(
    "pop3.session",
    1,
    "pop3_session",
    (f) =>
      `ip[${f.ip}] login[${f.login}] top=${f.top}/${f.top_bytes}, ` +
      `retr=${f.retr}/${f.retr_bytes}, del=${f.deleted}/${f.messages}, ` +
      `size=${f.size_bytes}, end=${f.end}${tlsText(f.tls)}`,
  ),
  controlTrouble: event<{ ip: string; reason: string }>(
    "pop3.controls",
    1,
    "pop3_setup",
    (f) => `unable to serve ${f.ip}: ${f.reason}`,
  ),
  login: event<{ login: string; ip: string; auth: string; tls: string }>(
    "pop3.login",
    2,
    "pop3_auth",
    (f) => `login ok: ip[${f.ip}] login[${f.login}]${authText(f.auth)}${tlsText(f.tls)}`,
  ),
  loginFailed: event<{ login: string; ip: string; reason: string; auth: string }>(
    "pop3.login.failed",
    2,
    "pop3_auth",
    (f) => `login failed: ip[${f.ip}] reason[${f.reason}] login[${f.login}]${authText(f.auth)}`,
  ),
  // Local trouble: not "login failed", or a log watcher would lock out the innocent.
  loginUndecided: event<{ login: string; ip: string; reason: string; auth: string }>(
    "pop3.login.undecided",
    2,
    "pop3_auth",
    (f) => `login undecided: ip[${f.ip}] reason[${f.reason}] login[${f.login}]${authText(f.auth)}`,
  ),
  loginTooSoon: event<{ login: string; ip: string; seconds: number }>(
    "pop3.login.soon",
    2,
    "pop3_auth",
    (f) => `login too soon: ip[${f.ip}] login[${f.login}], one in ${f.seconds} seconds is allowed`,
  ),
  clearRefused: event<{ ip: string; command: string }>(
    "pop3.login.clear",
    2,
    "pop3_auth",
    (f) => `password without TLS refused: ip[${f.ip}] command[${f.command}]`,
  ),
  saslBroken: event<{ ip: string; mechanism: string; reason: string }>(
    "pop3.sasl.broken",
    2,
    "pop3_auth",
    (f) => `AUTH given up: ip[${f.ip}] auth[${f.mechanism}] reason[${f.reason}]`,
  ),
  stlsPipelined: event<{ ip: string }>(
    "pop3.stls.pipelined",
    2,
    "pop3_tls",
    (f) => `commands in clear behind STLS, refused: ip[${f.ip}]`,
  ),
  secured: event<{ ip: string; tls: string; subject: string }>(
    "pop3.tls",
    3,
    "pop3_tls",
    (f) => `ip[${f.ip}]${tlsText(f.tls)}${f.subject === "" ? "" : ` certificate[${f.subject}]`}`,
  ),
  tooManyErrors: event<{ ip: string; errors: number }>(
    "pop3.errors",
    2,
    "pop3_session",
    (f) => `${f.errors} commands not understood, closing: ip[${f.ip}]`,
  ),
  maildropFailed: event<{ login: string; ip: string; reason: string }>(
    "pop3.maildrop.failed",
    2,
    "pop3_maildrop",
    (f) => `ip[${f.ip}] login[${f.login}] reason[${f.reason}]`,
  ),
  messageFailed: event<{ unique_id: string; reason: string }>(
    "pop3.message.failed",
    2,
    "pop3_maildrop",
    (f) => `message [${f.unique_id}] can't be sent: ${f.reason}`,
  ),
  updateFailed: event<{ path: string; failed: number; reason: string }>(
    "pop3.update.failed",
    2,
    "pop3_update",
    (f) => `${f.failed} messages could not be updated in [${f.path}]: ${f.reason}`,
  ),
  update: event<{ path: string; removed: number; moved: number }>(
    "pop3.update",
    3,
    "pop3_update",
    (f) => `[${f.path}]: ${f.removed} removed, ${f.moved} moved from new to cur`,
  ),
  maildrop: event<{ path: string; messages: number; cached: boolean }>(
    "pop3.maildrop",
    3,
    "pop3_maildrop",
    (f) => `[${f.path}]: ${f.messages} messages, ${f.cached ? "listing kept" : "directories read"}`,
  ),
  sizes: event<{ path: string; counted: number; bytes: number }>(
    "pop3.sizes",
    3,
    "pop3_maildrop",
    (f) => `[${f.path}]: sizes of ${f.counted} messages counted, ${f.bytes} bytes read`,
  ),
  sizeIndex: event<{ path: string; reason: string }>(
    "pop3.sizes.index",
    3,
    "pop3_maildrop",
    (f) => `size index of [${f.path}] not used: ${f.reason}`,
  ),
  failure: event<{ ip: string; reason: string }>(
    "pop3.failure",
    1,
    "pop3_session",
    (f) => `session failed: ip[${f.ip}] reason[${f.reason}]`,
  ),
  received: event<{ line: string }>("pop3.received", 4, "pop3_dialogue", (f) => `<- ${f.line}`),
  sent: event<{ line: string }>("pop3.sent", 4, "pop3_dialogue", (f) => `-> ${f.line}`),
} as const;
