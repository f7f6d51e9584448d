/**
 * One copy of a message on its way into one Maildir: tmp/ file, link into new/, and back again when another copy
 * of the same message fails.
 *
 * Mirrors qmail-local's maildir_child: tmp/ with O_EXCL, fsync, link (which never replaces a file), unlink. The order
 * "content on disk, link, directory on disk" is kept by the caller (maildir.ts), who waits between the steps.
 */
import { errorText, type FileOps, type OpenFile, type ShortFile } from "./file_ops.ts";
import type { Entered } from "./journal.ts";
import type { Target } from "./plan.ts";
import { bytesOf, returnPathLine } from "./local_lines.ts";
import { MEMORY_BYTES } from "./memory.ts";

/** Names that are tried before a Maildir counts as broken. */
const NAME_ATTEMPTS = 16;

/** Trouble with one Maildir: a sentence with path and errno. */
export class CopyError extends Error {
  override name = "CopyError";
}

/** A copy; its fields are the state it is in. */
export interface Copy {
  readonly target: Target;
  /** Return-Path and Delivered-To lines. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Line ends in them. */
  readonly headLines: number;
  /** Path below tmp/; "" when there is none (any more). */
  tmp: string;
  /** Path below new/; "" until it is linked. */
  linked: string;
  /** Open for writing; null once closed. */
  file: OpenFile | null;
  /** Set: it goes by the journal, under this name in new/. */
  final: string | null;
  /** Set: it is safe in the journal. */
  entered: Entered | null;
}

/** A copy of which nothing is on disk yet. */
export function prepareCopy(target: Target): Copy {
  const head = bytesOf(returnPathLine(target.sender) + target.deliveredTo.join(""));
  return {
    target,
    head,
    headLines: 1 + target.deliveredTo.length,
    tmp: "",
    linked: "",
    file: null,
    final: null,
    entered: null,
  };
}

/** @throws {CopyError} always. */
function trouble(action: string, path: string, error: unknown): never {
  throw new CopyError(`Cannot ${action} "${path}": ${errorText(error)}`);
}

/** Tries names until one is free. */
function withFreshName(path: () => string, action: (path: string) => void, what: string): string {
  for (let attempt = 1;; attempt++) {
    const candidate = path();
    try {
      action(candidate);
      return candidate;
    } catch (error) {
      const taken = error instanceof Deno.errors.AlreadyExists;
      if (!taken || attempt >= NAME_ATTEMPTS) trouble(what, candidate, error);
    }
  }
}

/** Creates the tmp/ file. @throws {CopyError} */
export function createTmp(ops: FileOps, copy: Copy, name: () => string): void {
  const { maildir, owner } = copy.target;
  copy.tmp = withFreshName(
    () => `${maildir}/tmp/${name()}`,
    (path) => {
      copy.file = ops.as(owner, () => ops.create(path));
    },
    "create",
  );
}

/** Lines and message in one piece; every use is over before the next begins. */
const together = new Uint8Array(MEMORY_BYTES + 4096);

/**
 * Creates the tmp/ file, writes lines and `body` and closes it, in one go: for a message that is synced with its whole file system.
 * The caller is the owner already.
 * @throws {CopyError}
 */
export function putTmp(ops: FileOps, copy: Copy, name: () => string, body: Uint8Array): void {
  const { maildir } = copy.target;
  const { head } = copy;
  const bytes = head.length + body.length;
  const whole = bytes <= together.length ? together.subarray(0, bytes) : new Uint8Array(bytes);
  whole.set(head);
  whole.set(body, head.length);
  let file: ShortFile | null = null;
  copy.tmp = withFreshName(
    () => `${maildir}/tmp/${name()}`,
    (path) => {
      file = ops.createShort(path);
    },
    "create",
  );
  writeAndClose(copy, file, whole);
}

function writeAndClose(
  copy: Copy,
  file: ShortFile | null,
  bytes: Uint8Array<ArrayBuffer>,
): void {
  try {
    file?.write(bytes);
  } catch (error) {
    try {
      file?.close();
    } catch {
      // The file is thrown away.
    }
    trouble("write", copy.tmp, error);
  }
  try {
    file?.close();
  } catch (error) {
    trouble("close", copy.tmp, error);
  }
}

/** Writes to the tmp/ file at once. @throws {CopyError} */
export function writeNow(copy: Copy, bytes: Uint8Array): void {
  try {
    copy.file?.write(bytes);
  } catch (error) {
    trouble("write", copy.tmp, error);
  }
}

/** Writes to the tmp/ file without holding up others. Rejects with a CopyError. */
export async function writeLater(copy: Copy, bytes: Uint8Array): Promise<void> {
  try {
    await copy.file?.writeLater(bytes);
  } catch (error) {
    trouble("write", copy.tmp, error);
  }
}

/** Goes back to where the message begins, behind the copy's own lines. @throws {CopyError} */
export function rewind(copy: Copy): void {
  try {
    copy.file?.rewind(copy.head.length);
  } catch (error) {
    trouble("read", copy.tmp, error);
  }
}

/** Reads on in the tmp/ file; 0 at its end. Rejects with a CopyError. */
export async function readSome(copy: Copy, buffer: Uint8Array): Promise<number> {
  try {
    return await copy.file?.read(buffer) ?? 0;
  } catch (error) {
    trouble("read", copy.tmp, error);
  }
}

/** Closes the tmp/ file. @throws {CopyError} */
export function closeCopy(copy: Copy): void {
  const file = copy.file;
  copy.file = null;
  try {
    file?.close();
  } catch (error) {
    trouble("close", copy.tmp, error);
  }
}

/**
 * Gives the file its name below new/ instead of that below tmp/. A tmp/ name that can't be removed stays in `copy.tmp`. The caller is
 * the owner already.
 * @throws {CopyError} when it can't be linked
 */
export function linkCopy(ops: FileOps, copy: Copy, name: () => string): void {
  const { maildir } = copy.target;
  copy.linked = withFreshName(
    () => `${maildir}/new/${name()}`,
    (path) => ops.link(copy.tmp, path),
    "link",
  );
  try {
    ops.remove(copy.tmp);
    copy.tmp = "";
  } catch {
    // Tried once more when the message is done, and then told.
  }
}

/** Removes a name that is no longer wanted; null, or a sentence why it is still there. */
function removeName(ops: FileOps, copy: Copy, path: string): string | null {
  try {
    ops.as(copy.target.owner, () => ops.remove(path));
    return null;
  } catch (error) {
    return errorText(error);
  }
}

/** Removes the tmp/ name; null, or a sentence why it is still there. */
export function removeTmp(ops: FileOps, copy: Copy): string | null {
  const path = copy.tmp;
  copy.tmp = "";
  return path === "" ? null : removeName(ops, copy, path);
}

/** Takes the name in new/ back; null, or a sentence why it is still there. */
export function unlinkCopy(ops: FileOps, copy: Copy): string | null {
  const path = copy.linked;
  copy.linked = "";
  return path === "" ? null : removeName(ops, copy, path);
}
