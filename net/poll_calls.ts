/**
 * The system calls of sockets, by the C library: what poller.ts and polled.ts are made of.
 *
 * A call through here costs the system call and next to nothing else; the runtime's own sockets cost a promise, an
 * operation and a turn of its event loop for each read and write. Linux on x86_64 and aarch64 only: anywhere else, and where
 * the library can't be opened, `pollCalls` is null and the runtime's sockets are used. Addresses and events are read and
 * written as the kernel lays them out (epoll_ctl(2), ip(7), ipv6(7)).
 */
import { isMappedIpv4, parseIp, showIp } from "./ip.ts";
import type { NetEnd } from "./types.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  /** The same on a thread of the runtime's, so that the event loop goes on meanwhile. */
  sleep: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** The calls. Each returns -1 where it fails; `errno` tells why. */
export type PollCalls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const SUPPORTED = Deno.build.os === "linux" &&
  (Deno.build.arch === "x86_64" || Deno.build.arch === "aarch64");

let opened: PollCalls | null | undefined;
let where: Deno.UnsafePointerView | null = null;

/** The calls, or null where they can't be had. Opened at first need and kept. */
export function pollCalls(): PollCalls | null {
  if (opened === undefined) {
    try {
      opened = SUPPORTED ? Deno.dlopen("libc.so.6", SYMBOLS).symbols : null;
      const at = opened === null ? null : opened.__errno_location();
      if (at !== null) where = new Deno.UnsafePointerView(at);
    } catch {
      opened = null;
    }
  }
  return opened;
}

/** Why the last call failed. To be asked right after it. */
export const errno = (): number => where?.getInt32() ?? 0;

export const EPERM = 1;
export const EINTR = 4;
export const EAGAIN = 11;
const ENOENT = 2;
const EACCES = 13;
const EMFILE = 24;
const ENFILE = 23;
const EPIPE = 32;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;
const ECONNABORTED = 103;
const ECONNRESET = 104;
const ENOTCONN = 107;
const ETIMEDOUT = 110;
const ECONNREFUSED = 111;

/** The runtime's error for `code`, so that whoever handles errors of its sockets handles these. `call`: what failed. */
export function socketError(code: number, call: string): Error {
  switch (code) {
    case EPERM:
    case EACCES:
      return new Deno.errors.PermissionDenied(`Permission denied (${call})`);
    case EMFILE:
    case ENFILE:
      return new Error(`Too many open files (${call})`);
    case EPIPE:
      return new Deno.errors.BrokenPipe(`Broken pipe (${call})`);
    case EADDRINUSE:
      return new Deno.errors.AddrInUse(`Address already in use (${call})`);
    case EADDRNOTAVAIL:
      return new Deno.errors.AddrNotAvailable(`Cannot assign requested address (${call})`);
    case ECONNABORTED:
      return new Deno.errors.ConnectionAborted(`Connection aborted (${call})`);
    case ECONNRESET:
      return new Deno.errors.ConnectionReset(`Connection reset by peer (${call})`);
    case ENOTCONN:
      return new Deno.errors.NotConnected(`Not connected (${call})`);
    case ENOENT:
      return new Deno.errors.NotFound(`No such file or directory (${call})`);
    case ECONNREFUSED:
      return new Deno.errors.ConnectionRefused(`Connection refused (${call})`);
    case ETIMEDOUT:
      return new Deno.errors.TimedOut(`Connection timed out (${call})`);
    default:
      return new Error(`System error ${code} (${call})`);
  }
}

export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const SOL_SOCKET = 1;
export const SOCK_STREAM = 1;
/** Not blocking, closed when another program is executed. */
export const SOCK_FLAGS = 0o4000 | 0o2000000;
export const MSG_NOSIGNAL = 0x4000;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x80000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

/** 32-bit words of one event: on x86_64 the structure is packed. */
export const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
/** Where its first word of data is. */
export const EVENT_DATA = EVENT_WORDS - 2;

export const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** A buffer that every socket address fits into. */
export const NAME_BYTES = 28;

/** Writes `ip` and `port` as a socket address; null when `ip` is no numeric address (a zone counts as none). */
export function socketName(ip: string, port: number): Uint8Array<ArrayBuffer> | null {
  const bytes = ip.includes("%") ? null : parseIp(ip);
  if (bytes === null) return null;
  const isFour = !ip.includes(":") && isMappedIpv4(bytes);
  const name = new Uint8Array(isFour ? 16 : NAME_BYTES);
  new Uint16Array(name.buffer, 0, 1)[0] = isFour ? AF_INET : AF_INET6;
  name[2] = port >> 8;
  name[3] = port & 255;
  name.set(isFour ? bytes.subarray(12) : bytes, isFour ? 4 : 8);
  return name;
}

/** Longest path of a Unix socket (unix(7)); the kernel's array has room for a NUL behind it. */
const UNIX_PATH_BYTES = 107;

/** Writes the path of a Unix socket as a socket address; null when it is too long. */
export function unixName(path: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > UNIX_PATH_BYTES) return null;
  const name = new Uint8Array(2 + bytes.length + 1);
  new Uint16Array(name.buffer, 0, 1)[0] = AF_UNIX;
  name.set(bytes, 2);
  return name;
}

/** An end that is a Unix socket has no address that tells anything. */
const UNIX_END: NetEnd = { hostname: "unix", port: 0 };

/** Reads a socket address. */
export function readName(name: Uint8Array): NetEnd {
  if (name[0] === AF_UNIX) return UNIX_END;
  const port = ((name[2] ?? 0) << 8) | (name[3] ?? 0);
  if (name[0] === AF_INET) {
    return { hostname: `${name[4]}.${name[5]}.${name[6]}.${name[7]}`, port };
  }
  return { hostname: showIp(name.subarray(8, 24)), port };
}

const ONE = new Uint8Array(new Uint32Array([1]).buffer);
const ZERO = new Uint8Array(4);

/** Sets a socket option that is on or off. */
export function setFlag(
  c: PollCalls,
  fd: number,
  level: number,
  option: number,
  on: boolean,
): boolean {
  return c.setsockopt(fd, level, option, on ? ONE : ZERO, 4) === 0;
}

/** What `fd` is bound to. */
export function localName(c: PollCalls, fd: number): NetEnd {
  const name = new Uint8Array(NAME_BYTES);
  const length = new Uint8Array(new Uint32Array([NAME_BYTES]).buffer);
  if (c.getsockname(fd, name, length) !== 0) throw socketError(errno(), "getsockname");
  return readName(name);
}
