/**
 * One client's way through TlsFront: two pumps between the client's stream and an inner connection, and the decrypted
 * end as the stream that the session talks to.
 *
 * Every way out ends with all three closed: the handshake's time limit, a failed handshake, the session's close (the
 * client gets what was written and a close_notify, and a short time to answer), a peer that does not read.
 */
import { giveLarge, giveSmall, takeLarge, takeSmall } from "./buffers.ts";
import { Deadline } from "./deadline.ts";
import { readHello } from "./handshakes.ts";
import { shutdownSocket } from "./shutdown.ts";
import type { TimerWheel } from "./timers.ts";
import { concat, firstHandshake, LONGEST_HELLO, readServerHello } from "./tls_hello.ts";
import type { Duplex, SecureInfo } from "./types.ts";

/** An inner connection: our end, the promise of its decrypted other end, and what to call when both are done with. */
export interface InnerPair {
  readonly wire: Deno.TcpConn;
  readonly secure: Promise<Deno.TlsConn>;
  readonly release: () => void;
}

/** After the session's close: time for the last bytes and the client's goodbye. */
const CLOSE_SECONDS = 2;

function closeQuietly(thing: { close(): void } | null): void {
  try {
    thing?.close();
  } catch {
    // Closed already.
  }
}

/**
 * Closes an end whose handshake is not finished and whose peer is gone or shut down. The runtime never frees one that is
 * closed before it noticed, so its handshake is let fail first.
 */
export function closeUnshaken(conn: Deno.TlsConn): void {
  conn.handshake().catch(() => {}).then(() => closeQuietly(conn));
}

async function writeAll(to: Duplex, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** A client's TLS connection. */
export class TlsBridge implements Duplex {
  readonly #raw: Duplex;
  /** Of the handshake, then of the farewell. */
  readonly #deadline: Deadline;
  #pair: InnerPair | null = null;
  #secure: Deno.TlsConn | null = null;
  #serverHello: { version: string; cipher: string } | null = null;
  #pumps = 0;
  #shaken = false;
  #closing = false;
  #clientGone = false;
  #done = false;

  constructor(raw: Duplex, wheel: TimerWheel) {
    this.#raw = raw;
    this.#deadline = new Deadline(wheel, () => this.abort(() => {}));
    // Handshake and replies come in small records that Nagle's algorithm would hold back for 40 ms.
    raw.setNoDelay?.(true);
  }

  /** Carries the handshake out within `seconds`. Rejects with everything closed. */
  async handshake(
    seconds: number,
    connect: (sni: string | null) => Promise<InnerPair>,
  ): Promise<SecureInfo> {
    try {
      return await this.#deadline.within(seconds, () => this.#shake(connect));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#secure?.read(buffer) ?? Promise.resolve(null);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#secure?.write(bytes) ?? Promise.reject(new Deno.errors.BrokenPipe("No TLS"));
  }

  closeWrite(): Promise<void> {
    return this.#secure?.closeWrite() ?? Promise.resolve();
  }

  /** The client gets what was written; then all is closed, soon. */
  close(): void {
    if (this.#shaken) closeQuietly(this.#secure);
    if (this.#done) return;
    this.#closing = true;
    if (this.#isOver()) return this.#finish();
    this.#deadline.set(CLOSE_SECONDS);
  }

  /** Ends both connections at once, blocked writes included. */
  abort(lost: () => void): void {
    const raw = this.#raw;
    const giveUp = () => {
      lost();
      this.#finish();
    };
    if (raw.abort !== undefined) raw.abort(giveUp);
    else shutdownSocket(raw, giveUp);
    const wire = this.#pair?.wire;
    if (wire !== undefined) shutdownSocket(wire, () => closeQuietly(wire));
    this.#closeSecure();
    if (this.#pumps === 0) closeQuietly(raw);
  }

  async #shake(connect: (sni: string | null) => Promise<InnerPair>): Promise<SecureInfo> {
    const { bytes, sni } = await readHello(this.#raw);
    const pair = await connect(sni);
    if (this.#done) {
      closeQuietly(pair.wire);
      pair.secure.then(closeUnshaken, () => {});
      pair.release();
      throw new Error("not finished in time");
    }
    this.#pair = pair;
    this.#pumps = 2;
    this.#pumpInward(pair.wire, bytes);
    this.#pumpOutward(pair.wire);
    this.#secure = await pair.secure;
    if (this.#done) {
      this.#closeSecure();
      throw new Error("not finished in time");
    }
    await this.#secure.handshake();
    this.#shaken = true;
    if (this.#serverHello === null) throw new Error("no ServerHello was seen");
    return { ...this.#serverHello, sni, clientSubject: null };
  }

  /** Carries the client's bytes inward, until it ends. `hello`: what was read of it already. */
  async #pumpInward(wire: Deno.TcpConn, hello: Uint8Array): Promise<void> {
    let open = true;
    const pass = async (bytes: Uint8Array) => {
      // What comes after the session's end is thrown away, so that the client can read its last reply.
      if (open) await writeAll(wire, bytes).catch(() => open = false);
    };
    await pass(hello);
    await this.#readAll(this.#raw, pass);
    await wire.closeWrite().catch(() => {});
    this.#clientGone = true;
    this.#pumpEnded();
  }

  /** Carries the server's bytes outward, until the decrypted end was closed. */
  async #pumpOutward(wire: Deno.TcpConn): Promise<void> {
    const raw = this.#raw;
    let head: Uint8Array | null = new Uint8Array(0);
    await this.#readAll(wire, async (bytes) => {
      if (head !== null) head = this.#lookForServerHello(concat([head, bytes]));
      await writeAll(raw, bytes);
    });
    await raw.closeWrite().catch(() => {});
    this.#pumpEnded();
  }

  /** Gives `take` everything that `from` brings. An error of either is the end, as a reset is. */
  async #readAll(from: Duplex, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const small = takeSmall();
    let buffer = small;
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        await take(buffer.subarray(0, count));
        const full = count === buffer.length;
        if (buffer !== small) giveLarge(buffer);
        buffer = (full ? takeLarge() : null) ?? small;
      }
    } catch {
      // The other side learns it by its end.
    }
    if (buffer !== small) giveLarge(buffer);
    giveSmall(small);
  }

  #pumpEnded(): void {
    this.#pumps--;
    if (this.#isOver()) this.#finish();
  }

  /** True when nothing can follow. An end that never shook hands does not end by itself when it is closed. */
  #isOver(): boolean {
    return this.#pumps === 0 || (this.#closing && this.#clientGone && !this.#shaken);
  }

  /** Keeps `head` until the ServerHello in it is complete, then null. */
  #lookForServerHello(head: Uint8Array): Uint8Array | null {
    const message = firstHandshake(head);
    if (message === "more" && head.length < LONGEST_HELLO) return head;
    if (message !== null && message !== "more") this.#serverHello = readServerHello(message);
    return null;
  }

  /** Everything is over: nothing stays open. */
  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#deadline.clear();
    closeQuietly(this.#raw);
    closeQuietly(this.#pair?.wire ?? null);
    this.#closeSecure();
    this.#pair?.release();
  }

  /** Closes the decrypted end, whose wire is closed or shut down. */
  #closeSecure(): void {
    const secure = this.#secure;
    if (secure === null) return;
    if (this.#shaken) closeQuietly(secure);
    else closeUnshaken(secure);
  }
}
