/**
 * One client's TLS connection through OpenSSL: the library works on two buffers in memory, this moves their bytes.
 *
 * Nothing of the library is touched once the connection is freed, and it is freed only when no read or write of ours is
 * under way. Writes leave in the order in which the library made them.
 */
import { Deadline } from "./deadline.ts";
import { giveLarge, giveSmall, takeLarge, takeSmall } from "./buffers.ts";
import { lastReason, openssl, type OpensslCalls, textAt } from "./openssl_calls.ts";
import { readPeer } from "./openssl_peer.ts";
import { shutdownSocket } from "./shutdown.ts";
import type { TimerWheel } from "./timers.ts";
import type { Duplex, SecureInfo } from "./types.ts";

/** What a handshake begins with. */
export interface Opening {
  readonly bytes: Uint8Array;
  readonly sni: string | null;
  readonly context: Deno.PointerValue;
}

const WANT_READ = 2;
const ZERO_RETURN = 6;
const CLOSE_SECONDS = 2;
const CHUNK_BYTES = 16384;

type Buffer = Uint8Array<ArrayBuffer>;

/** A client's TLS connection. */
export class OpensslStream implements Duplex {
  readonly #raw: Duplex;
  /** Of the handshake, then of the farewell. */
  readonly #deadline: Deadline;
  readonly #calls: OpensslCalls = openssl();
  #ssl: Deno.PointerValue = null;
  #in: Deno.PointerValue = null;
  #out: Deno.PointerValue = null;
  /** The last write under way; the next one follows it. */
  #sent: Promise<void> = Promise.resolve();
  /** Calls of ours that will touch the library again. */
  #uses = 0;
  /** The last read from the client filled its buffer: more is waiting. */
  #full = false;
  #closed = false;
  #over = false;

  constructor(raw: Duplex, wheel: TimerWheel) {
    this.#raw = raw;
    this.#deadline = new Deadline(wheel, () => this.abort(() => {}));
    raw.setNoDelay?.(true);
  }

  /** Carries the handshake out within `seconds`. Rejects with everything closed, or about to be. */
  async handshake(seconds: number, open: () => Promise<Opening>): Promise<SecureInfo> {
    try {
      return await this.#deadline.within(seconds, () => this.#using(() => this.#shake(open)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#using(async () => {
      while (!this.#closed) {
        this.#calls.ERR_clear_error();
        const count = this.#calls.SSL_read(this.#ssl, buffer as Buffer, buffer.length);
        if (count > 0) return count;
        const error = this.#calls.SSL_get_error(this.#ssl, count);
        await this.#flush();
        if (error === ZERO_RETURN) return null;
        if (error !== WANT_READ) throw new Error(lastReason("the TLS stream is broken"));
        if (!await this.#fill()) return null;
      }
      return null;
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#using(async () => {
      if (this.#closed) throw new Deno.errors.BrokenPipe("The TLS stream is closed");
      this.#calls.ERR_clear_error();
      const part = bytes.subarray(0, CHUNK_BYTES) as Buffer;
      const count = this.#calls.SSL_write(this.#ssl, part, part.length);
      if (count <= 0) throw new Deno.errors.BrokenPipe(lastReason("the TLS stream is broken"));
      await this.#flush();
      return count;
    });
  }

  closeWrite(): Promise<void> {
    return this.#using(async () => {
      if (this.#ssl !== null && !this.#closed) this.#calls.SSL_shutdown(this.#ssl);
      await this.#flush();
      await this.#raw.closeWrite();
    });
  }

  /** The client gets what was written and a close_notify; then all is closed, soon. */
  close(): void {
    if (this.#closed) return;
    const goodbye = this.closeWrite().catch(() => {});
    this.#closed = true;
    this.#deadline.set(CLOSE_SECONDS);
    goodbye.then(() => this.#discard()).then(() => this.#finish());
  }

  /** Ends the connection at once, a blocked write included. */
  abort(lost: () => void): void {
    const giveUp = () => {
      lost();
      this.#finish();
    };
    if (this.#raw.abort !== undefined) this.#raw.abort(giveUp);
    else shutdownSocket(this.#raw, giveUp);
  }

  async #shake(open: () => Promise<Opening>): Promise<SecureInfo> {
    const c = this.#calls;
    const { bytes, sni, context } = await open();
    if (this.#closed) throw new Error("not finished in time");
    this.#ssl = c.SSL_new(context);
    this.#in = c.BIO_new(c.BIO_s_mem());
    this.#out = c.BIO_new(c.BIO_s_mem());
    c.SSL_set_bio(this.#ssl, this.#in, this.#out);
    c.SSL_set_accept_state(this.#ssl);
    c.BIO_write(this.#in, bytes as Buffer, bytes.length);
    while (!this.#closed) {
      c.ERR_clear_error();
      const done = c.SSL_do_handshake(this.#ssl);
      const error = done === 1 ? 0 : c.SSL_get_error(this.#ssl, done);
      const reason = error === 0 || error === WANT_READ ? "" : lastReason("the handshake failed");
      await this.#flush();
      if (error === 0) return this.#info(sni);
      if (error !== WANT_READ) throw new Error(reason);
      if (!await this.#fill()) throw new Error("the client went during the handshake");
    }
    throw new Error("not finished in time");
  }

  #info(sni: string | null): SecureInfo {
    const c = this.#calls;
    const cipher = textAt(c.SSL_CIPHER_get_name(c.SSL_get_current_cipher(this.#ssl)));
    const version = textAt(c.SSL_get_version(this.#ssl));
    return { version, cipher, sni, ...readPeer(c, this.#ssl) };
  }

  /** Gives the library what the client sends; false at its end. */
  async #fill(): Promise<boolean> {
    const large = this.#full ? takeLarge() : null;
    const buffer = large ?? takeSmall();
    try {
      const count = await this.#raw.read(buffer);
      if (count === null || this.#over) return false;
      this.#full = count === buffer.length;
      this.#calls.BIO_write(this.#in, buffer, count);
      return true;
    } finally {
      if (large === null) giveSmall(buffer);
      else giveLarge(large);
    }
  }

  /** Sends what the library made, after everything that was made before. */
  #flush(): Promise<void> {
    this.#sent = this.#sent.then(() => this.#send());
    return this.#sent;
  }

  async #send(): Promise<void> {
    if (this.#out === null || Number(this.#calls.BIO_ctrl_pending(this.#out)) === 0) return;
    const lent = takeLarge();
    const buffer = lent ?? new Uint8Array(CHUNK_BYTES);
    try {
      while (!this.#over && Number(this.#calls.BIO_ctrl_pending(this.#out)) > 0) {
        const count = this.#calls.BIO_read(this.#out, buffer, buffer.length);
        for (let at = 0; at < count;) at += await this.#raw.write(buffer.subarray(at, count));
      }
    } finally {
      if (lent !== null) giveLarge(lent);
    }
  }

  /** Reads and throws away until the client is gone, so that it can read its last reply. */
  async #discard(): Promise<void> {
    const buffer = new Uint8Array(1024);
    try {
      while (!this.#over && await this.#raw.read(buffer) !== null);
    } catch {
      // Gone.
    }
  }

  async #using<T>(work: () => Promise<T>): Promise<T> {
    this.#uses++;
    try {
      return await work();
    } finally {
      this.#uses--;
      this.#freeWhenUnused();
    }
  }

  #finish(): void {
    if (this.#over) return;
    this.#closed = this.#over = true;
    this.#deadline.clear();
    try {
      this.#raw.close();
    } catch {
      // Closed already.
    }
    this.#freeWhenUnused();
  }

  #freeWhenUnused(): void {
    if (!this.#over || this.#uses > 0 || this.#ssl === null) return;
    this.#calls.SSL_free(this.#ssl);
    this.#ssl = this.#in = this.#out = null;
  }
}
