/**
 * One SMTP session as an engine: bytes in, replies and requests out, no socket, no timer.
 *
 * The fast path is `#feed`: it goes through everything in the chunk, command by command, and comes
 * back without having made a promise unless a look-up or the queue has to be waited for; then the
 * rest of the chunk waits where it is (the driver keeps it until the promise settles). The driver
 * writes all replies of a chunk at once.
 *
 * Mirrors qmail-smtpd's reading of lines: LF ends a command, one CR before it is dropped, NUL ends
 * what is looked at.
 */
import type {
  EndReason,
  Engine,
  EngineView,
  Output,
  Peer,
  SecureInfo,
  Wants,
} from "../net/types.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { endExchange, RESPONSE_LINE_BYTES, takeResponse } from "./auth.ts";
import { type Command, findCommand, verbEnd } from "./commands.ts";
import { greet, greetDelayOf } from "./greeting.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { answerStarttls, forgetClear } from "./starttls.ts";
import { endSession, refuse, type Session, type SmtpDeps, startSession } from "./state.ts";
import { latin1 } from "./text.ts";
import { abandonData, takeMailData } from "./transfer.ts";
import { viewOf } from "./view.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;

/** What is said to a client whose session is ended from the outside. */
const LAST_REPLIES: Readonly<Record<EndReason, Reply | null>> = {
  eof: null,
  idle: REPLIES.idle,
  session_time: REPLIES.session_time,
  shutdown: REPLIES.shutdown,
  stalled: null,
  io_error: null,
};

/** The engine of one session. */
export function createSmtpEngine(deps: SmtpDeps, peer: Peer, output: Output): Engine {
  return new SmtpEngine(deps, peer, output);
}

class SmtpEngine implements Engine {
  readonly #session: Session;
  /** The beginning of a line whose end has not come yet; null: none. */
  #partial: Uint8Array | null = null;
  #partialBytes = 0;
  /** The line is too long: its rest is dropped. */
  #isTooLong = false;
  /** First byte of the current chunk that is not handled yet. */
  #next = 0;

  constructor(deps: SmtpDeps, peer: Peer, output: Output) {
    this.#session = startSession(deps, peer, output);
  }

  get wants(): Wants {
    return this.#session.wants;
  }

  /** How much of the last chunk was handled. */
  get taken(): number {
    return this.#next;
  }

  get busy(): boolean {
    return this.#session.incoming !== null || this.#session.commit !== null;
  }

  view(): EngineView {
    return viewOf(this.#session);
  }

  get idleSeconds(): number {
    return this.#session.config.idleSeconds;
  }

  get sessionSeconds(): number {
    return this.#session.config.sessionSeconds;
  }

  get greetDelaySeconds(): number | undefined {
    return greetDelayOf(this.#session);
  }

  spokeEarly(): void {
    this.#session.spokeEarly = true;
  }

  start(): void | Promise<void> {
    const { deps, peer } = this.#session;
    if (deps.tracer.level >= 1) {
      deps.tracer.emit(peer.session, SMTP_EVENTS.remoteip, { ip: peer.remoteIp });
    }
    return greet(this.#session);
  }

  /**
   * RFC 3207, section 4.2: what was said in clear is forgotten, what was sent in clear is never
   * read (CVE-2011-0411).
   */
  secured(info: SecureInfo): void {
    const session = this.#session;
    session.tls = info;
    if (session.wants === "tls") session.wants = "input";
    forgetClear(session);
    this.#partial = null;
    this.#partialBytes = 0;
    this.#isTooLong = false;
    const { tracer } = session.deps;
    if (tracer.level < 1) return;
    const { version, cipher } = info;
    tracer.emit(session.peer.session, SMTP_EVENTS.secured, { version, cipher });
  }

  receive(chunk: Uint8Array): void | Promise<void> {
    this.#next = 0;
    return this.#feed(chunk);
  }

  end(reason: EndReason): void | Promise<void> {
    const session = this.#session;
    // What is being made safe gets its answer first: a client that is told nothing sends it again.
    if (session.commit !== null) return session.commit.then(() => this.end(reason));
    if (session.isOver) return;
    const abandoned = abandonData(session, reason);
    endSession(session, LAST_REPLIES[reason], reason);
    return abandoned;
  }

  /**
   * Handles the chunk from #next on. A promise from a handler suspends, and it goes on where it
   * was.
   */
  #feed(chunk: Uint8Array): void | Promise<void> {
    const session = this.#session;
    while (this.#next < chunk.length && session.wants === "input") {
      const { incoming } = session;
      let pause: void | Promise<void>;
      if (incoming === null) pause = this.#takeLine(chunk);
      else {
        pause = takeMailData(session, incoming, chunk, this.#next);
        this.#next = incoming.data.next;
      }
      if (pause !== undefined) return pause.then(() => this.#feed(chunk));
    }
    if (session.wants === "tls") answerStarttls(session, this.#next < chunk.length);
  }

  /** Takes one command line, or keeps what there is of it. */
  #takeLine(chunk: Uint8Array): void | Promise<void> {
    const start = this.#next;
    // On lines of this length a loop is three times faster than indexOf.
    let at = start;
    while (at < chunk.length && chunk[at] !== LF) at++;
    const isWhole = at < chunk.length;
    this.#next = isWhole ? at + 1 : at;
    this.#session.hasMoreInput = this.#next < chunk.length;
    if (this.#partial === null && isWhole && !this.#isTooLong) {
      return this.#command(chunk, start, at);
    }
    this.#keep(chunk, start, at);
    if (!isWhole) return;
    const { partial, bytes } = { partial: this.#partial, bytes: this.#partialBytes };
    this.#partial = null;
    this.#partialBytes = 0;
    if (this.#isTooLong || partial === null) {
      this.#isTooLong = false;
      return this.#refuseLength();
    }
    return this.#command(partial, 0, bytes);
  }

  /**
   * Keeps the beginning of a line, up to the limit: memory does not depend on what the client
   * sends.
   */
  #keep(chunk: Uint8Array, start: number, end: number): void {
    const most = this.#longest();
    const bytes = this.#partialBytes + end - start;
    if (this.#isTooLong || bytes >= most) {
      this.#isTooLong = true;
      this.#partial = null;
      this.#partialBytes = 0;
      return;
    }
    if (this.#partial === null || this.#partial.length < bytes) {
      const larger = new Uint8Array(Math.min(most, Math.max(256, bytes * 2)));
      if (this.#partial !== null) larger.set(this.#partial);
      this.#partial = larger;
    }
    this.#partial.set(chunk.subarray(start, end), this.#partialBytes);
    this.#partialBytes = bytes;
  }

  /** Runs the line between `start` and the LF at `lf`. */
  #command(line: Uint8Array, start: number, lf: number): void | Promise<void> {
    const session = this.#session;
    // DIFFERS: qmail-smtpd takes lines of any length, and memory for them (RFC 5321, 4.5.3.1.4 asks
    // for 512 bytes).
    if (lf + 1 - start > this.#longest()) return this.#refuseLength();
    const end = lf > start && line[lf - 1] === CR ? lf - 1 : lf;
    if (session.exchange !== null) return this.#response(line, start, end);
    const afterVerb = verbEnd(line, start, end);
    const command = findCommand(line, start, afterVerb);
    if (session.deps.tracer.level >= 4) this.#traceLine(line, start, end, command);
    if (command === null) return refuse(session, REPLIES.unknown_command);
    return command.run(session, argumentOf(line, afterVerb, end));
  }

  /** A line of an AUTH exchange. */
  #response(line: Uint8Array, start: number, end: number): void | Promise<void> {
    const { deps, peer } = this.#session;
    if (deps.tracer.level >= 4) {
      deps.tracer.emit(peer.session, SMTP_EVENTS.fromClient, { line: "(response)" });
    }
    return takeResponse(this.#session, latin1(line, start, end));
  }

  /** Longest line now, in bytes with its line end. */
  #longest(): number {
    const { exchange, config } = this.#session;
    if (exchange === null) return config.commandLineBytes;
    return Math.max(RESPONSE_LINE_BYTES, config.commandLineBytes);
  }

  #refuseLength(): void {
    const session = this.#session;
    if (session.exchange !== null) return endExchange(session, REPLIES.auth_line_too_long);
    refuse(session, REPLIES.line_too_long);
  }

  /**
   * Secrets never reach the trace: of AUTH, understood or not, only the verb is shown, and of what is no command
   * nothing once AUTH was said (a client that pipelines sends its password although AUTH was refused).
   */
  #traceLine(
    line: Uint8Array,
    start: number,
    end: number,
    command: Command | null,
  ): void {
    const { deps, peer, expectsSecrets } = this.#session;
    const text = latin1(line, start, end);
    // Also where a slip before or behind the verb makes it no command.
    const shown = /^\s*AUTH/i.test(text)
      ? "AUTH ..."
      : command === null && expectsSecrets
      ? "..."
      : text;
    deps.tracer.emit(peer.session, SMTP_EVENTS.fromClient, { line: shown });
  }
}

/** What follows the verb and its spaces, up to a NUL. */
function argumentOf(line: Uint8Array, afterVerb: number, end: number): string {
  let start = afterVerb;
  while (start < end && line[start] === SPACE) start++;
  let stop = start;
  while (stop < end && line[stop] !== 0) stop++;
  return start === stop ? "" : latin1(line, start, stop);
}
