/**
 * The only file access of the POP3 service: a Maildir's directories and messages (maildir(5)).
 *
 * Synchronous where a call costs microseconds, asynchronous where a directory or a message is large. Everything
 * else of pop3/ works on this interface, so that it can be answered by a process that runs as the maildrop's owner.
 * Names of files are text; a name that is no UTF-8 is not shown to us by the runtime and stays in the Maildir.
 */

import { type DirStamp, factsNow, type FileFacts, readWholeNow, stampNow } from "./file_calls.ts";

export type { DirStamp, FileFacts };

/** An open message. `readNow` may block for a disk; `read` does not. Both give 0 at the end. */
export interface OpenMessage {
  readNow(into: Uint8Array): number;
  read(into: Uint8Array): Promise<number>;
  close(): void;
}

/** All of these throw the runtime's errors (`Deno.errors.NotFound` ...). */
export interface MaildropFiles {
  stamp(dir: string): DirStamp;
  /** The same where that is cheaper, for a directory that was listed before; null: ask `stamp`. */
  seen?(dir: string): DirStamp | null;
  /** Names of regular files and symbolic links, without dot files. */
  names(dir: string): string[];
  namesLater(dir: string): Promise<string[]>;
  facts(path: string): FileFacts;
  open(path: string): OpenMessage;
  /**
   * Reads a message that fits into `into`, and gives its length; -1: it does not, or can't be read, and `open` tells why.
   */
  readWhole?(path: string, into: Uint8Array<ArrayBuffer>): number;
  remove(path: string): void;
  rename(from: string, to: string): void;
  exists(path: string): boolean;
  /** A regular file's text, null when it is missing or larger than `maxBytes`. */
  readIndex(path: string, maxBytes: number): string | null;
  /** Writes `temporary` and renames it to `path`. */
  writeIndex(path: string, temporary: string, text: string): void;
  /** Runs a piece of work that makes many of these calls. Absent: each is made as it comes. */
  slice?<T>(work: () => T): T;
  /** Locks a directory against other sessions; the answer gives it free. null: it is locked. */
  lock?(dir: string): Promise<(() => void) | null>;
}

/** True for "there is no such file". */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

function wanted(entry: Deno.DirEntry): boolean {
  return (entry.isFile || entry.isSymlink) && !entry.name.startsWith(".");
}

function seconds(date: Date | null): number {
  return date === null ? 0 : Math.floor(date.getTime() / 1000);
}

function names(dir: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(dir)) if (wanted(entry)) found.push(entry.name);
  return found;
}

async function namesLater(dir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(dir)) if (wanted(entry)) found.push(entry.name);
  return found;
}

function facts(path: string): FileFacts {
  const found = factsNow(path);
  if (found !== null) return found;
  const info = Deno.statSync(path);
  return {
    isFile: info.isFile,
    mtime: seconds(info.mtime),
    atime: seconds(info.atime),
    size: info.size,
  };
}

/** Looks first what it opens: a fifo in the message's place would block the process. */
function open(path: string): OpenMessage {
  if (!Deno.statSync(path).isFile) throw new Error(`"${path}" is not a regular file`);
  const file = Deno.openSync(path);
  return {
    readNow: (into) => file.readSync(into) ?? 0,
    read: async (into) => (await file.read(into)) ?? 0,
    close: () => file.close(),
  };
}

function stamp(dir: string): DirStamp {
  return stampNow(dir) ?? stampBySlowerCall(dir);
}

/** Says what is wrong, too. */
function stampBySlowerCall(dir: string): DirStamp {
  const info = Deno.statSync(dir);
  if (!info.isDirectory) throw new Deno.errors.NotADirectory(`"${dir}" is not a directory`);
  return {
    dev: info.dev,
    ino: info.ino ?? 0,
    mtimeMs: info.mtime?.getTime() ?? 0,
    ctimeMs: info.ctime?.getTime() ?? 0,
    size: info.size,
  };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function readIndex(path: string, maxBytes: number): string | null {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile && info.size <= maxBytes ? Deno.readTextFileSync(path) : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function writeIndex(path: string, temporary: string, text: string): void {
  Deno.writeTextFileSync(temporary, text, { createNew: true, mode: 0o600 });
  try {
    Deno.renameSync(temporary, path);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
}

/**
 * flock(2) on the directory itself: no file to make, and the lock ends with the process whatever happens to it. Over
 * NFS the kernel has none for directories: the error says so.
 */
function lockNow(dir: string): (() => void) | null {
  // The slash and the dot make sure that it is a directory: opening a fifo would block.
  const handle = Deno.openSync(`${dir}/.`);
  try {
    // It never waits, and must not be left to a thread: one that is started now would keep the owner's identity.
    if (handle.tryLockSync(true)) {
      return () => {
        // Closing alone leaves it locked while a child that is being started has a copy of the descriptor.
        handle.unlockSync();
        handle.close();
      };
    }
  } catch (error) {
    handle.close();
    throw error;
  }
  handle.close();
  return null;
}

// deno-lint-ignore require-await
const lock = async (dir: string): Promise<(() => void) | null> => lockNow(dir);

/** The files of this machine. */
export const LOCAL_FILES: MaildropFiles = {
  stamp,
  names,
  namesLater,
  facts,
  open,
  readWhole: readWholeNow,
  remove: (path) => Deno.removeSync(path),
  rename: (from, to) => Deno.renameSync(from, to),
  exists,
  readIndex,
  writeIndex,
  lock,
};

/** Reads until the buffer is full or the message at its end: a short read alone does not mean the end. */
export function fillNow(message: OpenMessage, into: Uint8Array): number {
  let length = 0;
  while (length < into.length) {
    const count = message.readNow(into.subarray(length));
    if (count === 0) break;
    length += count;
  }
  return length;
}
