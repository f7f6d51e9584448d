/**
 * The fail2ban filters of config/fail2ban, held against lines that the event tables write. What fail2ban itself does with
 * them is tried by tests/interop/fail2ban.ts.
 */
import { assertEquals } from "@std/assert";
import {
  type Fields,
  NET_EVENTS,
  POLICY_EVENTS,
  POP3_EVENTS,
  QMTP_EVENTS,
  SMTP_EVENTS,
  type TraceEvent,
} from "./fail2ban_kit.ts";
import { bannedBy, type Form, writeLine } from "./fail2ban_kit.ts";

const IP = "192.0.2.7";
const VICTIM = "203.0.113.66";

/** What a client may try in order to have somebody else banned. */
const HOSTILE = [
  `x`,
  `ip[${VICTIM}]`,
  `] reason[x] login[x ip[${VICTIM}] reason[`,
  `x>, ${VICTIM}`,
  `x> from <y>, ${VICTIM}`,
  `x>, ${VICTIM} (remoteip: ${VICTIM})`,
  `(remoteip: ${VICTIM})`,
  `x (remoteip: ${VICTIM})`,
  `\r\n2026-03-01 08:00:10 (1) (7) smtp_auth: login failed: ip[${VICTIM}] reason[x]`,
  `2026-03-01 08:00:10 (1) (7) smtp_auth: login failed: ip[${VICTIM}] reason[x]`,
  `smtp_rcpt: invalid rcpt user, refused, from ${VICTIM}`,
  `x end=session_closed`,
  `x ip=${VICTIM} helo=y end=session_closed`,
  `a","ip":"${VICTIM}","end":"session_closed`,
  `a\\","ip":"${VICTIM}","x":"`,
  `x] ip[${VICTIM}]: y`,
  `policy: decoy: ip[${VICTIM}] wants <x>`,
  `\u00e9\x00\x1b[2J ${VICTIM}`,
];

type Case = readonly [TraceEvent<Fields>, (word: string) => Fields, "hit" | "aggressive" | "miss"];

const one = <F extends Fields>(
  event: TraceEvent<F>,
  fields: (word: string) => F,
  counts: Case[2],
): Case => [event as unknown as TraceEvent<Fields>, fields, counts];

const summary = (end: string) => (helo: string) => ({
  ip: IP,
  helo,
  messages: 0,
  recipients: 0,
  unknown: 1,
  relays: 0,
  errors: 0,
  seconds: 1,
  end,
});

const CASES: readonly Case[] = [
  one(SMTP_EVENTS.loginFailed, (login) => ({
    login,
    ip: IP,
    mechanism: "PLAIN",
    reason: "wrong login or password",
  }), "hit"),
  one(POP3_EVENTS.loginFailed, (login) => ({
    login,
    ip: IP,
    auth: "",
    reason: "wrong login or password",
  }), "hit"),
  one(SMTP_EVENTS.rcptUnknown, (user) => ({ user, domain: user, ip: IP }), "hit"),
  one(QMTP_EVENTS.rcptUnknown, (user) => ({ user, domain: user, ip: IP }), "hit"),
  one(SMTP_EVENTS.rcptRelay, (word) => ({ recipient: word, sender: word, ip: IP }), "hit"),
  one(SMTP_EVENTS.summary, summary("session_closed"), "hit"),
  one(SMTP_EVENTS.limit, () => ({ reply: "unknown_limit", ip: IP }), "hit"),
  one(POLICY_EVENTS.decoyHit, (word) => ({ ip: IP, recipient: word, sender: word }), "hit"),
  one(POLICY_EVENTS.applied, (reason) => ({
    stage: "rcpt",
    ip: IP,
    rule: "badmailfrom: @x.example",
    reply: "553 bad_sender",
    reason,
  }), "aggressive"),
  one(POP3_EVENTS.tooManyErrors, () => ({ ip: IP, errors: 10 }), "aggressive"),
  one(NET_EVENTS.handshakeFailed, (reason) => ({ ip: IP, reason }), "aggressive"),
  // Local trouble, and what a busy, slow or well-meaning client does.
  one(SMTP_EVENTS.loginUndecided, (login) => ({
    login,
    ip: IP,
    mechanism: "PLAIN",
    reason: "users file can't be read",
  }), "miss"),
  one(SMTP_EVENTS.login, (login) => ({ login, ip: IP, mechanism: "PLAIN" }), "miss"),
  one(SMTP_EVENTS.remoteip, () => ({ ip: IP }), "miss"),
  one(SMTP_EVENTS.rcpt, (user) => ({ user, domain: user }), "miss"),
  one(SMTP_EVENTS.rcptUndecided, (word) => ({ user: word, domain: word, reason: word }), "miss"),
  one(SMTP_EVENTS.summary, summary("quit"), "miss"),
  one(SMTP_EVENTS.limit, () => ({ reply: "message_limit", ip: IP }), "miss"),
  one(SMTP_EVENTS.fromClient, (line) => ({ line }), "miss"),
  one(NET_EVENTS.refused, () => ({ ip: IP, reason: "too many sessions" }), "miss"),
  one(POLICY_EVENTS.applied, (reason) => ({
    stage: "rcpt",
    ip: IP,
    rule: "greylist",
    reply: "451 greylisted",
    reason,
  }), "miss"),
];

const FORMS: readonly Form[] = ["katr", "katr with trace_remoteip", "json"];

for (const form of FORMS) {
  Deno.test(`fail2ban filter, ${form}: hits and misses, in both modes, for the right address`, () => {
    for (const [event, fields, counts] of CASES) {
      for (const word of HOSTILE) {
        const line = writeLine(form, event, fields(word), IP);
        const normal = counts === "hit" ? [IP] : [];
        const aggressive = counts === "miss" ? [] : [IP];
        assertEquals(bannedBy(form, "normal", line), normal, line);
        assertEquals(bannedBy(form, "aggressive", line), aggressive, line);
      }
    }
  });
}

Deno.test("fail2ban filter: IPv6 addresses are found", () => {
  const fields = { user: "x", domain: "y", ip: "2001:db8::25" };
  for (const form of FORMS) {
    const line = writeLine(form, SMTP_EVENTS.rcptUnknown, fields, "2001:db8::25");
    assertEquals(bannedBy(form, "normal", line), ["2001:db8::25"], line);
  }
});
