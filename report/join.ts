/** Records of all logs, in the order of time, put together into facts. */
import type { Facts } from "./facts.ts";
import { MessageJoin } from "./join_messages.ts";
import { SessionJoin } from "./join_sessions.ts";
import type { RblsmtpdRecord, TcpserverRecord, Timed } from "./record.ts";

export class Join {
  readonly #facts: Facts;
  readonly #messages: MessageJoin;
  readonly #sessions: SessionJoin;
  #lastMs: number | null = null;

  readonly #isInOrder: boolean;

  /** `isInOrder`: records come in the order of time, so that nobody waits for what would have come by then. */
  constructor(facts: Facts, isInOrder = false) {
    this.#facts = facts;
    this.#isInOrder = isInOrder;
    this.#messages = new MessageJoin(facts);
    this.#sessions = new SessionJoin(facts, this.#messages);
  }

  take({ whenMs: ownMs, record }: Timed): void {
    // A line without a time was written about when the one before it was.
    const whenMs = ownMs ?? this.#lastMs;
    if (this.#isInOrder && whenMs !== null && whenMs !== this.#lastMs) {
      this.#messages.passed(whenMs);
    }
    this.#lastMs = whenMs;
    switch (record.kind) {
      case "trace":
        return this.#sessions.take(record, whenMs);
      case "message_info":
        return this.#messages.info(record, whenMs);
      case "delivery_start":
        return this.#messages.start(record, whenMs);
      case "delivery_end":
        return this.#messages.end(record, whenMs);
      case "bounce":
        return this.#messages.bounce(record);
      case "message_end":
        return this.#messages.over(record.message);
      case "triple_bounce":
        return this.#facts.bounce("triple");
      case "send_trouble":
        return this.#facts.trouble(record.text);
      case "tcpserver":
        return this.#connection(record, whenMs);
      case "rblsmtpd":
        return this.#blocked(record, whenMs);
      case "spf":
        return this.#facts.finding({ check: "spf", result: record.result });
      case "new_message":
      case "send_status":
        return;
    }
  }

  /** The logs are at their end: tells what was still open. */
  finish(): void {
    this.#sessions.finish();
    this.#messages.finish();
  }

  #connection({ what, ip }: TcpserverRecord, whenMs: number | null): void {
    if (what === "ok" || what === "deny") this.#facts.connection(what);
    if (what !== "deny") return;
    const rule = "tcpserver: denied";
    this.#facts.refusal({ whenMs, ip, rule, outcome: "refused", what: "connection" });
  }

  #blocked({ ip, code, text }: RblsmtpdRecord, whenMs: number | null): void {
    const outcome = code >= 500 ? "refused" : "deferred";
    const rule = `rblsmtpd: ${withoutAddresses(text)}`;
    this.#facts.refusal({ whenMs, ip, rule, outcome, what: "session" });
  }
}

/** A list's text names the client; one rule shall not become thousands. */
const withoutAddresses = (text: string): string =>
  text.replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, "*").slice(0, 120);
