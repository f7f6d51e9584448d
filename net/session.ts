/**
 * Drives one engine over one stream of bytes: read, receive, one write, then what the engine wants.
 *
 * The fast path is `#life`: a read into a small buffer, one call of the engine for everything that came, one write
 * of all replies. A promise of the engine is awaited only when it returns one. All limits hang in one timer wheel;
 * moving a limit costs an assignment. Knows nothing of commands or replies, and its promise never rejects.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import { sendAtOnce } from "./connections.ts";
import { endOfTurn } from "./turn.ts";
import { traceBegun, tracePiece } from "./dialogue.ts";
import { giveLarge, giveSmall, takeLarge, takeSmall } from "./buffers.ts";
import { discardInput, LINGER_SECONDS } from "./linger.ts";
import { note } from "./note.ts";
import { ReplyBuffer } from "./output.ts";
import { ReadAhead } from "./read_ahead.ts";
import { asEndReason, CLOSED, oneLine } from "./session_setup.ts";
import type { SessionEnd, SessionSetup } from "./session_setup.ts";
import type { Timed } from "./timers.ts";
import type { Duplex, EndReason, Engine, EngineView, Peer, SecureInfo } from "./types.ts";

export type { Secured, SessionEnd, SessionSetup, Upgrade } from "./session_setup.ts";

/** What lies in the socket's buffer when a connection is taken is there after one turn of the event loop. */
const LOOK_MS = 0;

/** Fits into one packet wherever the client is. */
const PACKET_BYTES = 1024;

const LF = 10;
const NOTHING = new Uint8Array(0);

type Phase = "holding" | "working" | "reading" | "writing" | "upgrading" | "lingering" | "over";

/** One connection's life. */
export class Session implements Timed {
  due = 0;
  hung = 0;
  before: Timed | null = null;
  after: Timed | null = null;

  readonly peer: Peer;
  readonly #setup: SessionSetup;
  readonly #engine: Engine;
  readonly #output: ReplyBuffer;
  #conn: Duplex;
  #phase: Phase = "working";
  /** Tick at which the session is too old. */
  #lastTick = 0;
  /** Tick at which it began. */
  #firstTick = 0;
  /** Set once the session ends for another reason than its engine's wish. */
  #reason: SessionEnd | null = null;
  #stopping = false;
  /** A blocked write is being ended. */
  #aborted = false;
  /** A write failed. */
  #gone = false;
  /** The engine was told that no more input comes. */
  #told = false;
  /** The end from outside the input loop, while it goes on. */
  #ending: Promise<void> | null = null;
  /** The last read filled its buffer: more is waiting. */
  #full = false;
  /** The last read did not bring exactly one line: more may be on its way. */
  #pipelined = false;
  /** Something was written since the last read. */
  #wrote = false;
  /** Small writes leave at once. */
  #atOnce = false;
  #ended: (end: SessionEnd) => void = () => {};

  constructor(conn: Duplex, peer: Peer, setup: SessionSetup) {
    this.#conn = conn;
    this.peer = peer;
    this.#setup = setup;
    this.#output = new ReplyBuffer(() => this.#flush());
    this.#engine = setup.protocol.open(peer, this.#output);
  }

  /** True while a message is in hand. */
  get busy(): boolean {
    return this.#engine.busy;
  }

  /** Its age. */
  get seconds(): number {
    return this.#setup.wheel.secondsSince(this.#firstTick);
  }

  /** What there is to show of it. */
  view(): EngineView {
    const nothing = { login: null, sender: null, recipients: 0, messages: 0 };
    return this.#engine.view?.() ?? { ...nothing, state: this.#phase };
  }

  /** Begins the session; `ended` is called once. `secured`: the connection began with TLS. */
  begin(secured: SecureInfo | null, ended: (end: SessionEnd) => void): void {
    const wheel = this.#setup.wheel;
    this.#ended = ended;
    this.#firstTick = wheel.now;
    this.#lastTick = this.due = wheel.after(this.#engine.sessionSeconds);
    wheel.add(this);
    if (this.#setup.trace.level >= 4) {
      traceBegun(this.#setup.trace, this.#setup.protocol.name, this.peer, secured !== null);
    }
    this.#life(secured);
  }

  /** Ends the session as soon as no message is in hand. */
  stop(): void {
    this.#stopping = true;
    if (this.#phase === "holding") this.#stopHolding();
    else if (this.#phase === "reading" && !this.#engine.busy) this.#endNow("shutdown");
  }

  /** Ends the session now, whatever is in hand. */
  kill(): void {
    this.#reason ??= "shutdown";
    if (this.#phase === "writing") this.#abortWrite();
    else this.#close();
  }

  /** The wheel's call: a limit was reached. */
  expire(): void {
    const now = this.#setup.wheel.now;
    this.due = now + 1;
    switch (this.#phase) {
      case "over":
        this.due = 0;
        return;
      case "writing":
        if (this.#aborted) return;
        this.#reason ??= "stalled";
        this.#traceStall();
        this.#abortWrite();
        return;
      case "holding":
        this.#stopHolding();
        return;
      case "reading":
        this.#endNow(now >= this.#lastTick ? "session_time" : "idle");
        return;
      case "lingering":
        this.#close();
        return;
      case "working":
      case "upgrading":
        this.#reason ??= "session_time";
        if (this.#phase === "upgrading") this.#close();
    }
  }

  /**
   * The dialogue. Kept in one function that waits in one place, because what a waiting session costs is mostly the
   * frames and promises that wait with it.
   */
  async #life(secured: SecureInfo | null): Promise<void> {
    const engine = this.#engine;
    const small = takeSmall();
    let buffer = small;
    try {
      if (secured !== null) engine.secured?.(secured);
      const delay = engine.greetDelaySeconds;
      if (delay !== undefined) await this.#hold(delay);
      if (!this.#isEnding()) {
        // An engine that wants no input may still have a last word: 421, where the site can't be used.
        const started = engine.start();
        if (started !== undefined) await started;
        if (this.#output.pending > 0) await this.#flush();
      }
      while (this.#goesOn()) {
        if (engine.wants === "tls") await this.#upgrade();
        else {
          buffer = (engine.busy || this.#full ? takeLarge() : null) ?? small;
          this.#beginRead();
          const count = await this.#conn.read(buffer);
          if (!this.#endRead(count)) break;
          const chunk = count === buffer.length ? buffer : buffer.subarray(0, count ?? 0);
          if (this.#setup.trace.level >= 4 && !engine.busy) this.#tracePiece(chunk);
          const handled = engine.receive(chunk);
          if (handled !== undefined) await handled;
          this.#noteInput(chunk, count === buffer.length);
          if (this.#output.pending > 0) {
            await endOfTurn();
            if (!this.#flushNow()) await this.#flush();
          }
          if (buffer !== small) {
            giveLarge(buffer);
            buffer = small;
          }
        }
      }
      await this.#conclude(small);
    } catch (error) {
      await this.#fail(error);
    }
    if (buffer !== small) giveLarge(buffer);
    giveSmall(small);
    if (this.#ending !== null) await this.#ending;
    this.#close();
  }

  #tracePiece(chunk: Uint8Array): void {
    tracePiece(this.#setup.trace, this.peer, chunk);
  }

  /** True when something ends the session from outside. */
  #isEnding(): boolean {
    return this.#reason !== null || (this.#stopping && !this.#engine.busy);
  }

  /** True while input is wanted and nothing ends the session. */
  #goesOn(): boolean {
    return this.#engine.wants !== "close" && !this.#isEnding();
  }

  /**
   * Waits `seconds` before the greeting, or until the client speaks or goes; 0: for what came already. Nothing of what it
   * said is lost.
   */
  async #hold(seconds: number): Promise<void> {
    const { wheel, abort } = this.#setup;
    const conn = this.#conn;
    const ahead = conn instanceof ReadAhead ? conn : new ReadAhead(conn, NOTHING, abort);
    this.#conn = ahead;
    this.#phase = "holding";
    if (seconds > 0) wheel.set(this, wheel.after(seconds));
    else setTimeout(() => ahead.stopWaiting(), LOOK_MS);
    const heard = await ahead.listen();
    if (this.#phase === "holding") {
      this.#phase = "working";
      wheel.set(this, this.#lastTick);
    }
    if (heard === "gone") this.#reason ??= "eof";
    if (heard !== "spoke") return;
    // More may be on its way: when the session ends with the greeting, a reset must not destroy that.
    this.#pipelined = true;
    this.#engine.spokeEarly?.();
  }

  #stopHolding(): void {
    if (this.#conn instanceof ReadAhead) this.#conn.stopWaiting();
  }

  #beginRead(): void {
    const wheel = this.#setup.wheel;
    const idle = wheel.after(this.#engine.idleSeconds);
    wheel.set(this, idle < this.#lastTick ? idle : this.#lastTick);
    this.#phase = "reading";
    this.#wrote = false;
  }

  /** True when `count` bytes are to be handled. */
  #endRead(count: number | null): boolean {
    if (this.#phase === "reading") {
      this.#phase = "working";
      this.#setup.wheel.set(this, this.#lastTick);
    }
    if (count === null) this.#reason ??= "eof";
    return this.#reason === null;
  }

  /** The regular end: the engine's last reply is out, or the engine is told why there is no more. */
  async #conclude(buffer: Uint8Array): Promise<void> {
    if (this.#reason !== null) await this.#finish(this.#reason);
    else if (this.#engine.wants === "close") await this.#linger(buffer);
    else await this.#finish("shutdown");
  }

  /** Writes everything that waits. Rejects when the peer is gone. */
  async #flush(): Promise<void> {
    if (this.#phase === "writing") throw new Error("drain() was called again before it was done");
    const output = this.#output;
    const phase = this.#phase;
    const wheel = this.#setup.wheel;
    this.#phase = "writing";
    if (!this.#atOnce) this.#decideAtOnce();
    this.#wrote = true;
    try {
      while (output.pending > 0) {
        wheel.set(this, wheel.after(this.#setup.writeStallSeconds));
        output.clear(await this.#conn.write(output.peek()));
      }
    } catch (error) {
      this.#lose();
      throw error;
    } finally {
      if (this.#phase === "writing") {
        this.#phase = phase;
        wheel.set(this, this.#lastTick);
      }
    }
  }

  /** Writes everything that waits, where that needs no waiting: no promise, no limit to set. False: `#flush` has to. */
  #flushNow(): boolean {
    const conn = this.#conn;
    if (conn.writeNow === undefined) return false;
    if (!this.#atOnce) this.#decideAtOnce();
    this.#wrote = true;
    const output = this.#output;
    try {
      output.clear(conn.writeNow(output.store, output.pending));
    } catch (error) {
      this.#lose();
      throw error;
    }
    return output.pending === 0;
  }

  /** The peer takes no more. */
  #lose(): void {
    this.#gone = true;
    this.#reason ??= "io_error";
    this.#output.clear(this.#output.pending);
  }

  /** Where the client does not wait for each answer, or an answer fills more than a packet, none may wait for the client. */
  #decideAtOnce(): void {
    if (!this.#wrote && !this.#pipelined && this.#output.pending <= PACKET_BYTES) return;
    this.#atOnce = true;
    sendAtOnce(this.#conn);
  }

  /** Tells the engine that no more input comes, once, and writes its last words. */
  async #finish(reason: SessionEnd): Promise<void> {
    this.#reason ??= reason;
    if (this.#told) return;
    this.#told = true;
    const ended = this.#engine.end(asEndReason(reason));
    if (ended !== undefined) await ended;
    if (this.#gone) this.#output.clear(this.#output.pending);
    else if (this.#output.pending > 0) await this.#flush();
  }

  /** Ends the session from outside the input loop while that waits for input; closing ends its read. */
  #endNow(reason: EndReason): void {
    this.#reason = reason;
    this.#phase = "working";
    this.#setup.wheel.set(this, this.#lastTick);
    this.#ending = this.#finish(reason).catch((error) => this.#traceFault(error)).then(() =>
      this.#close()
    );
  }

  /** Something threw: the peer is gone, the handshake failed, or the engine is at fault. */
  async #fail(error: unknown): Promise<void> {
    // Reset by the peer, cut off inside TLS, or closed by us: no more input either way.
    if (this.#phase === "reading") this.#endRead(null);
    try {
      if (this.#reason === null) {
        this.#traceFault(error);
        this.#output.clear(this.#output.pending);
        this.#output.bytes(this.#setup.protocol.refuse("fault"));
        await this.#flush();
      }
      await this.#finish(this.#reason ?? "fault");
    } catch (second) {
      this.#traceFault(second);
    }
  }

  /**
   * After the engine's last reply. Closing a socket with unread input resets the connection, and a reset may destroy the
   * reply before the client has read it. A client that waits for each answer has nothing under way: it is closed at
   * once. One that pipelines gets an end of output first, and a bounded time to say and be ignored.
   */
  async #linger(buffer: Uint8Array): Promise<void> {
    if (!this.#pipelined) return;
    this.#phase = "lingering";
    this.#setup.wheel.set(this, this.#setup.wheel.after(LINGER_SECONDS));
    await discardInput(this.#conn, buffer);
  }

  async #upgrade(): Promise<void> {
    const upgrade = this.#setup.upgrade;
    if (upgrade === undefined) throw new Error("The engine wants TLS where none is set up");
    this.#phase = "upgrading";
    try {
      const secured = await upgrade(this.#conn, this.peer);
      this.#conn = secured.conn;
      if (this.#isOver()) {
        secured.conn.close();
        this.#conn = CLOSED;
        return;
      }
      this.#pipelined = false;
      if (this.#phase === "upgrading") this.#phase = "working";
      this.#engine.secured?.(secured.info);
    } catch (error) {
      this.#reason ??= "tls_failed";
      this.#conn = CLOSED;
      throw error;
    }
  }

  #isOver(): boolean {
    return this.#phase === "over";
  }

  #noteInput(chunk: Uint8Array, full: boolean): void {
    this.#full = full;
    this.#pipelined = full || chunk.indexOf(LF) !== chunk.length - 1;
  }

  #abortWrite(): void {
    this.#aborted = true;
    const lost = () => {
      note(this.#setup.trace, this.peer.session, NET_EVENTS.stuck, { ip: this.peer.remoteIp });
      this.#close();
    };
    const conn = this.#conn;
    if (conn.abort !== undefined) conn.abort(lost);
    else if (this.#setup.abort !== undefined) this.#setup.abort(conn, lost);
    else lost();
  }

  #traceStall(): void {
    note(this.#setup.trace, this.peer.session, NET_EVENTS.stalled, {
      ip: this.peer.remoteIp,
      seconds: this.#setup.writeStallSeconds,
    });
  }

  #traceFault(error: unknown): void {
    if (this.#gone) return;
    note(this.#setup.trace, this.peer.session, NET_EVENTS.fault, { reason: oneLine(error) });
  }

  /** Closes and settles, once. */
  #close(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#setup.wheel.remove(this);
    this.due = 0;
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
    const end = this.#reason ?? "closed";
    const trace = this.#setup.trace;
    if (trace.level >= 3) trace.emit(this.peer.session, NET_EVENTS.ended, { reason: end });
    this.#ended(end);
  }
}

/** Runs one session over `conn` to its end. Never rejects. */
export function runSession(conn: Duplex, peer: Peer, setup: SessionSetup): Promise<SessionEnd> {
  return new Promise((resolve) => new Session(conn, peer, setup).begin(null, resolve));
}
