/**
 * Every POP3 reply, once, with a stable id (RFC 1939; response codes: RFC 2449 and 3206).
 *
 * A reply is prebuilt as bytes. Texts are ours, the class (+OK, -ERR) is what qmail-popup and qmail-pop3d say.
 */

/** One status line. */
export interface Reply {
  /** Stable id, such as "pop3.auth.failed". */
  readonly id: string;
  /** The line without CRLF. */
  readonly text: string;
  /** The line with CRLF. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Latin1 text as bytes. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function reply(id: string, text: string): Reply {
  return { id, text, bytes: latin1(`${text}\r\n`) };
}

export const REPLIES = {
  ok: reply("pop3.ok", "+OK"),
  bye: reply("pop3.bye", "+OK bye"),
  userOk: reply("pop3.user.ok", "+OK send PASS"),
  loggedIn: reply("pop3.auth.ok", "+OK maildrop is open"),
  authFailed: reply("pop3.auth.failed", "-ERR [AUTH] authorization failed"),
  authUndecided: reply("pop3.auth.undecided", "-ERR [SYS/TEMP] login can't be checked, try later"),
  loginTooSoon: reply(
    "pop3.auth.soon",
    "-ERR [LOGIN-DELAY] too soon after the last login, try later",
  ),
  needsTls: reply("pop3.auth.clear", "-ERR [AUTH] no password without TLS, encrypt first"),
  mechanismUnknown: reply("pop3.sasl.mechanism", "-ERR mechanism not offered"),
  saslMalformed: reply("pop3.sasl.malformed", "-ERR response not understood, login given up"),
  saslCancelled: reply("pop3.sasl.cancelled", "-ERR login given up"),
  stlsReady: reply("pop3.stls.ready", "+OK begin TLS"),
  stlsDone: reply("pop3.stls.done", "-ERR encrypted already"),
  stlsPipelined: reply("pop3.stls.pipelined", "-ERR nothing may follow STLS in clear, closing"),
  utf8On: reply("pop3.utf8", "+OK UTF-8 it is"),
  userFirst: reply("pop3.user.first", "-ERR send USER first"),
  maildropTemporary: reply(
    "pop3.maildrop.temporary",
    "-ERR [SYS/TEMP] maildrop can't be opened, try later",
  ),
  maildropInUse: reply("pop3.maildrop.in_use", "-ERR [IN-USE] maildrop is in use, try later"),
  maildropPermanent: reply(
    "pop3.maildrop.permanent",
    "-ERR [SYS/PERM] maildrop can't be opened, tell your postmaster",
  ),
  unknown: reply("pop3.unknown", "-ERR command not known"),
  syntax: reply("pop3.syntax", "-ERR syntax error"),
  lineTooLong: reply("pop3.line.long", "-ERR command line too long"),
  loginFirst: reply("pop3.state.authorization", "-ERR log in first"),
  loggedInAlready: reply("pop3.state.transaction", "-ERR already logged in"),
  tooManyErrors: reply("pop3.errors", "-ERR too many errors, closing"),
  fromOne: reply("pop3.message.zero", "-ERR messages are counted from 1"),
  noSuchMessage: reply("pop3.message.none", "-ERR no such message"),
  deleted: reply("pop3.message.deleted", "-ERR message is deleted"),
  gone: reply("pop3.message.gone", "-ERR message is no longer there"),
  unreadable: reply("pop3.message.unreadable", "-ERR [SYS/PERM] message can't be read"),
  notAllRemoved: reply(
    "pop3.update.failed",
    "-ERR [SYS/PERM] some deleted messages could not be removed",
  ),
  failure: reply("pop3.failure", "-ERR [SYS/TEMP] local trouble, closing"),
  tooManySessions: reply("pop3.sessions", "-ERR [SYS/TEMP] too many sessions, try later"),
  stopping: reply("pop3.stopping", "-ERR [SYS/TEMP] server is stopping"),
} as const;

/** Ids of the replies that carry values. */
export const VALUE_REPLIES = {
  greeting: { id: "pop3.greeting", text: (host: string) => `+OK ${host}` },
  challenge: { id: "pop3.sasl.challenge", text: (base64: string) => `+ ${base64}` },
  stat: { id: "pop3.stat", text: (count: number, octets: number) => `+OK ${count} ${octets}` },
  list: { id: "pop3.list", text: (number: number, octets: number) => `+OK ${number} ${octets}` },
  uidl: { id: "pop3.uidl", text: (number: number, id: string) => `+OK ${number} ${id}` },
  last: { id: "pop3.last", text: (number: number) => `+OK ${number}` },
} as const;

/** The line that ends a multi-line reply. */
export const END = latin1(".\r\n");
