/**
 * Trace events of the SMTP service. The texts of `remoteip`, `rcpt` and `rcptInvalid` are those of
 * KATR's patch, to the letter.
 *
 * Fields carry what clients sent as it came, one char a byte; the formats make control characters
 * visible.
 */
import { event } from "./tracer.ts";

/** "1 rcpt", "2 rcpts". */
const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

/** What the SMTP service traces. */
export const SMTP_EVENTS = {
  remoteip: event<{ ip: string }>("setup.remoteip", 1, "setup", (f) => `remoteip: ${f.ip}`),
  controlTrouble: event<{ ip: string; reason: string }>(
    "setup.controls",
    1,
    "setup",
    (f) => `unable to serve ${f.ip}: ${f.reason}`,
  ),
  // Who speaks comes first: everything else is what he says.
  xclient: event<{ by: string; ip: string; name: string; helo: string; login: string }>(
    "setup.xclient",
    1,
    "setup",
    (f) => `xclient: by[${f.by}] ip[${f.ip}] name[${f.name}] helo[${f.helo}] login[${f.login}]`,
  ),
  secured: event<{ version: string; cipher: string }>(
    "setup.tls",
    1,
    "setup",
    (f) => `tls: ${f.version} ${f.cipher}`,
  ),
  // One line with the address before everything a client chose: what a log watcher needs, and no login can forge it.
  login: event<{ login: string; ip: string; mechanism: string }>(
    "smtp.login",
    1,
    "smtp_auth",
    (f) => `login ok: ip[${f.ip}] mechanism[${f.mechanism}] login[${f.login}]`,
  ),
  loginFailed: event<{ login: string; ip: string; mechanism: string; reason: string }>(
    "smtp.login.failed",
    1,
    "smtp_auth",
    (f) =>
      `login failed: ip[${f.ip}] reason[${f.reason}] mechanism[${f.mechanism}] login[${f.login}]`,
  ),
  // Local trouble: not "login failed", or a log watcher would lock out the innocent.
  loginUndecided: event<{ login: string; ip: string; mechanism: string; reason: string }>(
    "smtp.login.undecided",
    1,
    "smtp_auth",
    (f) =>
      `login undecided: ip[${f.ip}] reason[${f.reason}] mechanism[${f.mechanism}] login[${f.login}]`,
  ),
  // Who sends, before anything is judged: a refused recipient's line names no sender.
  mail: event<{ ip: string; helo: string; sender: string }>(
    "smtp.mail",
    2,
    "smtp_mail",
    (f) => `ip[${f.ip}] helo[${f.helo}] from <${f.sender}>`,
  ),
  senderRefused: event<{ sender: string; ip: string; login: string }>(
    "smtp.mail.sender",
    2,
    "smtp_mail",
    (f) => `sender <${f.sender}> is not login [${f.login}]'s, ${f.ip}`,
  ),
  senderUndecided: event<{ sender: string; reason: string }>(
    "smtp.mail.undecided",
    1,
    "smtp_mail",
    (f) => `sender <${f.sender}> undecided: ${f.reason}`,
  ),
  rcpt: event<{ user: string; domain: string }>(
    "smtp.rcpt",
    2,
    "smtp_rcpt",
    (f) => `user[${f.user}] domain [${f.domain}]`,
  ),
  rcptInvalid: event<{ user: string; domain: string; ip: string }>(
    "smtp.rcpt.invalid",
    2,
    "smtp_rcpt",
    () => "invalid rcpt user, terminating connection",
  ),
  rcptUnknown: event<{ user: string; domain: string; ip: string }>(
    "smtp.rcpt.unknown",
    2,
    "smtp_rcpt",
    (f) => `invalid rcpt user, refused, from ${f.ip}`,
  ),
  rcptLost: event<{ recipient: string; sender: string }>(
    "smtp.rcpt.lost",
    2,
    "smtp_rcpt",
    (f) => `accepted before, lost with the session: <${f.recipient}> from <${f.sender}>`,
  ),
  rcptUndecided: event<{ user: string; domain: string; reason: string }>(
    "smtp.rcpt.undecided",
    2,
    "smtp_rcpt",
    (f) => `undecided: ${f.reason}`,
  ),
  rcptNoDelivery: event<{ user: string; domain: string; reason: string }>(
    "smtp.rcpt.nodelivery",
    2,
    "smtp_rcpt",
    (f) => `not taken now: ${f.reason}`,
  ),
  rcptRelay: event<{ recipient: string; sender: string; ip: string }>(
    "smtp.rcpt.relay",
    2,
    "smtp_rcpt",
    (f) => `relaying denied to <${f.recipient}> from <${f.sender}>, ${f.ip}`,
  ),
  captureRcpt: event<{
    ip: string;
    helo: string;
    sender: string;
    recipient: string;
    rule: string;
  }>(
    "smtp.capture.rcpt",
    2,
    "smtp_rcpt",
    (f) =>
      `captured: ip[${f.ip}] rule[${f.rule}] helo[${f.helo}] from <${f.sender}> to <${f.recipient}>`,
  ),
  captured: event<{
    ip: string;
    helo: string;
    sender: string;
    recipients: number;
    lines: number;
    reply: string;
    rule: string;
  }>(
    "smtp.capture",
    1,
    "smtp_data",
    (f) =>
      `captured: ip[${f.ip}] ${f.reply} by rule[${f.rule}] helo[${f.helo}] from <${f.sender}> to ` +
      `${count(f.recipients, "rcpt")}, header of ${count(f.lines, "line")}`,
  ),
  captureHeader: event<{ ip: string; line: string }>(
    "smtp.capture.header",
    2,
    "smtp_data",
    (f) => `captured: ip[${f.ip}] header: ${f.line}`,
  ),
  accepted: event<{ id: string; sender: string; recipients: number; bytes: number }>(
    "smtp.message.accepted",
    1,
    "smtp_data",
    (f) => `${f.id} from <${f.sender}> to ${count(f.recipients, "rcpt")}, ${f.bytes} bytes`,
  ),
  notAccepted: event<{ reply: string; sender: string; bytes: number; reason: string }>(
    "smtp.message.refused",
    1,
    "smtp_data",
    (f) => `not accepted from <${f.sender}>, ${f.bytes} bytes: ${f.reply}, ${f.reason}`,
  ),
  limit: event<{ reply: string; ip: string }>(
    "smtp.limit",
    1,
    "smtp_end",
    (f) => `terminating connection: ${f.reply}, ${f.ip}`,
  ),
  summary: event<{
    ip: string;
    helo: string;
    messages: number;
    recipients: number;
    unknown: number;
    relays: number;
    errors: number;
    seconds: number;
    end: string;
  }>(
    "smtp.end",
    1,
    "smtp_end",
    (f) =>
      `ip=${f.ip} helo=${f.helo} messages=${f.messages} recipients=${f.recipients} ` +
      `unknown=${f.unknown} relays=${f.relays} errors=${f.errors} seconds=${f.seconds} end=${f.end}`,
  ),
  fromClient: event<{ line: string }>("smtp.dialogue.client", 4, "smtp_io", (f) => `C: ${f.line}`),
  /** `reply`: its id, as docs/smtp.md has it. */
  fromServer: event<{ line: string; reply: string }>(
    "smtp.dialogue.server",
    4,
    "smtp_io",
    (f) => `S: ${f.line}`,
  ),
} as const;
