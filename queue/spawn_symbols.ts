/** The C library's calls that start a program, and the attributes that every program starts with. */

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  // glibc 2.29 and later.
  posix_spawn_file_actions_addchdir_np: {
    parameters: ["buffer", "buffer"],
    result: "i32",
    optional: true,
  },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  sigaddset: { parameters: ["buffer", "i32"], result: "i32" },
} as const;

export type Spawner = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const SIGPIPE = 13;
/** SETPGROUP, SETSIGDEF and SETSIGMASK of spawn.h. */
const SPAWN_FLAGS = 0x02 | 0x04 | 0x08;
/** Larger than the C library's structures for attributes, actions and signal sets. */
export const STRUCTURE_BYTES = 512;

let opened: { c: Spawner; attributes: Uint8Array<ArrayBuffer> } | null | undefined;

/** The calls and the attributes; null where the library can't be opened. */
export function spawner(): { c: Spawner; attributes: Uint8Array<ArrayBuffer> } | null {
  if (opened === undefined) {
    try {
      const c = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
      opened = { c, attributes: makeAttributes(c) };
    } catch {
      opened = null;
    }
  }
  return opened;
}

function makeAttributes(c: Spawner): Uint8Array<ArrayBuffer> {
  const attributes = new Uint8Array(STRUCTURE_BYTES);
  const signals = new Uint8Array(STRUCTURE_BYTES);
  c.posix_spawnattr_init(attributes);
  c.posix_spawnattr_setflags(attributes, SPAWN_FLAGS);
  c.sigemptyset(signals);
  c.posix_spawnattr_setsigmask(attributes, signals);
  c.sigaddset(signals, SIGPIPE);
  c.posix_spawnattr_setsigdefault(attributes, signals);
  return attributes;
}
