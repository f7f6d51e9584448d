/** What lines come to when they are put together: attempts, sessions, deliveries, bounces. Texts are binary strings. */

/** One recipient that somebody wanted to send to. */
export interface Attempt {
  /** Milliseconds since 1970; null: the log has no times. */
  readonly whenMs: number | null;
  readonly ip: string;
  /** null: the log does not say. */
  readonly helo: string | null;
  readonly sender: string | null;
  readonly recipient: string;
  /** accepted: RCPT was answered with yes, and no later answer took it back. */
  readonly outcome: "refused" | "accepted" | "deferred";
  /** What decided, such as "unknown recipient" or a rule of policy; "" where it was accepted. */
  readonly rule: string;
  readonly session: number | null;
  /** Who had logged in; null: nobody, or the trace does not say. */
  readonly login: string | null;
  readonly qp: number | null;
  /** What qmail-send's log says became of it; null: it does not say, or not yet. */
  readonly delivered: boolean | null;
}

/** Somebody was turned away: a recipient, a message, a session or a connection. */
export interface Refusal {
  readonly whenMs: number | null;
  readonly ip: string;
  readonly rule: string;
  readonly outcome: "refused" | "deferred";
  /** What was turned away. */
  readonly what: "recipient" | "message" | "session" | "connection";
}

/** What a check of policy or content said of a client or a message. */
export interface Finding {
  readonly check: "spf" | "dkim" | "dmarc" | "arc";
  readonly result: string;
}

/** What the lists of the DNS said of one session's client. */
export interface Listing {
  /** Zones that list it. */
  readonly zones: readonly string[];
  /** Zones that gave no answer. */
  readonly errors: readonly string[];
}

/** One session of SMTP, QMTP or QMQP, at its end. */
export interface SessionFacts {
  readonly whenMs: number | null;
  readonly service: string;
  readonly ip: string;
  readonly helo: string | null;
  readonly seconds: number | null;
  readonly end: string;
  /** Recipients that do not exist. */
  readonly unknown: number;
  /** The first rule, a guessed recipient apart, by which something was turned away; null: none. */
  readonly refusedBy: string | null;
  readonly sender: string | null;
  /** Result of SPF; null: not asked, or not traced. */
  readonly spf: string | null;
  /** The address has a name that leads back to it; null: not asked, or not traced. */
  readonly fcrdns: boolean | null;
}

/** A message that the queue took. */
export interface MessageFacts {
  readonly whenMs: number | null;
  readonly bytes: number;
  readonly recipients: number;
}

/** One delivery of qmail-send at its end. */
export interface DeliveryFacts {
  readonly whenMs: number | null;
  readonly channel: "local" | "remote";
  readonly result: "success" | "failure" | "deferral";
  /** As the client named it where that is known, else as qmail-send rewrote it. */
  readonly recipient: string;
  readonly sender: string;
  readonly text: string;
  /** From its start; null where times are missing. */
  readonly tookMs: number | null;
  /** From the message's arrival in the queue. */
  readonly sinceArrivalMs: number | null;
  /** It is a message that qmail-send wrote because another one failed. */
  readonly isBounce: boolean;
}

/** A bounce on its way to somebody elsewhere: backscatter when that one never wrote. */
export interface BackscatterFacts {
  readonly whenMs: number | null;
  readonly victim: string;
  /** Whom the message that bounced was for. */
  readonly recipients: readonly string[];
  /** Address of the client that brought it; "" where the trace does not say. */
  readonly ip: string;
}

export interface Facts {
  attempt(attempt: Attempt): void;
  refusal(refusal: Refusal): void;
  session(session: SessionFacts): void;
  begun(service: string, ip: string, whenMs: number | null): void;
  finding(finding: Finding): void;
  listing(listing: Listing): void;
  shadow(rule: string): void;
  softened(rule: string): void;
  decoy(ip: string, recipient: string): void;
  ban(network: string): void;
  loginFailed(service: string, ip: string): void;
  lost(lines: number): void;
  message(message: MessageFacts): void;
  arrival(sender: string, bytes: number): void;
  delivery(delivery: DeliveryFacts): void;
  backscatter(backscatter: BackscatterFacts): void;
  bounce(kind: "bounce" | "double" | "triple"): void;
  trouble(text: string): void;
  connection(what: "ok" | "deny"): void;
}

/** Facts that nobody wants, for those who want only some. */
export const NO_FACTS: Facts = {
  attempt: () => {},
  refusal: () => {},
  session: () => {},
  begun: () => {},
  finding: () => {},
  listing: () => {},
  shadow: () => {},
  softened: () => {},
  decoy: () => {},
  ban: () => {},
  loginFailed: () => {},
  lost: () => {},
  message: () => {},
  arrival: () => {},
  delivery: () => {},
  backscatter: () => {},
  bounce: () => {},
  trouble: () => {},
  connection: () => {},
};
