/**
 * What one line of a log says, whoever wrote it: our trace, qmail-send, tcpserver, rblsmtpd, qmail-spf.
 *
 * Texts are binary strings, one char a byte: what clients sent, as it came. Times are milliseconds since 1970; null
 * where a line has none.
 */

/** A line of our trace: the event's id and its fields as text. A field whose value is null is "". */
export interface TraceRecord {
  readonly kind: "trace";
  readonly session: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** `new msg 163610` */
export interface NewMessage {
  readonly kind: "new_message";
  readonly message: number;
}

/** `info msg 163610: bytes 834 from <joe@example.com> qp 11239 uid 110` */
export interface MessageInfo {
  readonly kind: "message_info";
  readonly message: number;
  readonly bytes: number;
  readonly sender: string;
  readonly qp: number;
  readonly uid: number;
}

/** `starting delivery 364: msg 163610 to local joe@example.com` */
export interface DeliveryStart {
  readonly kind: "delivery_start";
  readonly delivery: number;
  readonly message: number;
  readonly channel: "local" | "remote";
  readonly recipient: string;
}

/** `delivery 364: failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/` */
export interface DeliveryEnd {
  readonly kind: "delivery_end";
  readonly delivery: number;
  readonly result: "success" | "failure" | "deferral";
  /** As qmail-send writes it, with "_" for spaces and "/" for line ends. */
  readonly text: string;
}

/** `bounce msg 163610 qp 11242` */
export interface BounceMade {
  readonly kind: "bounce";
  readonly message: number;
  readonly qp: number;
}

/** `triple bounce: discarding bounce/163610` */
export interface TripleBounce {
  readonly kind: "triple_bounce";
  readonly message: number;
}

/** `end msg 163610` */
export interface MessageEnd {
  readonly kind: "message_end";
  readonly message: number;
}

/** `status: local 1/10 remote 0/20` */
export interface SendStatus {
  readonly kind: "send_status";
  readonly local: number;
  readonly localMost: number;
  readonly remote: number;
  readonly remoteMost: number;
}

/** `warning: ...`, `alert: ...` of qmail-send. */
export interface SendTrouble {
  readonly kind: "send_trouble";
  readonly text: string;
}

/** `tcpserver: pid 12322 from 192.0.2.7`, `ok`, `deny`, `end`; status counts connections. */
export interface TcpserverRecord {
  readonly kind: "tcpserver";
  readonly what: "status" | "pid" | "ok" | "deny" | "end";
  readonly pid: number;
  /** "" where the line has none. */
  readonly ip: string;
  /** status: connections open, and how many may be. */
  readonly open: number;
  readonly most: number;
}

/** `rblsmtpd: 192.0.2.7 pid 12322: 451 bad reverse DNS` */
export interface RblsmtpdRecord {
  readonly kind: "rblsmtpd";
  readonly ip: string;
  readonly pid: number;
  readonly code: number;
  readonly text: string;
}

/** `qmail-spf: spf_result is SPF_RESULT_FAIL` */
export interface SpfRecord {
  readonly kind: "spf";
  readonly result: string;
}

export type LogRecord =
  | TraceRecord
  | NewMessage
  | MessageInfo
  | DeliveryStart
  | DeliveryEnd
  | BounceMade
  | TripleBounce
  | MessageEnd
  | SendStatus
  | SendTrouble
  | TcpserverRecord
  | RblsmtpdRecord
  | SpfRecord;

/** A record and when. */
export interface Timed {
  readonly whenMs: number | null;
  readonly record: LogRecord;
}
