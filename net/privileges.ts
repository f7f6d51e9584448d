/**
 * Giving root away for good: initgroups(3), setgid(2), setuid(2), in this order, then a look at what came of it (what
 * tcpserver -u -g, setuidgid and softlimit chains do for qmail's services).
 *
 * The C library changes all threads of the process; those that come later inherit. Ports are bound before. There is no way
 * back: `dropTo` proves that, and when any proof fails the process must not go on. Keeps no capability.
 */

/** Who the process becomes. `name`: user of the system whose supplementary groups come along; null: none do. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly name: string | null;
}

/** Root could not be given away. The message is a sentence. */
export class PrivilegeError extends Error {
  override name = "PrivilegeError";
}

const SYMBOLS = {
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  initgroups: { parameters: ["buffer", "u32"], result: "i32" },
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  getuid: { parameters: [], result: "u32" },
  geteuid: { parameters: [], result: "u32" },
  getgid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
} as const;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** (uid_t) -1 means "leave it as it is". */
const MAX_ID = 0xfffffffe;
/** Offsets in glibc's struct passwd on 64-bit systems. */
const PW_UID = 16;
const PW_GID = 20;

let opened: Calls | null = null;

/** @throws {PrivilegeError} where the C library can't be opened. */
function calls(): Calls {
  try {
    return opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PrivilegeError(
      `The C library, which root is given away with, can't be opened: ${why}`,
    );
  }
}

const cString = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(`${text}\0`);

/** A user of the system, by name; null: there is none. @throws {PrivilegeError} */
export function findSystemUser(name: string): Identity | null {
  if (name === "" || name.includes("\0")) return null;
  const entry = calls().getpwnam(cString(name));
  if (entry === null) return null;
  const view = new Deno.UnsafePointerView(entry);
  return { uid: view.getUint32(PW_UID), gid: view.getUint32(PW_GID), name };
}

/** `UID:GID` as an identity without a name; null when `text` is nothing of that form. */
export function parseIds(text: string): Identity | null {
  const found = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (found === null) return null;
  const uid = Number(found[1]);
  const gid = Number(found[2]);
  return uid > MAX_ID || gid > MAX_ID ? null : { uid, gid, name: null };
}

/** What a thread of /proc says of its identity. */
export interface ThreadIds {
  /** Real, effective, saved and file system id. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** Effective capabilities. */
  readonly capabilities: bigint;
}

/** Reads the text of a /proc/PID/task/TID/status. @throws {PrivilegeError} when it is none. */
export function parseThreadStatus(text: string): ThreadIds {
  const line = (key: string): string => {
    const found = new RegExp(`^${key}:[ \\t]*(.*)$`, "m").exec(text)?.[1];
    if (found === undefined) {
      throw new PrivilegeError(`/proc does not tell the "${key}" of a thread`);
    }
    return found.trim();
  };
  const numbers = (key: string) => line(key).split(/\s+/).filter((w) => w !== "").map(Number);
  return {
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    capabilities: BigInt(`0x${line("CapEff")}`),
  };
}

/** Why these ids are not wholly those of `identity`; null: they are. */
export function threadFault(thread: ThreadIds, identity: Identity): string | null {
  if (thread.uids.some((id) => id !== identity.uid)) return `uids ${thread.uids.join(" ")}`;
  if (thread.gids.some((id) => id !== identity.gid)) return `gids ${thread.gids.join(" ")}`;
  if (thread.groups.includes(0)) return "root's group";
  return thread.capabilities === 0n ? null : `capabilities ${thread.capabilities.toString(16)}`;
}

/**
 * Becomes `identity` for good, with all threads.
 * @throws {PrivilegeError} when a call or the look at its effect fails: the process must then end.
 */
export function dropTo(identity: Identity): void {
  const { uid, gid, name } = identity;
  if (uid === 0 || gid === 0) {
    throw new PrivilegeError(`The network is never served as ${uid}:${gid}, which is root`);
  }
  const c = calls();
  const groups = name === null ? c.setgroups(0n, null) : c.initgroups(cString(name), gid);
  require(groups === 0, name === null ? "setgroups" : "initgroups", identity);
  require(c.setgid(gid) === 0, "setgid", identity);
  require(c.setuid(uid) === 0, "setuid", identity);
  verify(c, identity);
}

function require(done: boolean, call: string, { uid, gid }: Identity): void {
  if (!done) throw new PrivilegeError(`Root can't be given away to ${uid}:${gid}: ${call} failed`);
}

function verify(c: Calls, identity: Identity): void {
  const { uid, gid } = identity;
  const isNow = c.getuid() === uid && c.geteuid() === uid && c.getgid() === gid &&
    c.getegid() === gid;
  if (!isNow) throw new PrivilegeError(`Root was given away, but this is not ${uid}:${gid}`);
  if (c.setuid(0) === 0) throw new PrivilegeError("Root was given away, but can be taken back");
  for (const { name: task } of Deno.readDirSync("/proc/self/task")) {
    const thread = readThread(task);
    const fault = thread === null ? null : threadFault(thread, identity);
    if (fault !== null) throw new PrivilegeError(`Thread ${task} still has ${fault}`);
  }
}

/** null: the thread has ended meanwhile. */
function readThread(task: string): ThreadIds | null {
  try {
    return parseThreadStatus(Deno.readTextFileSync(`/proc/self/task/${task}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isGone(error)) return null;
    throw error;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && (error as { code?: unknown }).code === "ESRCH";
