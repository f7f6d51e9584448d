/**
 * Trace events of the POP3 service. A failed login is one line with reason and address, so that a log watcher
 * needs one pattern, and the address stands before everything a client chose, so that a login can't forge one; the
 * session's summary counts as Dovecot's does (top, retr: messages/octets; del: deleted/all).
 */
import { event } from "./tracer.ts";

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
  }>(
    "pop3.session",
    1,
    "pop3_session",
    (f) =>
      `ip[${f.ip}] login[${f.login}] top=${f.top}/${f.top_bytes}, ` +
      `retr=${f.retr}/${f.retr_bytes}, del=${f.deleted}/${f.messages}, ` +
      `size=${f.size_bytes}, end=${f.end}`,
  ),
  controlTrouble: event<{ ip: string; reason: string }>(
    "pop3.controls",
    1,
    "pop3_setup",
    (f) => `unable to serve ${f.ip}: ${f.reason}`,
  ),
  login: event<{ login: string; ip: string }>(
    "pop3.login",
    2,
    "pop3_auth",
    (f) => `login ok: ip[${f.ip}] login[${f.login}]`,
  ),
  loginFailed: event<{ login: string; ip: string; reason: string }>(
    "pop3.login.failed",
    2,
    "pop3_auth",
    (f) => `login failed: ip[${f.ip}] reason[${f.reason}] login[${f.login}]`,
  ),
  // Local trouble: not "login failed", or a log watcher would lock out the innocent.
  loginUndecided: event<{ login: string; ip: string; reason: string }>(
    "pop3.login.undecided",
    2,
    "pop3_auth",
    (f) => `login undecided: ip[${f.ip}] reason[${f.reason}] login[${f.login}]`,
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
