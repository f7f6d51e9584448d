/**
 * A Maildir's files with the rights of its owner: every name is looked up as him, so that a directory closed to him, or a
 * link to somebody else's file, is as closed as it is in his own shell. Never as root.
 *
 * All calls are synchronous: the identity belongs to the calling thread, which the runtime's asynchronous calls do not use. What is
 * open is read on without an identity. Nothing that lies in a message's place - a fifo, a device - holds the process.
 */
import fs from "node:fs";
import { promisify } from "node:util";
import { type FileOps, FILES } from "../queue/file_ops.ts";
import { asOwner, type Owner } from "../queue/libc.ts";
import { LOCAL_FILES, type MaildropFiles, type OpenMessage } from "../pop3/maildrop_files.ts";

export type { Owner } from "../queue/libc.ts";

/** Runs a synchronous action as somebody. */
export type RunAs = <T>(owner: Owner, action: () => T) => T;

/** @throws {Error} for root, and for nobody in particular. */
export function requireOwner(owner: Owner | null): Owner {
  if (owner === null) throw new Error("Nobody is named whose files these are");
  if (owner.uid === 0) throw new Error("Mail is never read or written as root (uid 0)");
  return owner;
}

/** The file access of deliveries, which without an owner does nothing. */
export const KEEPER_FILES: FileOps = {
  ...FILES,
  as: (owner, action) => asOwner(requireOwner(owner), action),
};

const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = fs.constants;
const readLater = promisify(fs.read);

/** The runtime's errors in the place of node's. */
function asDenoError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  const message = error instanceof Error ? error.message : String(error);
  switch (code) {
    case "ENOENT":
      return new Deno.errors.NotFound(message);
    case "ENOTDIR":
      return new Deno.errors.NotADirectory(message);
    case "EACCES":
    case "EPERM":
      return new Deno.errors.PermissionDenied(message);
  }
  return error;
}

/** Opens a regular file; anything else is looked at only after it is open, so that nobody can swap it before. */
function openRegular(path: string, flags = 0): { readonly fd: number; readonly size: number } {
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
  } catch (error) {
    throw asDenoError(error);
  }
  try {
    const info = fs.fstatSync(fd);
    if (!info.isFile()) throw new Error(`"${path}" is not a regular file`);
    return { fd, size: info.size };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/**
 * An open message. Its descriptor is closed only when no read is under way: the number would be somebody else's file
 * while the read goes on.
 */
function open(path: string): OpenMessage {
  const { fd } = openRegular(path);
  let reading = 0;
  let isClosed = false;
  const requireOpen = () => {
    if (isClosed) throw new Error(`"${path}" is closed already`);
  };
  return {
    readNow(into) {
      requireOpen();
      return fs.readSync(fd, into, 0, into.length, null);
    },
    async read(into) {
      requireOpen();
      reading++;
      try {
        return (await readLater(fd, into, 0, into.length, null)).bytesRead;
      } finally {
        if (--reading === 0 && isClosed) fs.closeSync(fd);
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      if (reading === 0) fs.closeSync(fd);
    },
  };
}

function readIndex(path: string, maxBytes: number): string | null {
  try {
    const { fd, size } = openRegular(path, O_NOFOLLOW);
    try {
      return size <= maxBytes ? fs.readFileSync(fd, "utf8") : null;
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The Maildir files of one owner. @throws {Error} when it would be root's. */
export function ownerFiles(owner: Owner, runAs: RunAs = asOwner): MaildropFiles {
  requireOwner(owner);
  const as = <T>(action: () => T): T => runAs(owner, action);
  const names = (dir: string) => as(() => LOCAL_FILES.names(dir));
  return {
    stamp: (dir) => as(() => LOCAL_FILES.stamp(dir)),
    names,
    namesLater: (dir) => {
      try {
        return Promise.resolve(names(dir));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    facts: (path) => as(() => LOCAL_FILES.facts(path)),
    open: (path) => as(() => open(path)),
    remove: (path) => as(() => LOCAL_FILES.remove(path)),
    rename: (from, to) => as(() => LOCAL_FILES.rename(from, to)),
    exists: (path) => as(() => LOCAL_FILES.exists(path)),
    readIndex: (path, maxBytes) => as(() => readIndex(path, maxBytes)),
    writeIndex: (path, temporary, text) => as(() => LOCAL_FILES.writeIndex(path, temporary, text)),
    // Nothing of it is left to a thread of the runtime's.
    lock: (dir) => as(() => LOCAL_FILES.lock?.(dir) ?? Promise.resolve(() => {})),
  };
}
