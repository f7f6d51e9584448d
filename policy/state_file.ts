/**
 * What policy remembers across restarts: one text file each for bans and greylist, replaced as a
 * whole or not at all.
 *
 * The new file is written beside the old one, synced, and renamed over it; so is the directory. A
 * file that is not there is an empty one. Mail never waits for this.
 */
import { open, rm } from "node:fs/promises";

/** The file can't be read or written: one sentence. */
export class StateFileError extends Error {
  override name = "StateFileError";
}

function failure(what: string, path: string, error: unknown): StateFileError {
  const reason = (error instanceof Error ? error.message : String(error))
    .replace(/\s*\(os error \d+\).*$/, "")
    // Node's way to say it: "ENOENT: no such file or directory, open '/...'".
    .replace(/^E[A-Z]+: (.)(.*?), \w+ '.*$/, (_all, first, rest) => first.toUpperCase() + rest);
  return new StateFileError(`Cannot ${what} "${path}": ${reason}`, { cause: error });
}

/** Where a file of the settings lies; `home`: for relative names; `root`: what all lies below. */
export function stateFilePath(name: string, root: string, home: string): string {
  if (name === "") return "";
  return name.startsWith("/") ? root + name : `${home}/${name}`;
}

/**
 * The text of the file, "" without one.
 * @throws {StateFileError}
 */
export function readStateFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw failure("read", path, error);
  }
}

/** Lines that are written at one time: sessions go on between them. */
const LINES_A_WRITE = 500;

function* pieces(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    piece.push(line);
    if (piece.length < LINES_A_WRITE) continue;
    yield piece.join("");
    piece = [];
  }
  yield piece.join("");
}

/** Whose the file is to be. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The name is made anew: what somebody else put there, perhaps a link, is never written through. */
async function writeSynced(
  path: string,
  text: string | Iterable<string>,
  owner: FileOwner | null,
): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    for (const piece of typeof text === "string" ? [text] : pieces(text)) {
      await file.appendFile(piece);
    }
    if (owner !== null) await file.chown(owner.uid, owner.gid);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path.replace(/[^/]*$/, "") || ".", { read: true });
  await directory.sync();
}

/**
 * Puts a file that can't be used aside, so that nothing is written over it; its new name.
 * @throws {StateFileError}
 */
export function putAside(path: string): string {
  const aside = `${path}.damaged`;
  try {
    Deno.renameSync(path, aside);
    return aside;
  } catch (error) {
    throw failure("put aside", path, error);
  }
}

/**
 * Replaces the file, by a text or by lines that are made while it is written. Only one writer at a time may do this.
 * @param owner for root: who gets it; null: whoever writes it
 * @throws {StateFileError} the old file is still there then
 */
export async function writeStateFile(
  path: string,
  text: string | Iterable<string>,
  owner: FileOwner | null = null,
): Promise<void> {
  const fresh = `${path}.new`;
  try {
    await writeSynced(fresh, text, owner);
    await Deno.rename(fresh, path);
    await syncDirectory(path);
  } catch (error) {
    throw failure("write", path, error);
  }
}
