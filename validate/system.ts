/**
 * The few file calls of the look-up, with names as bytes and errors as codes instead of exceptions.
 *
 * Through the C library (statx, readlink, open, read, access): an absent file costs half a
 * microsecond instead of fourteen, and file names need not be UTF-8. Where the library can't be
 * opened, Deno's own calls do the same more slowly; a name that is no UTF-8 is then "EILSEQ", which
 * nobody takes for "absent".
 */
import { fromLatin1, latin1 } from "../cdb/bytes.ts";
import { LIBRARY, type Library } from "./library.ts";

/** Names of errno values that the look-up tells apart; any other is "E" and its number. */
export type Errno = string;

/** stat(2), as far as the look-up needs it. Times in milliseconds since 1970. */
export interface Stat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** A call's result: what was asked for, or the name of the error. Paths are binary strings. */
export interface System {
  stat(path: string, follow: boolean): Stat | Errno;
  readLink(path: string): { readonly target: string } | Errno;
  read(path: string): Uint8Array | Errno;
  /** May this process read the file, by the system's own judgement? */
  mayRead(path: string): true | Errno;
}

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

const NAMES: Readonly<Record<number, Errno>> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  36: "ENAMETOOLONG",
  40: "ELOOP",
  110: "ETIMEDOUT",
  116: "ESTALE",
};

const PATH_MAX = 4096;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EACCESS = 0x200;
const STATX_BASIC = 0x7ff;
const R_OK = 4;
/** O_RDONLY | O_NONBLOCK | O_CLOEXEC: a fifo without writer must not hold the process. */
const OPEN_READ = 0o2004000;

/** statx(2) through the library. Offsets of struct statx: see its manual page. */
function makeStat(
  call: Library,
  enter: (path: string) => Uint8Array<ArrayBuffer>,
  fail: () => Errno,
) {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  const time = (at: number) =>
    (view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true)) * 1000 +
    view.getUint32(at + 8, true) / 1e6;
  return (path: string, follow: boolean): Stat | Errno => {
    if (path.length >= PATH_MAX) return "ENAMETOOLONG";
    const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
    if (call.statx(AT_FDCWD, enter(path), flags, STATX_BASIC, bytes) !== 0) return fail();
    return {
      mode: view.getUint16(28, true),
      uid: view.getUint32(20, true),
      gid: view.getUint32(24, true),
      size: view.getUint32(44, true) * 0x100000000 + view.getUint32(40, true),
      ino: view.getUint32(36, true) * 0x100000000 + view.getUint32(32, true),
      dev: view.getUint32(136, true) * 0x100000 + view.getUint32(140, true),
      ctime: time(96),
      mtime: time(112),
    };
  };
}

/** What a file of more than one chunk is read in, in bytes. */
const LARGE_PIECE = 1024 * 1024;

/** open, read to the end, close. */
function makeRead(
  call: Library,
  enter: (path: string) => Uint8Array<ArrayBuffer>,
  fail: () => Errno,
) {
  const chunk = new Uint8Array(65536);
  return (path: string): Uint8Array | Errno => {
    if (path.length >= PATH_MAX) return "ENAMETOOLONG";
    const fd = call.open(enter(path), OPEN_READ);
    if (fd < 0) return fail();
    const parts: Uint8Array[] = [];
    let into = chunk;
    try {
      for (;;) {
        const count = Number(call.read(fd, into, BigInt(into.length)));
        if (count < 0) {
          const errno = fail();
          if (errno === "EINTR") continue;
          return errno;
        }
        if (count === 0) return concat(parts);
        parts.push(into === chunk ? chunk.slice(0, count) : into.subarray(0, count));
        // More than one chunk: the rest is read in large pieces, each into its place.
        if (into !== chunk || count === chunk.length) into = new Uint8Array(LARGE_PIECE);
      }
    } finally {
      call.close(fd);
    }
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The calls through the C library. @throws {Error} when it has no errno. */
export function librarySystem(call: Library): System {
  const where = call.__errno_location();
  if (where === null) throw new Error("The C library has no errno");
  // errno is one place for the thread that this isolate lives on; nothing runs between a call and its reading.
  const errno = new Deno.UnsafePointerView(where);
  const fail = (): Errno => {
    const number = errno.getInt32();
    return NAMES[number] ?? `E${number}`;
  };
  const name = new Uint8Array(PATH_MAX);
  const enter = (path: string): Uint8Array<ArrayBuffer> => {
    const length = path.length;
    for (let i = 0; i < length; i++) name[i] = path.charCodeAt(i);
    name[length] = 0;
    return name;
  };
  const target = new Uint8Array(PATH_MAX);
  return {
    stat: makeStat(call, enter, fail),
    read: makeRead(call, enter, fail),
    readLink(path) {
      if (path.length >= PATH_MAX) return "ENAMETOOLONG";
      const length = Number(call.readlink(enter(path), target, BigInt(target.length)));
      return length < 0 ? fail() : { target: latin1(target.subarray(0, length)) };
    },
    mayRead(path) {
      if (path.length >= PATH_MAX) return "ENAMETOOLONG";
      return call.faccessat(AT_FDCWD, enter(path), R_OK, AT_EACCESS) === 0 ? true : fail();
    },
  };
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A binary path as Deno's file calls take it; null when its bytes are no UTF-8. */
export function denoPath(path: string): string | null {
  try {
    return STRICT.decode(fromLatin1(path));
  } catch {
    return null;
  }
}

/** A path of Deno's, or an argument, as a binary string. */
export function binaryPath(path: string): string {
  return latin1(new TextEncoder().encode(path));
}

/** The same calls by Deno alone. */
export function denoSystem(): System {
  function attempt<T>(path: string, action: (path: string) => T): T | Errno {
    const name = denoPath(path);
    if (name === null) return "EILSEQ";
    try {
      return action(name);
    } catch (error) {
      return errnoOf(error);
    }
  }
  return {
    stat: (path, follow) =>
      attempt(path, (p) => ofFileInfo(follow ? Deno.statSync(p) : Deno.lstatSync(p))),
    read: (path) => attempt(path, (p) => Deno.readFileSync(p)),
    readLink: (path) => attempt(path, (p) => ({ target: binaryPath(Deno.readLinkSync(p)) })),
    mayRead: (path) =>
      attempt(path, (p): true => {
        Deno.openSync(p, { read: true }).close();
        return true;
      }),
  };
}

function errnoOf(error: unknown): Errno {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  if (error instanceof Deno.errors.NotFound) return "ENOENT";
  if (error instanceof Deno.errors.PermissionDenied) return "EACCES";
  return "EIO";
}

function ofFileInfo(info: Deno.FileInfo): Stat {
  return {
    mode: info.mode ?? 0,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    size: info.size,
    dev: info.dev,
    ino: info.ino ?? 0,
    mtime: info.mtime?.getTime() ?? 0,
    ctime: info.ctime?.getTime() ?? 0,
  };
}

let opened: System | undefined;

/** The calls of this process: through the library where there is one. */
export function system(): System {
  opened ??= LIBRARY === null ? denoSystem() : librarySystem(LIBRARY);
  return opened;
}
