/**
 * The trace's story of each session: who came, which recipients he named, what was answered and why.
 *
 * KATR's form names a recipient in one line and judges it in the next, so a verdict is that of the recipient named last.
 * HELO comes with the session's last line; attempts wait for it.
 */
import type { Facts } from "./facts.ts";
import { LruMap } from "./lru.ts";
import { type Mail, type Recipient, tellWhenOver } from "./mail.ts";
import type { MessageJoin } from "./join_messages.ts";
import type { TraceRecord } from "./record.ts";
import { takeOutside } from "./outside.ts";
import {
  judgeLast,
  type OpenSession,
  openSession,
  readDialogue,
  takeFinding,
} from "./session_state.ts";

const MOST_SESSIONS = 20_000;
/** Recipients of one session that wait for its end. */
const MOST_WAITING = 500;

type Verdict = "refused" | "deferred";
type Fields = TraceRecord["fields"];

/** A line of a session, what it belongs to. */
interface Line {
  readonly session: OpenSession;
  readonly fields: Fields;
  readonly whenMs: number | null;
}

export class SessionJoin {
  readonly #facts: Facts;
  readonly #messages: MessageJoin;
  readonly #sessions = new LruMap<number, OpenSession>(
    MOST_SESSIONS,
    (session) => this.#close(session, null, {}),
  );

  constructor(facts: Facts, messages: MessageJoin) {
    this.#facts = facts;
    this.#messages = messages;
  }

  take(record: TraceRecord, whenMs: number | null): void {
    const { event, fields, session: number } = record;
    if (event === "") return;
    if (number === 0) return takeOutside(this.#facts, event, fields, whenMs);
    const dot = event.indexOf(".");
    const family = event.slice(0, dot);
    if (event.endsWith(".remoteip")) return this.#begin(number, family, fields, whenMs);
    const session = this.#sessionOf(number, family, fields, whenMs);
    if (session === null) return takeOutside(this.#facts, event, fields, whenMs);
    const line: Line = { session, fields, whenMs };
    if (family === "policy") return this.#policy(event, line);
    if (family === "net") {
      return takeOutside(this.#facts, event, { ip: session.ip, ...fields }, whenMs);
    }
    this.#mail(event.slice(dot + 1), line, number);
  }

  /** The logs are at their end. */
  finish(): void {
    for (const session of this.#sessions.drain()) this.#close(session, null, {});
  }

  #begin(number: number, family: string, fields: Fields, whenMs: number | null): void {
    const old = this.#sessions.take(number);
    if (old !== undefined) this.#close(old, null, {});
    const service = family === "setup" ? "smtp" : family;
    const session = openSession(number, service, fields["ip"] ?? "", whenMs);
    this.#sessions.set(number, session);
  }

  /** The session of a line; one whose begin stands in an older log is made. null: no session of mail. */
  #sessionOf(
    number: number,
    family: string,
    fields: Fields,
    whenMs: number | null,
  ): OpenSession | null {
    const known = this.#sessions.get(number);
    const ip = fields["ip"] ?? fields["remoteip"] ?? "";
    if (known !== undefined) {
      if (known.ip === "") known.ip = ip;
      // QMTP's and QMQP's sessions begin with SMTP's words.
      if (family === "qmtp" || family === "qmqp") known.service = family;
      return known;
    }
    if (!/^(smtp|qmtp|qmqp|policy)$/.test(family)) return null;
    const made = openSession(number, family === "policy" ? "smtp" : family, ip, whenMs);
    this.#sessions.set(number, made);
    return made;
  }

  #policy(event: string, line: Line): void {
    const { fields, session } = line;
    const rule = fields["rule"] ?? "";
    switch (event) {
      case "policy.applied":
        return this.#applied(line, rule);
      case "policy.shadow":
        return this.#facts.shadow(rule);
      case "policy.softened":
        return this.#facts.softened(rule);
      case "policy.finding":
        return takeFinding(this.#facts, session, fields["check"] ?? "", fields["text"] ?? "");
      case "policy.decoy":
        judgeLast(session, "refused", "decoy");
        return takeOutside(this.#facts, event, fields, line.whenMs);
      default:
        return takeOutside(this.#facts, event, { ip: session.ip, ...fields }, line.whenMs);
    }
  }

  #applied(line: Line, rule: string): void {
    const { session, fields } = line;
    const code = /^([45])\d\d/.exec(fields["reply"] ?? "")?.[1];
    if (code === undefined) return;
    const outcome = code === "4" ? "deferred" : "refused";
    const stage = fields["stage"] ?? "";
    if (stage === "rcpt" || stage === "rcpt_valid") return this.#judge(line, outcome, rule);
    if (!stage.startsWith("data")) return this.#turnAway(line, outcome, rule, "session");
    session.messageRule = rule;
    this.#judgeMessage(line, outcome, rule);
  }

  /** An event of SMTP, QMTP or QMQP, its id without the service. */
  #mail(what: string, line: Line, number: number): void {
    const { session, fields } = line;
    switch (what) {
      case "rcpt":
        return this.#named(line);
      case "mail":
        session.helo = fields["helo"] ?? session.helo;
        session.sender = fields["sender"] ?? session.sender;
        return;
      case "capture.rcpt":
        session.helo = fields["helo"] ?? session.helo;
        return this.#judge(line, "refused", fields["rule"] ?? "captured");
      case "rcpt.invalid":
      case "rcpt.unknown":
        session.unknown++;
        return this.#judge(line, "refused", "unknown recipient");
      case "rcpt.undecided":
        return this.#judge(line, "deferred", "recipient undecided");
      case "rcpt.nodelivery":
        return this.#judge(line, "deferred", "no delivery now");
      case "rcpt.relay":
        return this.#judge(line, "refused", "relaying denied");
      case "rcpt.badmailfrom":
        return this.#judge(line, "refused", "badmailfrom");
      case "rcpt.lost":
        return this.#judgeNamed(line, fields["recipient"] ?? "");
      case "mail.sender":
        return this.#turnAway(line, "refused", "sender is not the login's", "message");
      case "mail.undecided":
        return this.#turnAway(line, "deferred", "sender undecided", "message");
      case "message.accepted":
        return this.#accepted(line, number);
      case "message.refused":
        return this.#messageRefused(line);
      case "limit":
        return this.#turnAway(line, "refused", `limit: ${fields["reply"] ?? ""}`, "session");
      case "login":
        session.login = fields["login"] ?? null;
        return;
      case "login.failed":
        return this.#facts.loginFailed(session.service, session.ip);
      case "dialogue.client":
        return readDialogue(session, fields["line"] ?? "");
      case "end":
        this.#sessions.take(number);
        return this.#close(session, line.whenMs, fields);
    }
  }

  #named({ session, fields, whenMs }: Line): void {
    const { user = "", domain = "" } = fields;
    const address = domain === "" ? user : `${user}@${domain}`;
    session.recipients.push({ whenMs, address, outcome: null, rule: "", delivered: null });
    if (session.recipients.length <= MOST_WAITING) return;
    // The client goes on and on: what is judged is told without the HELO that its last line would bring.
    const isJudged = (r: Recipient) => r.outcome !== null;
    this.#tell(session, session.recipients.filter(isJudged));
    session.recipients = session.recipients.filter((r) => !isJudged(r)).slice(-MOST_WAITING / 2);
  }

  #judge(line: Line, outcome: Verdict, rule: string): void {
    const { session, fields, whenMs } = line;
    session.sender = fields["sender"] ?? session.sender;
    const { user, domain, recipient = domain === undefined ? user : `${user}@${domain}` } = fields;
    if (!judgeLast(session, outcome, rule) && recipient !== undefined) {
      session.recipients.push({ whenMs, address: recipient, outcome, rule, delivered: null });
    }
    this.#turnAway(line, outcome, rule, "recipient");
  }

  #judgeNamed(line: Line, recipient: string): void {
    const { session, fields } = line;
    session.sender = fields["sender"] ?? session.sender;
    const found = session.recipients.find((r) => r.outcome === null && r.address === recipient);
    if (found === undefined) return;
    found.outcome = "refused";
    found.rule = "lost with the session";
    this.#turnAway(line, "refused", found.rule, "recipient");
  }

  #judgeMessage(line: Line, outcome: Verdict, rule: string): void {
    for (const recipient of line.session.recipients) {
      if (recipient.outcome !== null) continue;
      recipient.outcome = outcome;
      recipient.rule = rule;
    }
    this.#turnAway(line, outcome, rule, "message");
  }

  #messageRefused(line: Line): void {
    const { session, fields } = line;
    session.sender = fields["sender"] ?? session.sender;
    const known = session.messageRule;
    session.messageRule = null;
    if (known !== null) return;
    const reply = fields["reply"] ?? "";
    const isLater = /deferred|undecided|bare_lf|no_delivery|incomplete|closed/.test(reply);
    this.#judgeMessage(line, isLater ? "deferred" : "refused", `message: ${reply}`);
  }

  #accepted({ session, fields, whenMs }: Line, number: number): void {
    const { sender = "" } = fields;
    session.sender = sender;
    session.messageRule = null;
    const most = Number(fields["recipients"] ?? 0);
    const open = session.recipients.filter((r) => r.outcome === null);
    const taken = open.slice(0, most);
    for (const recipient of taken) recipient.outcome = "accepted";
    for (const recipient of open.slice(most)) {
      recipient.outcome = "deferred";
      recipient.rule = "too many recipients";
    }
    session.recipients = session.recipients.filter((r) => !taken.includes(r));
    const qp = /^qp (\d+)$/.exec(fields["id"] ?? "")?.[1];
    const mail: Mail = {
      whenMs,
      session: number,
      ip: session.ip,
      helo: session.helo,
      sender,
      login: session.login,
      qp: qp === undefined ? null : Number(qp),
      recipients: taken,
      isSessionOver: false,
      isMessageOver: false,
    };
    session.mails.push(mail);
    if (session.mails.length > MOST_WAITING) this.#endMails(session, session.mails.splice(0, 1));
    this.#facts.message({ whenMs, bytes: Number(fields["bytes"] ?? 0), recipients: most });
    this.#messages.accepted(mail);
  }

  #turnAway(
    { session, fields, whenMs }: Line,
    outcome: Verdict,
    rule: string,
    what: "recipient" | "message" | "session",
  ): void {
    session.sender = fields["sender"] ?? session.sender;
    if (rule !== "unknown recipient") session.refusedBy ??= rule;
    this.#facts.refusal({ whenMs, ip: session.ip, rule, outcome, what });
  }

  #close(session: OpenSession, whenMs: number | null, fields: Fields): void {
    const { helo = session.helo ?? undefined, seconds } = fields;
    session.helo = helo ?? null;
    this.#tell(session, session.recipients);
    this.#endMails(session, session.mails);
    const { service, ip, unknown, refusedBy, sender, spf, fcrdns } = session;
    this.#facts.begun(service, ip, session.startMs);
    this.#facts.session({
      whenMs: whenMs ?? session.startMs,
      service,
      ip,
      helo: session.helo,
      seconds: seconds === undefined ? null : Number(seconds),
      end: fields["end"] ?? "",
      unknown,
      refusedBy,
      sender,
      spf,
      fcrdns,
    });
  }

  #tell(session: OpenSession, recipients: readonly Recipient[]): void {
    const { ip, helo, sender, login, number } = session;
    tellWhenOver({
      whenMs: null,
      session: number,
      ip,
      helo,
      sender,
      login,
      qp: null,
      recipients,
      isSessionOver: true,
      isMessageOver: true,
    }, this.#facts);
  }

  #endMails(session: OpenSession, mails: readonly Mail[]): void {
    for (const mail of mails) {
      mail.helo = session.helo;
      mail.isSessionOver = true;
      tellWhenOver(mail, this.#facts);
    }
  }
}
