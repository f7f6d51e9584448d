/**
 * The short file calls of a delivery, made by the C library instead of Deno: the same system calls for a third less, without a
 * resource for each file. All are synchronous and meant for short messages; long ones are written and synced by Deno's own files.
 *
 * Errors look like Deno's: their class where callers tell it apart, `code`, and the system's text. Paths are binary strings. Where
 * the library can't be opened, `libcFiles()` is null and Deno does it all (file_ops.ts).
 */
import { type Libc, libc, O_CLOEXEC } from "./libc.ts";

/** A file that is written at once and closed. */
export interface ShortFile {
  /** Writes all of `bytes`, at once. */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** A file that another process opened, to be written only. */
export interface GivenFile extends ShortFile {
  /** Writes all of `bytes` without holding up others; they stay what they are meanwhile. */
  writeLater(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Each call throws what Deno would throw. */
export interface LibcFiles {
  /** Creates a file that was not there (O_EXCL), mode 0600. */
  create(path: string): ShortFile;
  /** A descriptor of a file that is there, for appending only; the caller closes it. */
  openAppending(path: string): number;
  /** The file of a descriptor that becomes this file's. */
  given(fd: number): GivenFile;
  /** A second name; never replaces a file. */
  link(from: string, to: string): void;
  remove(path: string): void;
  /** Number of the device that holds a file or directory; null where the library can't tell. */
  device(path: string): number | null;
}

/** The same on x86_64 and aarch64. */
const O_WRONLY_CREAT_EXCL = 0o1 | 0o100 | 0o200;
const O_WRONLY_APPEND = 0o1 | 0o2000;
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const AT_FDCWD = -100;
const EINTR = 4;

type ErrorClass = new (message: string) => Error;

/** Those that are met where mail is delivered; the same numbers on x86_64 and aarch64. */
const ERRORS: ReadonlyMap<number, readonly [string, ErrorClass]> = new Map([
  [1, ["EPERM", Deno.errors.PermissionDenied]],
  [2, ["ENOENT", Deno.errors.NotFound]],
  [5, ["EIO", Error]],
  [13, ["EACCES", Deno.errors.PermissionDenied]],
  [17, ["EEXIST", Deno.errors.AlreadyExists]],
  [18, ["EXDEV", Error]],
  [20, ["ENOTDIR", Deno.errors.NotADirectory]],
  [21, ["EISDIR", Error]],
  [23, ["ENFILE", Error]],
  [24, ["EMFILE", Error]],
  [27, ["EFBIG", Error]],
  [28, ["ENOSPC", Error]],
  [30, ["EROFS", Error]],
  [31, ["EMLINK", Error]],
  [36, ["ENAMETOOLONG", Error]],
  [40, ["ELOOP", Error]],
  [116, ["ESTALE", Error]],
  [122, ["EDQUOT", Error]],
]);

/** What the call that just failed says. Nothing may be called between. */
function errnoOf(c: Libc): number {
  const place = c.__errno_location();
  return place === null ? 0 : new Deno.UnsafePointerView(place).getInt32(0);
}

function errorOf(c: Libc, errno: number): Error {
  const [code, kind] = ERRORS.get(errno) ?? [`errno ${errno}`, Error];
  const text = c.strerror(errno);
  const words = text === null ? "Unknown error" : Deno.UnsafePointerView.getCString(text);
  return Object.assign(new kind(`${words} (os error ${errno})`), { code });
}

/** Calls until no signal comes between. @throws what the system says. */
function call(c: Libc, action: () => number): number {
  for (;;) {
    const result = action();
    if (result >= 0) return result;
    const errno = errnoOf(c);
    if (errno !== EINTR) throw errorOf(c, errno);
  }
}

/** PATH_MAX, the NUL included. */
const PATH_BYTES = 4096;
/** Paths of one call; every call here is synchronous. */
const firstPath = new Uint8Array(PATH_BYTES);
const secondPath = new Uint8Array(PATH_BYTES);

/** A binary string as the system takes paths. @throws {Error} when it can't be one */
function pathIn(into: Uint8Array<ArrayBuffer>, binary: string): Uint8Array<ArrayBuffer> {
  const length = binary.length;
  if (length >= PATH_BYTES) {
    throw Object.assign(new Error("File name too long (os error 36)"), { code: "ENAMETOOLONG" });
  }
  for (let i = 0; i < length; i++) {
    const byte = binary.charCodeAt(i);
    if (byte === 0 || byte > 0xff) throw new Error(`The path "${binary}" is none`);
    into[i] = byte;
  }
  into[length] = 0;
  return into;
}

function writeAll(c: Libc, fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  for (let done = 0; done < bytes.length;) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    done += call(c, () => c.write(fd, rest, BigInt(rest.length)));
  }
}

async function writeAllLater(c: Libc, fd: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const done = Number(await c.writeLater(fd, rest, BigInt(rest.length)));
    // A thread keeps its reason for itself: asked once more here, the system says it again.
    if (done < 0) return writeAll(c, fd, rest);
    rest = rest.subarray(done);
  }
}

function shortFile(c: Libc, fd: number): ShortFile {
  return {
    write: (bytes: Uint8Array<ArrayBuffer>) => writeAll(c, fd, bytes),
    close() {
      // Not again after EINTR: the descriptor is gone by then.
      if (c.close(fd) < 0 && errnoOf(c) !== EINTR) throw errorOf(c, errnoOf(c));
    },
  };
}

const STATX_BYTES = 256;
const DEV_MAJOR = 0x88;
const DEV_MINOR = 0x8c;
const status = new DataView(new ArrayBuffer(STATX_BYTES));
const statusBytes = new Uint8Array(status.buffer);

function filesOf(c: Libc): LibcFiles {
  const flags = O_WRONLY_CREAT_EXCL | O_CLOEXEC;
  return {
    create(path) {
      const name = pathIn(firstPath, path);
      return shortFile(c, call(c, () => c.open(name, flags, 0o600)));
    },
    openAppending(path) {
      const name = pathIn(firstPath, path);
      return call(c, () => c.open(name, O_WRONLY_APPEND | O_NOFOLLOW | O_CLOEXEC, 0));
    },
    given: (fd) => ({
      ...shortFile(c, fd),
      writeLater: (bytes) => writeAllLater(c, fd, bytes),
    }),
    link(from, to) {
      const old = pathIn(firstPath, from);
      const fresh = pathIn(secondPath, to);
      call(c, () => c.link(old, fresh));
    },
    remove(path) {
      const name = pathIn(firstPath, path);
      call(c, () => c.unlink(name));
    },
    device(path) {
      const { statx } = c;
      if (statx === null) return null;
      const name = pathIn(firstPath, path);
      call(c, () => statx(AT_FDCWD, name, 0, 0, statusBytes));
      return status.getUint32(DEV_MAJOR, true) * 2 ** 32 + status.getUint32(DEV_MINOR, true);
    },
  };
}

let opened: LibcFiles | null | undefined;

/** The calls, or null where the library can't be opened. */
export function libcFiles(): LibcFiles | null {
  if (opened === undefined) {
    const c = libc();
    opened = c === null ? null : filesOf(c);
  }
  return opened;
}
