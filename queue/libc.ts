/**
 * The few calls of the C library that are called directly: syncfs(2) for group commit and the identity of the calling thread, for which
 * Deno has no words, and the short file calls of a delivery (libc_files.ts), which cost less this way.
 *
 * Identity: `setfsuid`, `setfsgid` and the bare `setgroups` system call change the calling thread only, and Deno's synchronous
 * file calls run on it; the program's other threads stay what they are. Everything here is optional: where the library can't
 * be opened, `libc()` is null and callers take their other way.
 */

const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** The same on a thread; why it failed is not known then. */
  writeLater: {
    name: "write",
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  close: { parameters: ["i32"], result: "i32" },
  link: { parameters: ["buffer", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  /** glibc 2.28 and later. */
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32", optional: true },
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32"], result: "pointer" },
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  syncfsNow: { name: "syncfs", parameters: ["i32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  setfsuid: { parameters: ["u32"], result: "i32" },
  setfsgid: { parameters: ["u32"], result: "i32" },
  syscall: { parameters: ["i64", "u64", "buffer"], result: "i64" },
} as const;

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** setgroups(2) by number: the library's own wrapper would change all threads. */
const SETGROUPS = Deno.build.arch === "aarch64" ? 159n : 116n;

const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
export const O_CLOEXEC = 0o2000000;

/** File systems whose write-back errors syncfs is known to report: ext2-4, XFS, Btrfs, F2FS; tmpfs has none. */
const SYNCFS_MAGIC = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994]);

let opened: Libc | null | undefined;

/** The library, or null where it can't be opened. */
export function libc(): Libc | null {
  if (opened === undefined) {
    try {
      opened = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
    } catch {
      opened = null;
    }
  }
  return opened;
}

/** Does this kernel's syncfs report write-back errors (Linux 5.8 and later)? */
export function syncfsReports(release: string = Deno.osRelease()): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => parseInt(part, 10));
  return Deno.build.os === "linux" && (major > 5 || (major === 5 && minor >= 8));
}

let reports: boolean | undefined;

/** A descriptor of the file system that holds `directory`, or null when syncfs can't be relied on there. */
export function openFileSystem(directory: string): number | null {
  const c = libc();
  reports ??= syncfsReports();
  if (c === null || !reports) return null;
  const fd = c.open(new TextEncoder().encode(`${directory}\0`), O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return null;
  const info = new Uint8Array(256);
  const known = c.fstatfs(fd, info) === 0 &&
    SYNCFS_MAGIC.has(Number(new DataView(info.buffer).getBigUint64(0, true)));
  if (known) return fd;
  c.close(fd);
  return null;
}

/** Whose files are made. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY = 0xffffffff;

/** Whose identity this thread has at the moment; null: its own. */
let taken: Owner | null = null;

/** Who this process is, read once, before anything is changed; supplementary groups as bytes for setgroups. */
interface Self extends Owner {
  readonly groups: Uint32Array<ArrayBuffer>;
}

let self: Self | null = null;
function ownSelf(): Self {
  if (self === null) {
    const line = /^Groups:[ \t]*(.*)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "";
    const groups = Uint32Array.from(line.split(/\s+/).filter((w) => w !== ""), Number);
    self = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, groups };
  }
  return self;
}

/**
 * Lays down the supplementary groups of this thread, so that taking an identity need not do it each time. For a process whose only
 * work it is to take identities.
 */
export function layGroupsDown(): void {
  const c = libc();
  if (c !== null && BigInt(c.syscall(SETGROUPS, 0n, null)) === 0n) self = null;
}

/** Asks setfsuid what it is now: the only way it tells whether it worked. */
function takeIdentity(c: Libc, owner: Owner, groups: Uint32Array<ArrayBuffer> | null): boolean {
  const set = groups === null ? 0 : c.syscall(SETGROUPS, BigInt(groups.length), groups);
  c.setfsgid(owner.gid);
  c.setfsuid(owner.uid);
  return BigInt(set) === 0n && c.setfsuid(NOBODY) === owner.uid &&
    c.setfsgid(NOBODY) === owner.gid;
}

/**
 * Runs `action`, which must be synchronous, with the owner's rights to files: what it creates belongs to the owner, and a
 * directory that the owner could not enter stays closed. Only root can do this. Inside `action` the same owner can be asked for again,
 * at no cost.
 * @throws {Error} when the identity can't be taken; then `action` has not run.
 */
export function asOwner<T>(owner: Owner, action: () => T): T {
  if (taken !== null && taken.uid === owner.uid && taken.gid === owner.gid) return action();
  if (taken !== null) throw new Error("An identity is taken while another is held");
  const c = libc();
  if (c === null) throw new Error("The C library that changes identities can't be opened");
  const me = ownSelf();
  // A process without groups beside its own, as the keeper is, has none to lay down.
  const hasGroups = me.groups.length > 0;
  try {
    if (!takeIdentity(c, owner, hasGroups ? Uint32Array.of(owner.gid) : null)) {
      throw new Error(`The identity ${owner.uid}:${owner.gid} can't be taken`);
    }
    taken = owner;
    return action();
  } finally {
    taken = null;
    c.setfsuid(me.uid);
    c.setfsgid(me.gid);
    if (hasGroups) c.syscall(SETGROUPS, BigInt(me.groups.length), me.groups);
  }
}
