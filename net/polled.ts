/**
 * Sockets over poller.ts: a listener and its connections, with the shape of the runtime's.
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
  localName,
  MSG_NOSIGNAL,
  NAME_BYTES,
  type PollCalls,
  pollCalls,
  readName,
  setFlag,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_FLAGS,
  SOCK_STREAM,
  socketError,
  socketName,
  unixName,
} from "./poll_calls.ts";
import { type Poller, poller, type Watcher } from "./poller.ts";
import type { Accepted, Acceptor, NetEnd } from "./types.ts";

/** What is told of a connection; EPOLLOUT only while a write waits. */
const INPUT = EPOLLIN | EPOLLRDHUP | EPOLLET;
/** After these nothing comes any more but what is there, and the end. */
const LAST = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const BACKLOG = 4096;

/** Connections taken from the system at once. */
const ACCEPT_ROUND = 64;

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
  /** -1: closed. */
  #fd: number;
  #reading: Waiting<number | null> | null = null;
  #writing: Waiting<number> | null = null;
  /** Input, or its end, may be waiting: the next read asks at once. */
  #hasInput = true;
  /** The peer ends, or the connection is broken. */
  #isLast = false;

  /** `bound`: our end where it is known without asking. */
  constructor(
    fd: number,
    remote: NetEnd,
    bound: NetEnd | null,
    calls: PollCalls,
    loop: Poller,
  ) {
    this.#fd = fd;
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
    setFlag(this.#calls, this.#open(), IPPROTO_TCP, TCP_NODELAY, enable);
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

/** An `accept` that waits. */
interface Asking {
  readonly resolve: (conn: PolledConn) => void;
  readonly reject: (error: Error) => void;
}

/** A listening socket. */
export class PolledListener implements Acceptor, Watcher {
  readonly addr: NetEnd;
  readonly #calls: PollCalls;
  readonly #poller: Poller;
  /** Our end of each connection; null: it listens on all addresses. */
  readonly #bound: NetEnd | null;
  readonly #name: Bytes = new Uint8Array(NAME_BYTES);
  readonly #length: Uint32Array<ArrayBuffer> = new Uint32Array(1);
  readonly #lengthBytes: Bytes = new Uint8Array(this.#length.buffer);
  #fd: number;
  #accepted: PolledConn[] = [];
  /** Connections may be waiting. */
  #hasMore = true;
  #waiting: Asking | null = null;

  constructor(fd: number, calls: PollCalls, loop: Poller) {
    this.#calls = calls;
    this.#poller = loop;
    this.#fd = fd;
    this.addr = localName(calls, fd);
    const { hostname } = this.addr;
    this.#bound = hostname === "0.0.0.0" || hostname === "::" ? null : this.addr;
    loop.watch(fd, EPOLLIN | EPOLLET, this);
  }

  /** The next connection. Rejects when there can't be one now; the next call tries again. */
  accept(): Promise<PolledConn> {
    try {
      const conn = this.#next();
      if (conn !== null) return Promise.resolve(conn);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    this.#poller.forget(fd);
    this.#calls.close(fd);
    for (const conn of this.#accepted) conn.close();
    this.#accepted = [];
    this.#settle((waiting) => waiting.reject(closedListener()));
  }

  /** The loop's call. */
  ready(): void {
    this.#hasMore = true;
    if (this.#waiting === null) return;
    try {
      const conn = this.#next();
      if (conn !== null) this.#settle((waiting) => waiting.resolve(conn));
    } catch (error) {
      this.#settle((waiting) => waiting.reject(error as Error));
    }
  }

  #settle(tell: (waiting: Asking) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) tell(waiting);
  }

  /** A connection that is there, or null. */
  #next(): PolledConn | null {
    if (this.#fd < 0) throw closedListener();
    if (this.#accepted.length === 0 && this.#hasMore) this.#take();
    return this.#accepted.shift() ?? null;
  }

  /** Takes what waits. What fails after the first connection is told by the next call. */
  #take(): void {
    while (this.#accepted.length < ACCEPT_ROUND) {
      this.#length[0] = NAME_BYTES;
      const fd = this.#calls.accept4(this.#fd, this.#name, this.#lengthBytes, SOCK_FLAGS);
      if (fd < 0) {
        const code = errno();
        if (code === EINTR) continue;
        if (code === EAGAIN) this.#hasMore = false;
        else if (this.#accepted.length === 0) throw socketError(code, "accept");
        return;
      }
      this.#accepted.push(this.#connection(fd));
    }
  }

  #connection(fd: number): PolledConn {
    try {
      return new PolledConn(fd, readName(this.#name), this.#bound, this.#calls, this.#poller);
    } catch (error) {
      this.#calls.close(fd);
      throw error;
    }
  }
}

const closedListener = (): Error => new Deno.errors.BadResource("The listener is closed");

function must(succeeded: boolean, call: string): void {
  if (!succeeded) throw socketError(errno(), call);
}

/** A socket of the family of `name`, made ready by `prepare`; what fails closes it. */
function withSocket<T>(calls: PollCalls, name: Bytes, prepare: (fd: number) => T): T {
  const fd = calls.socket(name[0] as number, SOCK_STREAM | SOCK_FLAGS, 0);
  must(fd >= 0, "socket");
  try {
    return prepare(fd);
  } catch (error) {
    calls.close(fd);
    throw error;
  }
}

/**
 * Listens on the numeric address `host`; null where only the runtime's sockets can (no epoll here, or a name, or a zone).
 * @throws {Error} the runtime's error for what the system says (Deno.errors.AddrInUse and its kin).
 */
export function listenPolled(
  host: string,
  port: number,
  reusePort: boolean,
): PolledListener | null {
  const calls = pollCalls();
  const loop = poller();
  const name = socketName(host, port);
  if (calls === null || loop === null || name === null) return null;
  return withSocket(calls, name, (fd) => {
    must(setFlag(calls, fd, SOL_SOCKET, SO_REUSEADDR, true), "setsockopt");
    if (reusePort) must(setFlag(calls, fd, SOL_SOCKET, SO_REUSEPORT, true), "setsockopt");
    if (host.includes(":")) setFlag(calls, fd, IPPROTO_IPV6, IPV6_V6ONLY, false);
    must(calls.bind(fd, name, name.length) === 0, "bind");
    must(calls.listen(fd, BACKLOG) === 0, "listen");
    return new PolledListener(fd, calls, loop);
  });
}

/**
 * Listens on the Unix socket `path`, which is made; null as `listenPolled`.
 * @throws {Error} the runtime's error for what the system says.
 */
export function listenUnixPolled(path: string): PolledListener | null {
  const calls = pollCalls();
  const loop = poller();
  const name = unixName(path);
  if (calls === null || loop === null || name === null) return null;
  return withSocket(calls, name, (fd) => {
    must(calls.bind(fd, name, name.length) === 0, "bind");
    must(calls.listen(fd, BACKLOG) === 0, "listen");
    return new PolledListener(fd, calls, loop);
  });
}

/**
 * Connects to the Unix socket `path`; null as `listenPolled`.
 * @throws {Error} the runtime's error for what the system says.
 */
export function connectUnixPolled(path: string): PolledConn | null {
  const calls = pollCalls();
  const loop = poller();
  const name = unixName(path);
  if (calls === null || loop === null || name === null) return null;
  return withSocket(calls, name, (fd) => {
    // A Unix socket is connected at once, or the listener's queue is full.
    must(calls.connect(fd, name, name.length) === 0, "connect");
    const end = { hostname: "unix", port: 0 };
    return new PolledConn(fd, end, end, calls, loop);
  });
}
