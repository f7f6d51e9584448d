/** The catalogue of replies again: a dialogue for each, in which it is given. */
import { assert, assertNotEquals } from "@std/assert";
import type { EndReason } from "../../../net/types.ts";
import { REPLIES } from "../../../smtp/replies.ts";
import {
  authOf,
  feed,
  lookupOf,
  queueOf,
  type QueueOptions,
  rigOf,
  type Setup,
  SITE,
} from "./kit.ts";

const EHLO = "EHLO h\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<joe@example.com>\r\n";
const MESSAGE = `${MAIL}${RCPT}DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n`;

const NOT_IN_A_DIALOGUE = [
  "site_unusable",
  "too_busy",
  "too_many_sessions",
  "fault",
  // xclient_test.ts.
  "xclient_denied",
];

interface Shown {
  readonly input: string;
  readonly setup?: Setup;
  readonly end?: EndReason;
  readonly secured?: boolean;
}

const reject = { on_invalid_rcpt: "reject" as const };
const outcome = (kind: "deferred" | "refused", code: string): QueueOptions => ({
  outcome: { kind, code, reason: "a reason" },
});
const UNKNOWN = `${MAIL}RCPT TO:<nobody@example.com>\r\n`;
const SOME = lookupOf({ known: [], undecided: ["sue@example.com"] });

const LOGIN = "AUTH LOGIN\r\n";
const GOOD = `AUTH PLAIN ${btoa("\0joe@example.com\0sesame")}\r\n`;
const BAD = `AUTH PLAIN ${btoa("\0joe@example.com\0wrong")}\r\n`;
const OPEN: Setup = {
  settings: { smtp_auth: "always" },
  service: "submission",
  deps: { auth: authOf() },
};
const openWith = (settings: Setup["settings"], more: Setup = {}): Setup => ({
  ...OPEN,
  ...more,
  settings: { ...OPEN.settings, ...settings },
});
const UNDECIDED = authOf({ others: { kind: "undecided", reason: "The file is not readable" } });

/** A dialogue whose last reply, or last but one, is the one in question. */
const DIALOGUES: Readonly<Record<string, Shown>> = {
  greeting: { input: "" },
  help: { input: "HELP\r\n" },
  quit: { input: "QUIT\r\n" },
  hello: { input: "HELO h\r\n" },
  extended_hello: { input: EHLO },
  noop: { input: "NOOP\r\n" },
  reset: { input: "RSET\r\n" },
  sender_ok: { input: MAIL },
  recipient_ok: { input: MAIL + RCPT },
  accepted: { input: MESSAGE },
  vrfy: { input: "VRFY joe\r\n" },
  go_ahead: { input: `${MAIL}${RCPT}DATA\r\n` },
  ready_for_tls: { input: "STARTTLS\r\n", setup: { deps: { tls: true } } },
  authenticated: { input: EHLO + GOOD, setup: OPEN },
  auth_challenge: { input: EHLO + LOGIN, setup: OPEN },
  auth_limit: { input: EHLO + BAD.repeat(2), setup: openWith({ max_auth_failures: 1 }) },
  no_delivery: { input: MAIL + RCPT, setup: { deps: { deliverability: () => "Has a program" } } },
  sender_undecided: {
    input: EHLO + GOOD + MAIL,
    setup: openWith({ sender_login_map: true }, { control: { ...SITE, senderlogins: "x\n" } }),
  },
  auth_undecided: { input: EHLO + BAD, setup: { ...OPEN, deps: { auth: UNDECIDED } } },
  auth_line_too_long: { input: `${EHLO}${LOGIN}${"x".repeat(12289)}\r\n`, setup: OPEN },
  auth_syntax: { input: `${EHLO}AUTH\r\n`, setup: OPEN },
  auth_malformed: { input: `${EHLO}${LOGIN}!\r\n`, setup: OPEN },
  auth_cancelled: { input: `${EHLO}${LOGIN}*\r\n`, setup: OPEN },
  no_argument: { input: "STARTTLS now\r\n", setup: { deps: { tls: true } } },
  auth_not_offered: { input: EHLO + LOGIN },
  tls_not_offered: { input: "STARTTLS\r\n" },
  ehlo_first: { input: LOGIN, setup: OPEN },
  already_secured: { input: "STARTTLS\r\n", setup: { deps: { tls: true } }, secured: true },
  already_authenticated: { input: EHLO + GOOD + GOOD, setup: OPEN },
  auth_in_transaction: {
    input: EHLO + MAIL + GOOD,
    setup: { ...OPEN, env: { RELAYCLIENT: "" } },
  },
  unknown_mechanism: { input: `${EHLO}AUTH GSSAPI\r\n`, setup: OPEN },
  auth_required: { input: EHLO + MAIL, setup: OPEN },
  auth_refused: { input: EHLO + BAD, setup: OPEN },
  encryption_required: { input: EHLO + GOOD, setup: openWith({ smtp_auth: "tls" }) },
  sender_not_owned: { input: EHLO + GOOD + MAIL, setup: openWith({ sender_login_map: true }) },
  tls_injection: { input: "STARTTLS\r\nNOOP\r\n", setup: { deps: { tls: true } } },
  session_closed: { input: UNKNOWN, setup: { lookup: SOME } },
  unknown_recipient: { input: UNKNOWN, setup: { lookup: SOME, settings: reject } },
  syntax_limit: { input: "WHAT\r\n".repeat(2), setup: { settings: { max_syntax_errors: 1 } } },
  unknown_limit: {
    input: UNKNOWN.repeat(2),
    setup: { lookup: SOME, settings: { ...reject, max_unknown_recipients: 1 } },
  },
  relay_limit: {
    input: MAIL + "RCPT TO:<x@far.example>\r\n".repeat(2),
    setup: { settings: { max_relay_attempts: 1 } },
  },
  message_limit: { input: MESSAGE + MAIL, setup: { settings: { max_messages: 1 } } },
  idle: { input: "", end: "idle" },
  session_time: { input: "", end: "session_time" },
  shutdown: { input: "", end: "shutdown" },
  bare_lf: { input: `${MAIL}${RCPT}DATA\r\nx\n` },
  undecided: { input: `${MAIL}RCPT TO:<sue@example.com>\r\n`, setup: { lookup: SOME } },
  undecided_refused: {
    input: `${MAIL}RCPT TO:<sue@example.com>\r\n`,
    setup: { lookup: SOME, settings: { on_undecided: "reject" } },
  },
  queue_deferred: { input: MESSAGE, setup: { queue: queueOf(outcome("deferred", "4.3.0")) } },
  queue_refused: { input: MESSAGE, setup: { queue: queueOf(outcome("refused", "5.3.0")) } },
  unknown_command: { input: "WHAT\r\n" },
  line_too_long: { input: "NOOP " + "x".repeat(2048) + "\r\n" },
  bad_sender_syntax: { input: `MAIL FROM:<${"x".repeat(900)}>\r\n` },
  bad_recipient_syntax: { input: `${MAIL}RCPT TO:<${"x".repeat(900)}>\r\n` },
  bad_parameter: { input: "MAIL FROM:<a@b> SIZE=x\r\n" },
  unknown_parameter: { input: "MAIL FROM:<a@b> XYZ\r\n" },
  unimplemented: { input: "EXPN list\r\n" },
  xclient_syntax: { input: "XCLIENT x\r\n", setup: { deps: { xclient: () => {} } } },
  xclient_in_transaction: {
    input: `${MAIL}XCLIENT ADDR=192.0.2.7\r\n`,
    setup: { deps: { xclient: () => {} } },
  },
  xclient_refused: { input: "XCLIENT ADDR=192.0.2.7\r\n" },
  mail_first: { input: RCPT },
  rcpt_first: { input: `${MAIL}DATA\r\n` },
  relay_refused: { input: `${MAIL}RCPT TO:<x@far.example>\r\n` },
};

Deno.test("REPLIES: every reply is given where it belongs", async () => {
  for (const [id, reply] of Object.entries(REPLIES)) {
    if (NOT_IN_A_DIALOGUE.includes(id)) continue;
    const shown = DIALOGUES[id];
    assertNotEquals(shown, undefined, `no dialogue shows ${id}`);
    if (shown === undefined) continue;
    const rig = rigOf(shown.setup ?? {});
    if (shown.secured === true) {
      rig.engine.secured?.({ version: "TLSv1.3", cipher: "X", sni: null, clientSubject: null });
    }
    await feed(rig.engine, shown.input, [], shown.end ?? null);
    const last = rig.output.said.split("\r\n").at(-2) ?? "";
    const start = reply.enhanced === "" ? `${reply.code} ` : `${reply.code} ${reply.enhanced} `;
    assert(last.startsWith(start), `${id}: ${last}`);
    const isFixed = rig.output.said.includes(reply.text);
    const isMade =
      ["greeting", "quit", "hello", "extended_hello", "accepted", "auth_challenge"].includes(id) ||
      id.startsWith("queue_");
    assert(isFixed || isMade, `${id}: ${last}`);
  }
});
