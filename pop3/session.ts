/**
 * A POP3 session as an engine: bytes in, replies out (RFC 1939; qmail-popup, then qmail-pop3d, in one process).
 *
 * All complete lines of a chunk are answered in one go; a promise appears only where an answer has to be waited for
 * (a login, a large Maildir, a message of several pieces), and the rest of the chunk follows it. Knows no sockets
 * and no timers. When the client is gone without QUIT, nothing was deleted and nothing moved.
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
import { POP3_EVENTS } from "../trace/events.ts";
import { apopJudge } from "./authorization.ts";
import { lineForTrace, runLine } from "./commands.ts";
import type { Counters, OpenDrop, PendingSasl, Pop3Context } from "./context.ts";
import type { Pop3Deps, State } from "./context.ts";
import { enterTransaction } from "./login.ts";
import { REPLIES, type Reply, VALUE_REPLIES } from "./replies.ts";
import { answerChallenge, SASL_LINE_BYTES } from "./sasl.ts";
import { tlsText } from "./stls.ts";

const LF = 10;
const CR = 13;
/** Replies that may wait for the client while further commands are answered. */
const PENDING_BYTES = 65536;
const EMPTY = new Uint8Array(0);

/** A session; nothing happens before `start`. */
export function createPop3Engine(deps: Pop3Deps, peer: Peer, output: Output): Engine {
  return new Pop3Session(deps, peer, output);
}

/**
 * RFC 1939's msg-id, as qmail-popup writes it; a process with many sessions adds the session's number.
 * DIFFERS: the greeting has it only where APOP is offered, because curl and others that see it use APOP and nothing
 * else; qmail-popup always has it, and leaves it to checkpassword to know no clear secrets.
 */
function timestampOf(deps: Pop3Deps, peer: Peer): string {
  const who = peer.session === Deno.pid ? `${Deno.pid}` : `${Deno.pid}.${peer.session}`;
  return `<${who}.${Math.floor(deps.clock() / 1000)}@${deps.config.host}>`;
}

class Pop3Session implements Engine, Pop3Context {
  readonly deps: Pop3Deps;
  readonly peer: Peer;
  readonly output: Output;
  readonly timestamp: string;
  readonly counters: Counters = { top: 0, topBytes: 0, retr: 0, retrBytes: 0, removed: 0 };
  state: State = "authorization";
  user: string | null = null;
  login = "";
  sasl: PendingSasl | null = null;
  secure: SecureInfo | null = null;
  offersApop = false;
  hasMore = false;
  drop: OpenDrop | null = null;
  authFailures = 0;
  wants: Wants = "input";

  /** The beginning of a line whose end has not come yet; owns no memory between whole lines. */
  #carry = EMPTY;
  #carried = 0;
  #isTooLong = false;
  #errors = 0;
  #running = false;
  #isSummed = false;

  constructor(deps: Pop3Deps, peer: Peer, output: Output) {
    this.deps = deps;
    this.peer = peer;
    this.output = output;
    this.timestamp = timestampOf(deps, peer);
  }

  get busy(): boolean {
    return this.#running;
  }

  view(): EngineView {
    const { state, login, counters } = this;
    return {
      state,
      login: login === "" ? null : login,
      sender: null,
      recipients: 0,
      messages: counters.retr,
    };
  }

  get idleSeconds(): number {
    return this.deps.config.idleSeconds;
  }

  get sessionSeconds(): number {
    return this.deps.config.sessionSeconds;
  }

  start(): void | Promise<void> {
    const { account } = this.deps;
    if (account !== undefined) return this.#run(() => enterTransaction(this, account, ""));
    this.offersApop = apopJudge(this.deps) !== null;
    const word = this.offersApop ? this.timestamp : this.deps.config.host;
    this.replyText(VALUE_REPLIES.greeting.text(word));
  }

  /** RFC 2595, section 4: nothing that was said in clear counts any more. */
  secured(info: SecureInfo): void {
    this.secure = info;
    this.user = null;
    this.sasl = null;
    this.#forgetLine();
    if (this.wants === "tls") this.wants = "input";
    const { tracer } = this.deps;
    if (tracer.level < 3) return;
    const subject = info.clientSubject ?? "";
    const fields = { ip: this.peer.remoteIp, tls: tlsText(info), subject };
    tracer.emit(this.peer.session, POP3_EVENTS.secured, fields);
  }

  receive(chunk: Uint8Array): void | Promise<void> {
    return this.#lines(chunk, 0);
  }

  end(reason: EndReason): void {
    // Behind QUIT the work is finished, whether or not the client waits for the reply.
    if (this.wants === "close" || this.state === "update") return;
    // RFC 1939, section 3: a client that was silent too long gets no reply.
    if (reason === "shutdown" && this.wants === "input") this.reply(REPLIES.stopping);
    this.close(reason);
  }

  reply(reply: Reply): void {
    this.output.bytes(reply.bytes);
    if (this.deps.tracer.level >= 4) this.#traceSent(reply.text);
  }

  replyText(line: string, shown = line): void {
    this.output.text(`${line}\r\n`);
    if (this.deps.tracer.level >= 4) this.#traceSent(shown);
  }

  replyError(reply: Reply): void {
    if (++this.#errors < this.deps.config.maxErrors) return this.reply(reply);
    const { tracer } = this.deps;
    if (tracer.level >= 2) {
      const fields = { ip: this.peer.remoteIp, errors: this.#errors };
      tracer.emit(this.peer.session, POP3_EVENTS.tooManyErrors, fields);
    }
    this.reply(REPLIES.tooManyErrors);
    this.close("too many errors");
  }

  close(why: string): void {
    this.wants = "close";
    this.sasl = null;
    this.#forgetLine();
    if (this.#isSummed) return;
    this.#isSummed = true;
    this.#sum(why);
    this.drop?.maildrop.close?.();
  }

  /** Runs every line that is complete; the bytes behind the last one are kept. */
  #lines(chunk: Uint8Array, from: number): void | Promise<void> {
    let at = from;
    while (this.wants === "input") {
      const end = chunk.indexOf(LF, at);
      if (end < 0) return this.#keep(chunk, at);
      // A client that asks for much in one go has to take it before it gets more.
      const isFull = this.output.pending >= PENDING_BYTES;
      const next = isFull ? at : end + 1;
      this.hasMore = next < chunk.length;
      const waiting = isFull ? this.#run(() => this.output.drain()) : this.#line(chunk, at, end);
      if (waiting !== undefined) return waiting.then(() => this.#lines(chunk, next));
      at = next;
    }
  }

  #line(chunk: Uint8Array, from: number, end: number): void | Promise<void> {
    if (this.#isTooLong || this.#carried + end + 1 - from > this.#limit) {
      this.#forgetLine();
      this.sasl = null;
      return this.replyError(REPLIES.lineTooLong);
    }
    let line = chunk.subarray(from, end);
    if (this.#carried > 0) {
      this.#append(line);
      line = this.#carry.subarray(0, this.#carried);
      this.#forgetLine();
    }
    if (line[line.length - 1] === CR) line = line.subarray(0, line.length - 1);
    if (this.deps.tracer.level >= 4) this.#traceReceived(line);
    return this.#run(() => this.sasl === null ? runLine(this, line) : answerChallenge(this, line));
  }

  /** The longest line now, line end included. */
  get #limit(): number {
    return this.sasl === null ? this.deps.config.lineBytes : SASL_LINE_BYTES;
  }

  #forgetLine(): void {
    this.#isTooLong = false;
    this.#carried = 0;
    this.#carry = EMPTY;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#carried + bytes.length;
    if (length > this.#carry.length) {
      const { lineBytes } = this.deps.config;
      const larger = new Uint8Array(length <= lineBytes ? lineBytes : SASL_LINE_BYTES);
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = length;
  }

  /** A line's beginning. One that is too long already is not kept: its end will be answered with an error. */
  #keep(chunk: Uint8Array, from: number): void {
    const rest = chunk.length - from;
    if (rest === 0 || this.#isTooLong) return;
    if (this.#carried + rest < this.#limit) return this.#append(chunk.subarray(from));
    this.#forgetLine();
    this.#isTooLong = true;
  }

  /** Whatever goes wrong in a command ends this session and no other. */
  #run(command: () => void | Promise<void>): void | Promise<void> {
    try {
      const waiting = command();
      if (waiting === undefined) return;
      this.#running = true;
      return waiting.then(
        () => void (this.#running = false),
        (error) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#running = false;
    const { tracer } = this.deps;
    if (tracer.level >= 1) {
      const reason = error instanceof Error ? error.message : String(error);
      const fields = { ip: this.peer.remoteIp, reason };
      tracer.emit(this.peer.session, POP3_EVENTS.failure, fields);
    }
    if (this.wants === "input") {
      this.reply(REPLIES.failure);
      this.close("failure");
    }
  }

  #sum(why: string): void {
    const { tracer } = this.deps;
    if (tracer.level < 1) return;
    const { counters: c } = this;
    const listing = this.drop?.maildrop.listing;
    const octets = listing?.octets ?? 0;
    tracer.emit(this.peer.session, POP3_EVENTS.session, {
      login: this.login,
      ip: this.peer.remoteIp,
      top: c.top,
      top_bytes: c.topBytes,
      retr: c.retr,
      retr_bytes: c.retrBytes,
      deleted: c.removed,
      messages: listing?.messages.length ?? 0,
      size_bytes: octets >= 0 ? octets : listing?.rawBytes ?? 0,
      end: why,
      tls: tlsText(this.secure),
    });
  }

  #traceReceived(line: Uint8Array): void {
    const isAnswer = this.sasl !== null;
    const shown = isAnswer ? "..." : lineForTrace(line, this.login === "");
    const fields = { line: shown };
    this.deps.tracer.emit(this.peer.session, POP3_EVENTS.received, fields);
  }

  #traceSent(line: string): void {
    this.deps.tracer.emit(this.peer.session, POP3_EVENTS.sent, { line });
  }
}
