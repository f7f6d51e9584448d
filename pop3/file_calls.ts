/**
 * The two questions of every session - has a directory changed, and what is in this message - by synchronous calls of the
 * C library, which cost a third of the runtime's. Everything else, and every error, goes the runtime's way.
 *
 * Where the library can't be opened both answer "ask otherwise": null, or -1.
 */
import { LIBRARY, type Library } from "../validate/library.ts";

/** What tells that a directory has changed. `size`: the directory's own size in bytes, a hint at its length. */
export interface DirStamp {
  readonly dev: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly size: number;
}

export interface FileFacts {
  readonly isFile: boolean;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  readonly atime: number;
  readonly size: number;
}

const PATH_MAX = 4096;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC = 0x7ff;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
/** O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC: a fifo or a terminal in a message's place must not hold the process. */
const OPEN_READ = 0o2004400;

/** Offsets of struct statx, see its manual page. */
const MODE = 28;
const INO = 32;
const SIZE = 40;
const ATIME = 64;
const CTIME = 96;
const MTIME = 112;
const DEV_MAJOR = 136;
const DEV_MINOR = 140;

const encoder = new TextEncoder();
const name = new Uint8Array(PATH_MAX);
const nothing = Uint8Array.of(0);
const info = new Uint8Array(256);
const view = new DataView(info.buffer);

/** The path as the library takes it; null when it is too long or has a NUL. */
function cPath(path: string): Uint8Array<ArrayBuffer> | null {
  const { length } = path;
  if (length >= PATH_MAX) return null;
  for (let i = 0; i < length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0) return null;
    if (code > 127) return encodedPath(path);
    name[i] = code;
  }
  name[length] = 0;
  return name;
}

function encodedPath(path: string): Uint8Array<ArrayBuffer> | null {
  const { read, written } = encoder.encodeInto(path, name.subarray(0, PATH_MAX - 1));
  name[written] = 0;
  return read === path.length && !path.includes("\0") ? name : null;
}

const wide = (at: number): number =>
  view.getUint32(at + 4, true) * 0x100000000 + view.getUint32(at, true);

/** One number, as makedev(3) makes it. */
const device = (major: number, minor: number): number =>
  (minor >>> 8) * 0x100000 + (major & 0xfff) * 0x100 + (minor & 0xff);

const milliseconds = (at: number): number =>
  (view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true)) * 1000 +
  Math.floor(view.getUint32(at + 8, true) / 1e6);

/** Fills `info`. */
function stat(path: string, library: Library | null): boolean {
  const named = cPath(path);
  return library !== null && named !== null &&
    library.statx(AT_FDCWD, named, 0, STATX_BASIC, info) === 0;
}

const kind = (): number => view.getUint16(MODE, true) & S_IFMT;

/** What tells that a directory has changed; null: ask otherwise. */
export function stampNow(path: string, library: Library | null = LIBRARY): DirStamp | null {
  if (!stat(path, library) || kind() !== S_IFDIR) return null;
  return {
    dev: device(view.getUint32(DEV_MAJOR, true), view.getUint32(DEV_MINOR, true)),
    ino: wide(INO),
    mtimeMs: milliseconds(MTIME),
    ctimeMs: milliseconds(CTIME),
    size: wide(SIZE),
  };
}

/** What a message's file tells without being opened; null: ask otherwise. */
export function factsNow(path: string, library: Library | null = LIBRARY): FileFacts | null {
  if (!stat(path, library)) return null;
  return {
    isFile: kind() === S_IFREG,
    mtime: Math.floor(milliseconds(MTIME) / 1000),
    atime: Math.floor(milliseconds(ATIME) / 1000),
    size: wide(SIZE),
  };
}

/** The length of a message that was read whole into `into`; -1: it does not fit, or can't be read: ask otherwise. */
export function readWholeNow(
  path: string,
  into: Uint8Array<ArrayBuffer>,
  library: Library | null = LIBRARY,
): number {
  const named = cPath(path);
  if (library === null || named === null) return -1;
  const fd = library.open(named, OPEN_READ);
  if (fd < 0) return -1;
  try {
    return readOpen(library, fd, into);
  } finally {
    library.close(fd);
  }
}

/** Looks what it is only after it is open: nobody can put something else in its place then. */
function readOpen(library: Library, fd: number, into: Uint8Array<ArrayBuffer>): number {
  if (library.statx(fd, nothing, AT_EMPTY_PATH, STATX_BASIC, info) !== 0) return -1;
  const size = wide(SIZE);
  if (kind() !== S_IFREG || size > into.length) return -1;
  const length = Number(library.read(fd, into, BigInt(into.length)));
  // Cut short by a signal, or a file that grows: neither is what a Maildir has.
  return length === size ? length : -1;
}
