/** A listening socket over poller.ts, with the shape of the runtime's: it takes what waits and hands it out one by one. */
import {
  EAGAIN,
  EINTR,
  EPOLLET,
  EPOLLIN,
  errno,
  IPPROTO_TCP,
  localName,
  NAME_BYTES,
  type PollCalls,
  readName,
  setFlag,
  SOCK_FLAGS,
  socketError,
  TCP_NODELAY,
} from "./poll_calls.ts";
import { PolledConn } from "./polled_conn.ts";
import type { Poller, Watcher } from "./poller.ts";
import type { Acceptor, NetEnd } from "./types.ts";

/** Connections taken from the system at once. */
const ACCEPT_ROUND = 64;

type Bytes = Uint8Array<ArrayBuffer>;

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
  readonly #noDelay: boolean;
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
    // Inherited by what is accepted, which saves each connection the call. Not by a Unix socket's: they have no delay.
    this.#noDelay = setFlag(calls, fd, IPPROTO_TCP, TCP_NODELAY, true);
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
      const remote = readName(this.#name);
      return new PolledConn(
        fd,
        remote,
        this.#bound,
        this.#calls,
        this.#poller,
        this.#noDelay,
      );
    } catch (error) {
      this.#calls.close(fd);
      throw error;
    }
  }
}

const closedListener = (): Error => new Deno.errors.BadResource("The listener is closed");
