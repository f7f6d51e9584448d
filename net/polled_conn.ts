/**
 * A connection over poller.ts, with the shape of the runtime's.
 *
 * Each read and write is one system call made at once; a promise waits only where the kernel has nothing to give or no room.
 * Closing ends a read that waits (with Deno.errors.Interrupted, as the runtime's sockets do) and, unlike theirs, a write.
 */
import {
  EAGAIN,
  EINTR,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  errno,
  IPPROTO_TCP,
  localName,
  MSG_NOSIGNAL,
  type PollCalls,
  setFlag,
  SHUT_RDWR,
  SHUT_WR,
  socketError,
  TCP_NODELAY,
} from "./poll_calls.ts";
import type { Poller, Watcher } from "./poller.ts";
import type { Accepted, NetEnd } from "./types.ts";

/** What is told of a connection; EPOLLOUT only while a write waits. */
const INPUT = EPOLLIN | EPOLLRDHUP | EPOLLET;
/** After these nothing comes any more but what is there, and the end. */
const LAST = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

/** `recv` and `send` found that they would have to wait. */
const WAIT = -1;

type Bytes = Uint8Array<ArrayBuffer>;

/** A read or a write that waits. */
class Waiting<T> {
  readonly bytes: Uint8Array;
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (error: Error) => void = () => {};

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** Does `next` when `earlier` is over, however it went: as the runtime's sockets queue what is asked of them. */
const behind = <T>(earlier: Promise<T>, next: () => Promise<T>): Promise<T> =>
  earlier.then(next, next);

const interrupted = (): Error => new Deno.errors.Interrupted("The connection was closed");

/** A client's connection. */
export class PolledConn implements Accepted, Watcher {
  readonly remoteAddr: NetEnd;
  readonly #poller: Poller;
  readonly #calls: PollCalls;
  readonly #bound: NetEnd | null;
  #noDelay: boolean;
  /** -1: closed. */
  #fd: number;
  #reading: Waiting<number | null> | null = null;
  #writing: Waiting<number> | null = null;
  /** Input, or its end, may be waiting: the next read asks at once. */
  #hasInput = true;
  /** The peer ends, or the connection is broken. */
  #isLast = false;

  /** `bound`: our end where it is known without asking. `noDelay`: TCP_NODELAY is set, as the listener had it. */
  constructor(
    fd: number,
    remote: NetEnd,
    bound: NetEnd | null,
    calls: PollCalls,
    loop: Poller,
    noDelay = false,
  ) {
    this.#fd = fd;
    this.#noDelay = noDelay;
    this.#calls = calls;
    this.#poller = loop;
    this.#bound = bound;
    this.remoteAddr = remote;
    loop.watch(fd, INPUT, this);
  }

  /** Our end. @throws {Error} when the connection is closed. */
  get localAddr(): NetEnd {
    return this.#bound ?? localName(this.#calls, this.#open());
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reading !== null) return behind(this.#reading.promise, () => this.read(buffer));
    try {
      if (this.#hasInput) {
        const count = this.#receive(buffer);
        if (count !== WAIT) return Promise.resolve(count === 0 ? null : count);
      } else this.#open();
    } catch (error) {
      return Promise.reject(error);
    }
    this.#reading = new Waiting(buffer);
    return this.#reading.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writing !== null) return behind(this.#writing.promise, () => this.write(bytes));
    try {
      const count = this.#send(bytes, bytes.length);
      if (count !== WAIT) return Promise.resolve(count);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#poller.change(this.#fd, INPUT | EPOLLOUT);
    this.#writing = new Waiting(bytes);
    return this.#writing.promise;
  }

  writeNow(bytes: Uint8Array, length: number): number {
    const count = this.#send(bytes, length);
    return count === WAIT ? 0 : count;
  }

  closeWrite(): Promise<void> {
    try {
      if (this.#calls.shutdown(this.#open(), SHUT_WR) === 0) return Promise.resolve();
      return Promise.reject(socketError(errno(), "shutdown"));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  setNoDelay(enable: boolean): void {
    if (enable === this.#noDelay) return;
    setFlag(this.#calls, this.#open(), IPPROTO_TCP, TCP_NODELAY, enable);
    this.#noDelay = enable;
  }

  /** Ends both directions at once; what waits is told by its next event. */
  shutdown(): void {
    if (this.#fd >= 0) this.#calls.shutdown(this.#fd, SHUT_RDWR);
  }

  close(): void {
    const fd = this.#open();
    this.#fd = -1;
    this.#poller.forget(fd);
    this.#calls.close(fd);
    const reading = this.#reading;
    const writing = this.#writing;
    this.#reading = this.#writing = null;
    reading?.reject(interrupted());
    writing?.reject(interrupted());
  }

  /** The loop's call. */
  ready(events: number): void {
    if ((events & LAST) !== 0) this.#isLast = true;
    if ((events & (EPOLLIN | LAST)) !== 0) {
      this.#hasInput = true;
      if (this.#reading !== null) this.#serveRead(this.#reading);
    }
    if (this.#writing !== null && (events & (EPOLLOUT | LAST)) !== 0) {
      this.#serveWrite(this.#writing);
    }
  }

  #serveRead(reading: Waiting<number | null>): void {
    try {
      const count = this.#receive(reading.bytes);
      if (count === WAIT) return;
      this.#reading = null;
      reading.resolve(count === 0 ? null : count);
    } catch (error) {
      this.#reading = null;
      reading.reject(error as Error);
    }
  }

  #serveWrite(writing: Waiting<number>): void {
    try {
      const count = this.#send(writing.bytes, writing.bytes.length);
      if (count === WAIT) return;
      this.#writing = null;
      this.#poller.change(this.#fd, INPUT);
      writing.resolve(count);
    } catch (error) {
      this.#writing = null;
      writing.reject(error as Error);
    }
  }

  /** Bytes received, 0 at the end, or WAIT. A buffer that was not filled took all there was. */
  #receive(buffer: Uint8Array): number {
    const fd = this.#open();
    for (;;) {
      const count = this.#calls.recv(fd, buffer as Bytes, buffer.length, 0);
      if (count >= 0) {
        this.#hasInput = this.#isLast || count === buffer.length;
        return count;
      }
      const code = errno();
      if (code === EAGAIN) {
        this.#hasInput = this.#isLast;
        return WAIT;
      }
      if (code !== EINTR) throw socketError(code, "recv");
    }
  }

  /** Bytes sent, or WAIT. */
  #send(bytes: Uint8Array, length: number): number {
    const fd = this.#open();
    for (;;) {
      const count = this.#calls.send(fd, bytes as Bytes, length, MSG_NOSIGNAL);
      if (count >= 0) return count;
      const code = errno();
      if (code === EAGAIN) return WAIT;
      if (code !== EINTR) throw socketError(code, "send");
    }
  }

  #open(): number {
    if (this.#fd < 0) throw new Deno.errors.BadResource("The connection is closed");
    return this.#fd;
  }
}
