/**
 * The seam between sockets and protocols. An engine takes bytes and gives bytes; a driver (session.ts here, the
 * tests, a fuzzer) moves them. Engines do no socket I/O, know no timers and hold no file descriptors of the client.
 */

/**
 * Who is at the other end. Addresses are numeric text; IPv4 in IPv6 is shown as IPv4. On standard input an address that
 * nobody told is "unknown", as in qmail-smtpd.
 */
export interface Peer {
  /** "socket": a real client. "transcript": standard input is a pipe, a file or a terminal. */
  readonly kind: "socket" | "transcript";
  readonly remoteIp: string;
  readonly remotePort: number;
  /** Name found by reverse DNS (TCPREMOTEHOST), null: unknown. */
  readonly remoteHost: string | null;
  /** What ident said (TCPREMOTEINFO), null: nothing. */
  readonly remoteInfo: string | null;
  readonly localIp: string;
  readonly localPort: number;
  /** TCPLOCALHOST, null: not known. */
  readonly localHost: string | null;
  /** Environment of the session: RELAYCLIENT, DATABYTES, RBLSMTPD ... from the process or a connection rule. */
  readonly env: Readonly<Record<string, string>>;
  /** Number in the trace: the process id for a stdin session, a session number in serve. */
  readonly session: number;
  /** What an SMTP client came for, where the listener knows it: mail for us (25), or to be sent on (587, 465). */
  readonly service?: "smtp" | "submission" | undefined;
  /** What connection rules say of an address, for a host that may speak for others. Absent: there are none. */
  readonly rules?: Rules | undefined;
  /** This connection can become a TLS one: STARTTLS or STLS may be offered. */
  readonly offersTls?: boolean | undefined;
}

/** Environment that a connection rule gives a session; null: the address may not connect. A promise never rejects. */
export type Rules = (ip: string) => RuleAnswer | Promise<RuleAnswer>;
type RuleAnswer = Readonly<Record<string, string>> | null;

/** What ended a session from the outside. */
export type EndReason = "eof" | "idle" | "session_time" | "shutdown" | "stalled" | "io_error";

/** What the driver should do once the output is flushed. */
export type Wants = "input" | "close" | "tls";

/** Replies gathered during one call of the engine, written with one write. */
export interface Output {
  /** Copies `bytes` to the end of what is to be written. */
  bytes(bytes: Uint8Array): void;
  /** The same for latin1 text. */
  text(text: string): void;
  /** Bytes waiting. */
  readonly pending: number;
  /** For long answers: writes what waits and resolves when the client took it; rejects when the client is gone. */
  drain(): Promise<void>;
}

/** What a TLS handshake came to. */
export interface SecureInfo {
  /** "TLSv1.2" or "TLSv1.3". */
  readonly version: string;
  /** The cipher suite's name as OpenSSL writes it, such as "TLS_AES_256_GCM_SHA384". */
  readonly cipher: string;
  /** The server name that the client asked for, null: none. */
  readonly sni: string | null;
  /** Subject of the verified client certificate, null: none was shown. */
  readonly clientSubject: string | null;
  /** E-mail addresses of that certificate, those of subjectAltName included; absent: not known to have any. */
  readonly clientEmails?: readonly string[];
}

/** What an administrator is shown of a session. Texts as the client sent them. */
export interface EngineView {
  /** Where the dialogue stands: a few words. */
  readonly state: string;
  /** Who logged in; null: nobody. */
  readonly login: string | null;
  /** Reverse-path of the message in hand; null: there is none. */
  readonly sender: string | null;
  /** Its recipients so far. */
  readonly recipients: number;
  /** Messages that this session brought or fetched. */
  readonly messages: number;
  /** For whom it is, where the peer speaks for others; absent: for the peer. */
  readonly ip?: string;
}

/** A protocol's session. */
export interface Engine {
  /** The greeting. */
  start(): void | Promise<void>;
  /** Handles everything that is complete in `chunk` (valid until the returned promise settles). */
  receive(chunk: Uint8Array): void | Promise<void>;
  /** No more input will come. Aborts what is incomplete; may still write a last reply. */
  end(reason: EndReason): void | Promise<void>;
  /**
   * The connection is encrypted from here on: called before `start` on a listener that begins with TLS, and after
   * `wants` was "tls" (then without a new `start`). No byte read in clear reaches `receive` after it.
   */
  secured?(info: SecureInfo): void;
  readonly wants: Wants;
  /**
   * Seconds to wait before `start` for a client that can't wait its turn; 0: only look whether it spoke already. Absent:
   * `start` is called at once. What the client says meanwhile ends the wait and reaches `receive` as ever.
   */
  readonly greetDelaySeconds?: number | undefined;
  /** The client spoke before its greeting; called before `start`, and only where `greetDelaySeconds` asks for it. */
  spokeEarly?(): void;
  /** True while a message is in hand: a stop waits for it (bounded by shutdown_seconds). */
  readonly busy: boolean;
  /** Longest silence allowed now, in seconds. */
  readonly idleSeconds: number;
  /** Longest session, in seconds. */
  readonly sessionSeconds: number;
  /** What there is to show; asked for by administrators only. */
  view?(): EngineView;
}

/** Why a connection is answered with one line and closed. */
export type RefuseReason = "sessions" | "address" | "network" | "busy" | "shutdown" | "fault";

/** A protocol as listeners and drivers see it. */
export interface Protocol {
  /** The name in traces and messages: "smtp", "pop3". */
  readonly name: string;
  /** A new session's engine. */
  open(peer: Peer, output: Output): Engine;
  /** The complete answer, line end included, for a session that is not served. "fault": the engine failed. */
  refuse(reason: RefuseReason): Uint8Array;
}

/** A stream of bytes both ways. Deno.TcpConn is one. */
export interface Duplex {
  /** Bytes read into `buffer`, null at the end of input. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Bytes written, perhaps fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * Writes the first `length` bytes as far as they can be written without waiting; how many that were. Throws what `write`
   * rejects with. Absent: only `write` can. Not while a write waits.
   */
  writeNow?(bytes: Uint8Array, length: number): number;
  /** No more will be written; the other direction stays open. */
  closeWrite(): Promise<void>;
  close(): void;
  /** Small writes need not wait until the peer has acknowledged what went before (TCP_NODELAY). */
  setNoDelay?(enable: boolean): void;
  /** Ends a write that the peer blocks, which close() cannot; calls `lost` when that cannot be done. */
  abort?(lost: () => void): void;
  /** Ends both directions at once, blocked writes included (shutdown(2)); absent where only the descriptor can be asked. */
  shutdown?(): void;
}

/** One end of a connection. */
export interface NetEnd {
  readonly hostname: string;
  readonly port: number;
}

/** A connection as a listening socket gives it. Deno.TcpConn is one. */
export interface Accepted extends Duplex {
  readonly remoteAddr: NetEnd;
  readonly localAddr: NetEnd;
}

/** A listening socket. Deno.TcpListener is one. */
export interface Acceptor {
  readonly addr: NetEnd;
  /** Rejects when no connection can be had now, and once it is closed. */
  accept(): Promise<Accepted>;
  close(): void;
}
