/** Sockets that poller.ts waits for: listening on an address or a Unix socket, connecting to one. */
import {
  errno,
  type PollCalls,
  pollCalls,
  setFlag,
  SOCK_FLAGS,
  SOCK_STREAM,
  socketError,
  socketName,
  SOL_SOCKET,
  unixName,
} from "./poll_calls.ts";
import { PolledConn } from "./polled_conn.ts";
import { PolledListener } from "./polled_listener.ts";
import { type Poller, poller } from "./poller.ts";

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const BACKLOG = 4096;

type Bytes = Uint8Array<ArrayBuffer>;

function must(succeeded: boolean, call: string): void {
  if (!succeeded) throw socketError(errno(), call);
}

/** What `prepare` makes of a socket of the family of `name`, which is closed when that fails; null where only the runtime's can. */
function withSocket<T>(
  name: Bytes | null,
  prepare: (fd: number, name: Bytes, calls: PollCalls, loop: Poller) => T,
): T | null {
  const calls = pollCalls();
  const loop = poller();
  if (calls === null || loop === null || name === null) return null;
  const fd = calls.socket(name[0] as number, SOCK_STREAM | SOCK_FLAGS, 0);
  must(fd >= 0, "socket");
  try {
    return prepare(fd, name, calls, loop);
  } catch (error) {
    calls.close(fd);
    throw error;
  }
}

function listenOn(fd: number, name: Bytes, calls: PollCalls, loop: Poller): PolledListener {
  must(calls.bind(fd, name, name.length) === 0, "bind");
  must(calls.listen(fd, BACKLOG) === 0, "listen");
  return new PolledListener(fd, calls, loop);
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
  return withSocket(socketName(host, port), (fd, name, calls, loop) => {
    must(setFlag(calls, fd, SOL_SOCKET, SO_REUSEADDR, true), "setsockopt");
    if (reusePort) must(setFlag(calls, fd, SOL_SOCKET, SO_REUSEPORT, true), "setsockopt");
    if (host.includes(":")) setFlag(calls, fd, IPPROTO_IPV6, IPV6_V6ONLY, false);
    return listenOn(fd, name, calls, loop);
  });
}

/**
 * Listens on the Unix socket `path`, which is made; null as `listenPolled`.
 * @throws {Error} the runtime's error for what the system says.
 */
export function listenUnixPolled(path: string): PolledListener | null {
  return withSocket(unixName(path), listenOn);
}

/**
 * Connects to the Unix socket `path`; null as `listenPolled`.
 * @throws {Error} the runtime's error for what the system says.
 */
export function connectUnixPolled(path: string): PolledConn | null {
  return withSocket(unixName(path), (fd, name, calls, loop) => {
    // A Unix socket is connected at once, or the listener's queue is full.
    must(calls.connect(fd, name, name.length) === 0, "connect");
    const end = { hostname: "unix", port: 0 };
    return new PolledConn(fd, end, end, calls, loop);
  });
}
