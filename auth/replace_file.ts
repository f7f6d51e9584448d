/**
 * Replaces a file as a whole: a temporary file beside it, synced, renamed over it, the directory
 * synced. Whoever reads sees the old file or the new one; after a crash one of the two is there.
 * And a lock against a second editor.
 */

/** The steps that can fail; tests put failures in their place. */
export interface FileSteps {
  write(file: Deno.FsFile, bytes: Uint8Array): void;
  sync(file: Deno.FsFile): void;
  rename(from: string, to: string): void;
}

const REAL_STEPS: FileSteps = {
  write(file, bytes) {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  },
  sync: (file) => file.syncSync(),
  rename: (from, to) => Deno.renameSync(from, to),
};

/** Mode and owner that a file is to have. */
export interface FileLooks {
  readonly mode: number;
  readonly uid: number | null;
  readonly gid: number | null;
}

/**
 * The looks of the first of `paths` that is there; null when none is. @throws {Error} when one
 * can't be seen.
 */
export function looksOf(...paths: readonly string[]): FileLooks | null {
  for (const path of paths) {
    try {
      const { mode, uid, gid } = Deno.statSync(path);
      return { mode: (mode ?? 0o600) & 0o7777, uid, gid };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** A symbolic link is followed: the file it points to is replaced, not the link. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

function setLooks(temporary: string, looks: FileLooks): void {
  Deno.chmodSync(temporary, looks.mode);
  const now = Deno.statSync(temporary);
  if (now.uid !== looks.uid || now.gid !== looks.gid) {
    Deno.chownSync(temporary, looks.uid, looks.gid);
    // chown may take set-id bits away, so the mode comes again.
    Deno.chmodSync(temporary, looks.mode);
  }
}

function syncDirectory(path: string, steps: FileSteps): void {
  const directory = Deno.openSync(path);
  try {
    steps.sync(directory);
  } finally {
    directory.close();
  }
}

/**
 * Puts `bytes` in the place of `path`, with mode and owner as `looks` says (null: 0600, ours).
 * @throws {Error} when it fails; then the old file is as it was, and nothing is left beside it.
 */
export function replaceFile(
  path: string,
  bytes: Uint8Array,
  looks: FileLooks | null,
  steps: FileSteps = REAL_STEPS,
): void {
  const target = realPath(path);
  const directory = target.slice(0, target.lastIndexOf("/") + 1) || "./";
  const temporary = `${target}.tmp.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}`;
  const file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
  try {
    try {
      steps.write(file, bytes);
      if (looks !== null) setLooks(temporary, looks);
      steps.sync(file);
    } finally {
      file.close();
    }
    steps.rename(temporary, target);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
  syncDirectory(directory, steps);
}

/** Runs `work` while no other editor holds the lock file `path`; waits for one that does. */
export async function withLock<T>(
  path: string,
  looks: FileLooks | null,
  work: () => T | Promise<T>,
): Promise<T> {
  const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
  try {
    if (looks !== null && Deno.statSync(path).uid !== looks.uid && Deno.uid() === 0) {
      Deno.chownSync(path, looks.uid, looks.gid);
    }
    await file.lock(true);
    return await work();
  } finally {
    file.close();
  }
}
