/**
 * The only file access of the Maildir delivery, as an interface, so that tests can watch the order of the
 * calls, break any of them, or end the process between two.
 *
 * Short calls are synchronous (ten times cheaper than asynchronous ones); those that wait for the disk are not. Paths are
 * binary strings, one char a byte.
 */
import fs from "node:fs";
import { promisify } from "node:util";
import { asOwner, libc, openFileSystem, type Owner } from "./libc.ts";
import { libcFiles, type ShortFile } from "./libc_files.ts";

export type { ShortFile } from "./libc_files.ts";

/** A file that is being written. */
export interface OpenFile extends ShortFile {
  /** Writes all of `bytes` without holding up others. */
  writeLater(bytes: Uint8Array): Promise<void>;
  /** Content and length are on disk. */
  sync(): Promise<void>;
  /** Its length, in bytes. */
  size(): number;
  /** The next `read` begins at `offset` bytes. */
  rewind(offset: number): void;
  /** Bytes read into `buffer`; 0 at the end. */
  read(buffer: Uint8Array): Promise<number>;
}

/** A file system that can be synced as a whole. */
export interface FileSystem {
  /** Rejects when the disk reported an error since the last time. */
  sync(): Promise<void>;
  /** The same, waited for in place. */
  syncNow(): void;
  close(): void;
}

/** Everything a delivery does to files. Each call throws what Deno throws. */
export interface FileOps {
  /** Creates a file that was not there (O_EXCL), mode 0600. */
  create(path: string): OpenFile;
  /** The same for a message that is written at once and synced with its whole file system. */
  createShort(path: string): ShortFile;
  /** A descriptor of a file that is there, for appending only, which another process may get; null where it can't be had. */
  openAppending(path: string): number | null;
  /** A second name; never replaces a file. */
  link(from: string, to: string): void;
  remove(path: string): void;
  /** The names in a directory are on disk. */
  syncDirectory(path: string): Promise<void>;
  /** The same, waited for in place. */
  syncDirectoryNow(path: string): void;
  /** Number of the device that holds a directory. */
  device(directory: string): number;
  /** The file system below a directory; null when it must be synced file by file. */
  fileSystem(directory: string): FileSystem | null;
  /** Runs `action` as the owner of the files. Without an owner: as the process. */
  as<T>(owner: Owner | null, action: () => T): T;
}

/**
 * A binary string as a path that Deno opens: the bytes must be UTF-8.
 * @throws {Error} when they are not: Deno has no way to name such a file.
 */
export function osPath(binary: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(binary)) return binary;
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`The path "${binary}" is not UTF-8`);
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let done = file.writeSync(bytes);
  while (done < bytes.length) done += file.writeSync(bytes.subarray(done));
}

async function writeAllLater(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let done = await file.write(bytes);
  while (done < bytes.length) done += await file.write(bytes.subarray(done));
}

function create(path: string): OpenFile {
  const file = Deno.openSync(osPath(path), {
    read: true,
    write: true,
    createNew: true,
    mode: 0o600,
  });
  return {
    write: (bytes) => writeAll(file, bytes),
    writeLater: (bytes) => writeAllLater(file, bytes),
    sync: () => file.sync(),
    size: () => file.statSync().size,
    rewind: (offset) => {
      file.seekSync(offset, Deno.SeekMode.Start);
    },
    read: async (buffer) => await file.read(buffer) ?? 0,
    close: () => file.close(),
  };
}

// Not Deno.open: should the owner have put a fifo there, opening it must fail instead of waiting for ever.
function openDirectory(path: string): number {
  const { O_RDONLY, O_DIRECTORY } = fs.constants;
  return fs.openSync(osPath(path), O_RDONLY | O_DIRECTORY);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = openDirectory(path);
  try {
    await promisify(fs.fsync)(directory);
  } finally {
    fs.closeSync(directory);
  }
}

function syncDirectoryNow(path: string): void {
  const directory = openDirectory(path);
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

function fileSystem(directory: string): FileSystem | null {
  const c = libc();
  const fd = openFileSystem(osPath(directory));
  if (c === null || fd === null) return null;
  const requireDone = (result: number): void => {
    if (result !== 0) {
      throw new Error("The disk reported an error while a group of messages was synced");
    }
  };
  return {
    sync: async () => requireDone(await c.syncfs(fd)),
    syncNow: () => requireDone(c.syncfsNow(fd)),
    close: () => {
      c.close(fd);
    },
  };
}

const deviceOf = (directory: string): number => Deno.statSync(osPath(directory)).dev;

/** Deno's own calls for everything: where the C library can't be opened. */
export const DENO_FILES: FileOps = {
  create,
  createShort: create,
  openAppending: () => null,
  link: (from, to) => Deno.linkSync(osPath(from), osPath(to)),
  remove: (path) => Deno.removeSync(osPath(path)),
  syncDirectory,
  syncDirectoryNow,
  device: deviceOf,
  fileSystem,
  as: (owner, action) => owner === null ? action() : asOwner(owner, action),
};

/** The real files. The library is opened with the first delivery, not before. */
export const FILES: FileOps = {
  ...DENO_FILES,
  createShort: (path) => libcFiles()?.create(path) ?? create(path),
  openAppending: (path) => libcFiles()?.openAppending(path) ?? null,
  link: (from, to) => (libcFiles() ?? DENO_FILES).link(from, to),
  remove: (path) => (libcFiles() ?? DENO_FILES).remove(path),
  device: (directory) => libcFiles()?.device(directory) ?? deviceOf(directory),
};

/** What an error says, with its errno name, without repeating the path. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message.replace(/: (open|link|unlink|stat|remove|mkdir).*$/s, "");
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && !text.includes(code) ? `${code}, ${text}` : text;
}
