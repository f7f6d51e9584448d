/**
 * Starts a program by posix_spawn(3) through FFI: three to five times cheaper than Deno's own ways, which can't give a child a
 * readable fd 1 without a shell in between.
 *
 * Everything we hold is close-on-exec; the child gets its own process group, no blocked signal and SIGPIPE as usual (Deno ignores it).
 * Our pipe ends are non-blocking: what fits is written at once, for the rest a thread of the pool polls. No errno is
 * read: it could be another call's by the time JavaScript runs again; poll says what write could not.
 */
import { ERROR_TEXT_BYTES, type Program, type ProgramEnd, type ProgramPipe } from "./program.ts";
import { type Spawner, spawner, STRUCTURE_BYTES } from "./spawn_symbols.ts";

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
const POLLOUT = 4;
const SIGKILL = 9;
/** How often a waiting write looks whether it is still wanted. */
const POLL_MILLISECONDS = 1000;

const ENCODER = new TextEncoder();

/** Strings as a C array of pointers. `keep` must live as long as the array is used. */
function pointerArray(
  strings: readonly string[],
): { array: BigUint64Array<ArrayBuffer>; keep: Uint8Array } {
  const keep = ENCODER.encode(strings.map((s) => `${s}\0`).join(""));
  const base = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(keep)));
  const array = new BigUint64Array(strings.length + 1);
  let offset = 0;
  for (let i = 0; i < strings.length; i++) {
    array[i] = base + BigInt(offset);
    offset = keep.indexOf(0, offset) + 1;
  }
  return { array, keep };
}

/** [read end, write end]; null when there are no descriptors left. */
function pipe(c: Spawner): [number, number] | null {
  const ends = new Int32Array(2);
  return c.pipe2(new Uint8Array(ends.buffer), O_CLOEXEC) === 0
    ? [ends[0] ?? -1, ends[1] ?? -1]
    : null;
}

/** The three pipes of a program: ours and the child's ends. */
interface Pipes {
  readonly child: readonly [number, number, number];
  readonly ours: readonly [number, number, number];
}

function openPipes(c: Spawner): Pipes | null {
  const pairs: [number, number][] = [];
  for (let i = 0; i < 3; i++) {
    const pair = pipe(c);
    if (pair === null) {
      for (const fd of pairs.flat()) c.close(fd);
      return null;
    }
    pairs.push(pair);
  }
  const [message, envelope, words] = pairs as [
    [number, number],
    [number, number],
    [number, number],
  ];
  for (const fd of [message[1], envelope[1], words[0]]) c.fcntl(fd, F_SETFL, O_NONBLOCK);
  return { child: [message[0], envelope[0], words[1]], ours: [message[1], envelope[1], words[0]] };
}

/** Starts `path`; null where posix_spawn is out of reach. Rejects with a sentence when the program can't be started. */
export function startBySpawn(
  path: string,
  env: Readonly<Record<string, string>>,
  directory: string | null,
): Promise<Program> | null {
  const s = spawner();
  if (s === null || (directory !== null && s.c.posix_spawn_file_actions_addchdir_np === null)) {
    return null;
  }
  return start(s.c, s.attributes, path, env, directory);
}

async function start(
  c: Spawner,
  attributes: Uint8Array<ArrayBuffer>,
  path: string,
  env: Readonly<Record<string, string>>,
  directory: string | null,
): Promise<Program> {
  const pipes = openPipes(c);
  if (pipes === null) {
    throw new Error(`Cannot start "${path}": no descriptors are left for its pipes`);
  }
  const actions = new Uint8Array(STRUCTURE_BYTES);
  c.posix_spawn_file_actions_init(actions);
  // The lower targets first: no source can lie on them, as 0, 1 and 2 are always open here.
  c.posix_spawn_file_actions_adddup2(actions, pipes.child[0], 0);
  c.posix_spawn_file_actions_adddup2(actions, pipes.child[1], 1);
  c.posix_spawn_file_actions_adddup2(actions, pipes.child[2], 6);
  const cwd = ENCODER.encode(`${directory}\0`);
  if (directory !== null) c.posix_spawn_file_actions_addchdir_np?.(actions, cwd);
  const argv = pointerArray([path]);
  const envp = pointerArray(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  const pid = new Int32Array(1);
  const errno = await c.posix_spawn(
    new Uint8Array(pid.buffer),
    ENCODER.encode(`${path}\0`),
    actions,
    attributes,
    new Uint8Array(argv.array.buffer),
    new Uint8Array(envp.array.buffer),
  );
  c.posix_spawn_file_actions_destroy(actions);
  for (const fd of pipes.child) c.close(fd);
  // The strings are looked at here so that they live until the program has been started.
  if (argv.keep.length + envp.keep.length + cwd.length === 0 || errno !== 0) {
    for (const fd of pipes.ours) c.close(fd);
    throw new Error(`Cannot start "${path}": ${ERRNO[errno] ?? `errno ${errno}`}`);
  }
  return running(c, pid[0] ?? -1, pipes);
}

/** What posix_spawn says most often. */
const ERRNO: Readonly<Record<number, string>> = {
  2: "ENOENT, there is no such file",
  7: "E2BIG, its environment is too long",
  8: "ENOEXEC, it is not a program",
  11: "EAGAIN, there are too many processes",
  12: "ENOMEM, there is no memory left",
  13: "EACCES, it may not be executed",
  20: "ENOTDIR, its path leads through a file",
};

function running(c: Spawner, pid: number, pipes: Pipes): Program {
  const message = outgoing(c, pipes.ours[0]);
  const envelope = outgoing(c, pipes.ours[1]);
  let words = "";
  let over = false;
  const ended = waitFor(c, pid).then((end) => {
    over = true;
    message.stop();
    envelope.stop();
    words = readWords(c, pipes.ours[2]);
    c.close(pipes.ours[2]);
    return end;
  });
  return {
    pid,
    message,
    envelope,
    ended,
    errorText: () => words,
    kill: () => {
      if (!over) c.kill(-pid, SIGKILL);
    },
  };
}

/** What is in the pipe of fd 6. The program has ended, so nothing more will come from it. */
function readWords(c: Spawner, fd: number): string {
  const buffer = new Uint8Array(ERROR_TEXT_BYTES);
  let used = 0;
  for (;;) {
    const n = Number(c.read(fd, buffer.subarray(used), BigInt(buffer.length - used)));
    if (n <= 0) break;
    used += n;
  }
  return String.fromCharCode(...buffer.subarray(0, used));
}

async function waitFor(c: Spawner, pid: number): Promise<ProgramEnd> {
  const status = new Int32Array(1);
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await c.waitpid(pid, new Uint8Array(status.buffer), 0) !== pid) continue;
    const word = status[0] ?? 0;
    const signal = word & 0x7f;
    return signal === 0 ? { code: (word >> 8) & 0xff, signal: null } : { code: null, signal };
  }
  return { code: null, signal: null };
}

/** Our end of a pipe to the program. */
function outgoing(c: Spawner, fd: number): ProgramPipe & { stop(): void } {
  let open = true;
  let broken = false;
  let ending = false;
  let writing = false;

  function shut(): void {
    if (open && !writing) {
      open = false;
      c.close(fd);
    }
  }
  /** Writes what fits; the number of bytes taken. */
  function some(bytes: Uint8Array): number {
    return Math.max(0, Number(c.write(fd, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length))));
  }
  async function rest(bytes: Uint8Array): Promise<void> {
    const entry = new Uint8Array(8);
    const view = new DataView(entry.buffer);
    writing = true;
    let done = 0;
    while (done < bytes.length && !broken) {
      view.setInt32(0, fd, true);
      view.setInt16(4, POLLOUT, true);
      view.setInt16(6, 0, true);
      await c.poll(entry, 1n, POLL_MILLISECONDS);
      const ready = view.getInt16(6, true);
      // POLLERR, POLLHUP, POLLNVAL: nobody reads any more.
      if ((ready & ~POLLOUT) !== 0) broken = true;
      else if (ready !== 0) done += some(bytes.subarray(done));
    }
    writing = false;
    if (ending || broken) shut();
  }
  return {
    get broken() {
      return broken;
    },
    write(bytes) {
      if (broken || !open) {
        broken = true;
        return undefined;
      }
      const done = some(bytes);
      return done < bytes.length ? rest(bytes.slice(done)) : undefined;
    },
    end() {
      ending = true;
      shut();
    },
    stop() {
      if (open && writing) broken = true;
      ending = true;
      shut();
    },
  };
}
