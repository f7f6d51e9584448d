/**
 * shutdown(2) on the socket of a connection: the only way to end a write that a peer which does not read blocks.
 *
 * Closing such a connection leaves the descriptor and the promise until the peer goes. The runtime does not tell a
 * connection's descriptor (but for an internal note that may go away), so it is found by its two ends among our own
 * descriptors; all connections that are to be ended at one moment share one walk through /proc/self/fd. Without the C
 * library or /proc nothing is ended and the caller is told. Beside it the one other call that the runtime lacks:
 * TCP_NODELAY for connections that a TLS listener accepts.
 */
import { endKey } from "./ip.ts";
import type { Accepted, Duplex } from "./types.ts";

const SHUT_WR = 1;
const SHUT_RDWR = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const NAME_BYTES = 128;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

const SYMBOLS = {
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let calls: Calls | null | undefined;

/** The C library's calls; null where it cannot be loaded. Opened at first need and kept. */
function libc(): Calls | null {
  if (calls !== undefined) return calls;
  calls = null;
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      calls = Deno.dlopen(name, SYMBOLS).symbols;
      break;
    } catch {
      // Tried the next name; null tells the caller.
    }
  }
  return calls;
}

/** One end of a socket. */
export interface SocketEnd {
  readonly ip: string;
  readonly port: number;
}

function readName(name: Uint8Array): SocketEnd | null {
  const family = (name[0] ?? 0) | ((name[1] ?? 0) << 8);
  const port = ((name[2] ?? 0) << 8) | (name[3] ?? 0);
  if (family === AF_INET) return { ip: name.subarray(4, 8).join("."), port };
  if (family !== AF_INET6) return null;
  const groups: string[] = [];
  for (let i = 8; i < 24; i += 2) {
    groups.push((((name[i] ?? 0) << 8) | (name[i + 1] ?? 0)).toString(16));
  }
  return { ip: groups.join(":"), port };
}

/** What `call` says of descriptor `fd`; null when it is no such socket. */
function nameOf(call: Calls["getsockname"], fd: number): SocketEnd | null {
  const name = new Uint8Array(NAME_BYTES);
  const length = new Uint8Array(new Uint32Array([NAME_BYTES]).buffer);
  return call(fd, name, length) === 0 ? readName(name) : null;
}

/**
 * Connections that the listener on `port` of `ip` accepts send small pieces at once (TCP_NODELAY, which they inherit).
 * False where it can't be had: then a client waits up to 40 ms for some replies.
 */
export function acceptWithoutDelay(ip: string, port: number): boolean {
  const c = libc();
  if (c === null) return false;
  try {
    for (const entry of Deno.readDirSync("/proc/self/fd")) {
      const fd = Number(entry.name);
      const local = nameOf(c.getsockname, fd);
      if (local?.port !== port || local.ip !== ip) continue;
      const on = new Uint8Array(new Uint32Array([1]).buffer);
      return c.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, on.length) === 0;
    }
  } catch {
    // No /proc.
  }
  return false;
}

/** The ends of descriptor `fd`; null when it is no connected internet socket or cannot be asked. */
export function socketEnds(fd: number): { local: SocketEnd; remote: SocketEnd } | null {
  const c = libc();
  if (c === null) return null;
  const remote = nameOf(c.getpeername, fd);
  const local = remote === null ? null : nameOf(c.getsockname, fd);
  return remote === null || local === null ? null : { local, remote };
}

/** Shuts descriptor `fd` down for writing (an end of output that the peer sees); false when it is no socket. */
export function shutdownWriting(fd: number): boolean {
  return libc()?.shutdown(fd, SHUT_WR) === 0;
}

const pairKey = (local: SocketEnd, remote: SocketEnd): string =>
  `${endKey(local.ip, local.port)}-${endKey(remote.ip, remote.port)}`;

/** Shuts the sockets with these ends down, both directions. Returns how many were found. */
function shutdownByEnds(wanted: ReadonlySet<string>): number {
  const c = libc();
  if (c === null) return 0;
  let found = 0;
  for (const entry of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(entry.name);
    const ends = socketEnds(fd);
    if (ends === null || !wanted.has(pairKey(ends.local, ends.remote))) continue;
    if (c.shutdown(fd, SHUT_RDWR) === 0) found++;
    if (found === wanted.size) break;
  }
  return found;
}

/** The runtime's own note of a connection's descriptor: a hint, checked against both ends before it is used. */
function hintedFd(conn: object): number {
  for (const symbol of Object.getOwnPropertySymbols(conn)) {
    if (symbol.description !== "Deno.internal.fd") continue;
    const fd: unknown = Reflect.get(conn, symbol);
    if (typeof fd === "number") return fd;
  }
  return -1;
}

function shutdownHinted(conn: object, key: string): boolean {
  const fd = hintedFd(conn);
  const ends = fd < 0 ? null : socketEnds(fd);
  if (ends === null || pairKey(ends.local, ends.remote) !== key) return false;
  return libc()?.shutdown(fd, SHUT_RDWR) === 0;
}

interface Request {
  readonly key: string;
  readonly lost: () => void;
}

let requests: Request[] = [];

function serveRequests(): void {
  const now = requests;
  requests = [];
  let found = 0;
  try {
    found = shutdownByEnds(new Set(now.map((r) => r.key)));
  } catch {
    // No /proc: nothing was found, which the callers are told.
  }
  if (found < now.length) { for (const request of now) request.lost(); }
}

/**
 * Ends the socket of `conn` soon, in one walk with all others asked for in this turn. `lost` is called when not every
 * one of them was found: the connection then stays until its peer goes.
 */
export function shutdownSocket(conn: Duplex, lost: () => void): void {
  if (conn.shutdown !== undefined) return conn.shutdown();
  let key: string;
  try {
    const { localAddr: local, remoteAddr: remote } = conn as Accepted;
    key = pairKey(
      { ip: local.hostname, port: local.port },
      { ip: remote.hostname, port: remote.port },
    );
  } catch {
    lost();
    return;
  }
  if (shutdownHinted(conn, key)) return;
  requests.push({ key, lost });
  if (requests.length === 1) queueMicrotask(serveRequests);
}
