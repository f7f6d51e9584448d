/**
 * Every reply of the SMTP service, once: stable id, code (RFC 5321, section 4.2), enhanced status
 * code (RFC 3463) and the bytes as they go to the client.
 *
 * What policy answers stands in policy/replies.ts. Ids are what docs/smtp.md and the trace speak of; they never change. Replies whose text is only
 * known at run time are made from an entry here by `withText`, which lets no control character
 * through: a reply is one line.
 */
import { softReply } from "../policy/replies.ts";
import type { PolicyReply } from "../policy/types.ts";
import { bytesOf } from "./text.ts";

/** One reply, ready to be sent. */
export interface Reply {
  /** Stable id, such as "unknown_recipient". */
  readonly id: string;
  readonly code: number;
  /** Enhanced status code such as "5.1.1"; "" where RFC 2034 wants none. */
  readonly enhanced: string;
  readonly text: string;
  /** The whole reply, CRLF included. */
  readonly bytes: Uint8Array;
}

/** Is this a reply, and not what a check found? */
export function isReply(value: unknown): value is Reply {
  return typeof value === "object" && value !== null && "enhanced" in value;
}

/** Longest text of a reply: RFC 5321 allows 512 bytes a line, code and CRLF included. */
const MAX_TEXT = 480;

/** One line of a reply: control characters become "?", what is too long is cut. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, MAX_TEXT).replace(/[\x00-\x1f\x7f]/g, "?");
}

function reply(id: string, code: number, enhanced: string, text: string): Reply {
  const line = oneLine(text);
  const start = enhanced === "" ? `${code} ` : `${code} ${enhanced} `;
  return { id, code, enhanced, text: line, bytes: bytesOf(`${start}${line}\r\n`) };
}

/** The replies; the texts of the dynamic ones are examples. */
export const REPLIES = {
  greeting: reply("greeting", 220, "", "host ESMTP"),
  help: reply("help", 214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"),
  ready_for_tls: reply("ready_for_tls", 220, "2.0.0", "ready to start TLS"),
  quit: reply("quit", 221, "2.0.0", "host"),
  authenticated: reply("authenticated", 235, "2.7.0", "authentication succeeded"),
  hello: reply("hello", 250, "", "host"),
  extended_hello: reply("extended_hello", 250, "", "host and extensions"),
  noop: reply("noop", 250, "2.0.0", "ok"),
  reset: reply("reset", 250, "2.0.0", "flushed"),
  sender_ok: reply("sender_ok", 250, "2.1.0", "ok"),
  recipient_ok: reply("recipient_ok", 250, "2.1.5", "ok"),
  accepted: reply("accepted", 250, "2.0.0", "ok 1163452800 qp 1234"),
  vrfy: reply("vrfy", 252, "2.0.0", "I do not tell, but send it and I will try"),
  auth_challenge: reply("auth_challenge", 334, "", "(challenge)"),
  go_ahead: reply("go_ahead", 354, "", "go ahead, end with a dot on a line of its own"),

  site_unusable: reply("site_unusable", 421, "4.3.0", "unable to read controls, try again later"),
  too_busy: reply("too_busy", 421, "4.3.2", "too many sessions, try again later"),
  too_many_sessions: reply(
    "too_many_sessions",
    421,
    "4.7.0",
    "too many sessions of your address, try again later",
  ),
  fault: reply("fault", 421, "4.3.0", "session failed here, try again later"),
  session_closed: reply("session_closed", 421, "4.7.0", "session ended after an unknown recipient"),
  syntax_limit: reply("syntax_limit", 421, "4.7.0", "too many syntax errors, session ended"),
  unknown_limit: reply("unknown_limit", 421, "4.7.0", "too many unknown recipients, session ended"),
  relay_limit: reply("relay_limit", 421, "4.7.0", "too many relay attempts, session ended"),
  auth_limit: reply("auth_limit", 421, "4.7.0", "too many failed logins, session ended"),
  idle: reply("idle", 421, "4.4.2", "no command for too long, session ended"),
  session_time: reply("session_time", 421, "4.4.2", "session lasted too long"),
  shutdown: reply("shutdown", 421, "4.3.2", "service is stopping, try again later"),

  bare_lf: reply("bare_lf", 451, "4.6.0", "line ends must be CR LF, not LF alone"),
  undecided: reply("undecided", 451, "4.3.0", "recipient can't be decided now, try again later"),
  no_delivery: reply("no_delivery", 451, "4.3.0", "recipient can't be served now, try again later"),
  sender_undecided: reply(
    "sender_undecided",
    451,
    "4.3.0",
    "sender can't be judged now, try again later",
  ),
  queue_deferred: reply(
    "queue_deferred",
    451,
    "4.3.0",
    "message can't be taken now, try again later",
  ),
  auth_undecided: reply(
    "auth_undecided",
    454,
    "4.7.0",
    "login can't be checked now, try again later",
  ),

  unknown_command: reply("unknown_command", 500, "5.5.2", "command not recognized"),
  line_too_long: reply("line_too_long", 500, "5.5.2", "line too long"),
  auth_line_too_long: reply("auth_line_too_long", 500, "5.5.6", "authentication line too long"),
  bad_sender_syntax: reply("bad_sender_syntax", 501, "5.1.7", "syntax error in sender address"),
  bad_recipient_syntax: reply(
    "bad_recipient_syntax",
    501,
    "5.1.3",
    "syntax error in recipient address",
  ),
  bad_parameter: reply("bad_parameter", 501, "5.5.4", "syntax error in parameter"),
  auth_syntax: reply("auth_syntax", 501, "5.5.4", "AUTH wants a mechanism and perhaps a response"),
  auth_malformed: reply("auth_malformed", 501, "5.5.2", "response is not what the mechanism wants"),
  auth_cancelled: reply("auth_cancelled", 501, "5.7.0", "authentication cancelled"),
  no_argument: reply("no_argument", 501, "5.5.4", "no argument is allowed here"),
  xclient_syntax: reply("xclient_syntax", 501, "5.5.4", "XCLIENT wants attributes as NAME=VALUE"),
  unimplemented: reply("unimplemented", 502, "5.5.1", "unimplemented"),
  auth_not_offered: reply("auth_not_offered", 502, "5.5.1", "authentication is not offered here"),
  tls_not_offered: reply("tls_not_offered", 502, "5.5.1", "TLS is not offered here"),
  mail_first: reply("mail_first", 503, "5.5.1", "MAIL first"),
  rcpt_first: reply("rcpt_first", 503, "5.5.1", "RCPT first"),
  ehlo_first: reply("ehlo_first", 503, "5.5.1", "EHLO first"),
  already_secured: reply("already_secured", 503, "5.5.1", "TLS is on already"),
  already_authenticated: reply(
    "already_authenticated",
    503,
    "5.5.1",
    "authentication is done already",
  ),
  auth_in_transaction: reply(
    "auth_in_transaction",
    503,
    "5.5.1",
    "no authentication between MAIL and the end of the message",
  ),
  xclient_in_transaction: reply(
    "xclient_in_transaction",
    503,
    "5.5.1",
    "no XCLIENT between MAIL and the end of the message",
  ),
  unknown_mechanism: reply("unknown_mechanism", 504, "5.5.4", "mechanism is not offered"),
  auth_required: reply("auth_required", 530, "5.7.0", "authentication required"),
  auth_refused: reply("auth_refused", 535, "5.7.8", "login or password is wrong"),
  encryption_required: reply(
    "encryption_required",
    538,
    "5.7.11",
    "encryption required, STARTTLS first",
  ),
  unknown_recipient: reply("unknown_recipient", 550, "5.1.1", "no mailbox here by that name"),
  xclient_refused: reply("xclient_refused", 550, "5.7.0", "you may not speak for others"),
  undecided_refused: reply("undecided_refused", 550, "5.3.0", "recipient can't be decided"),
  relay_refused: reply("relay_refused", 553, "5.7.1", "domain is not in the list of rcpthosts"),
  sender_not_owned: reply("sender_not_owned", 553, "5.7.1", "this sender is not yours"),
  xclient_denied: reply("xclient_denied", 554, "5.7.1", "that client may not connect"),
  tls_injection: reply("tls_injection", 554, "5.5.1", "commands behind STARTTLS, session ended"),
  queue_refused: reply("queue_refused", 554, "5.3.0", "message refused"),
  unknown_parameter: reply("unknown_parameter", 555, "5.5.4", "parameter not recognized"),
} as const;

/** A reply of policy, ready to be sent. */
export function replyOf({ id, code, enhanced, text }: PolicyReply): Reply {
  return reply(id, code, enhanced, text);
}

const softReplies = new Map<string, Reply>();

/** `hard` as 4xx where it is 5xx: what soft_reject makes of it. Each is made once. */
export function softOf(hard: Reply): Reply {
  if (hard.code < 500) return hard;
  const known = softReplies.get(hard.id);
  if (known !== undefined) return known;
  const soft = replyOf(softReply(hard));
  softReplies.set(hard.id, soft);
  return soft;
}

/** A challenge of an AUTH exchange, in base64; it may be longer than other replies, and no trace shows it. */
export function challengeOf(base64: string): Reply {
  return { ...REPLIES.auth_challenge, bytes: bytesOf(`334 ${base64}\r\n`) };
}

/** `base` with another text, and another enhanced status code where it fits the reply's class. */
export function withText(base: Reply, text: string, enhanced: string = base.enhanced): Reply {
  const fits = enhanced === base.enhanced ||
    (/^[245]\.\d{1,3}\.\d{1,3}$/.test(enhanced) && enhanced.startsWith(`${base.code}`.charAt(0)));
  return reply(base.id, base.code, fits ? enhanced : base.enhanced, text);
}

/** `base` with the session's number at its end, by which whoever is asked about it finds it in the trace. */
export function withSession(base: Reply, session: number): Reply {
  const suffix = ` [s:${session}]`;
  const bytes = new Uint8Array(base.bytes.length + suffix.length);
  const end = base.bytes.length - 2;
  bytes.set(base.bytes.subarray(0, end));
  bytes.set(bytesOf(`${suffix}\r\n`), end);
  return { ...base, text: base.text + suffix, bytes };
}

/**
 * A reply of several lines: the first one and one for each extension (RFC 5321, section 4.1.1.1).
 */
export function multiline(base: Reply, lines: readonly string[]): Reply {
  const last = lines.length - 1;
  const text = lines.map((line, i) => `${base.code}${i === last ? " " : "-"}${oneLine(line)}\r\n`);
  return { ...base, text: lines.map(oneLine).join("; "), bytes: bytesOf(text.join("")) };
}
