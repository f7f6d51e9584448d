/**
 * The loop that waits for sockets: one for an isolate, over epoll(7).
 *
 * While clients are busy it waits in the system call itself, with the runtime's own event loop among what it waits for:
 * whatever happens there - a timer's turn, a file that is synced, a message of the keeper - ends the wait at once, timers at
 * the latest after a millisecond. When nothing came for a millisecond it waits on a thread of the runtime's, and the event
 * loop sleeps as it does without us. Between two rounds the event loop has its turn. Events are told once for each change
 * (EPOLLET): who is told reads until there is no more, or remembers that he did not.
 */
import { setImmediate } from "node:timers";
import { runWaiting } from "./later.ts";
import {
  EINTR,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
  errno,
  EVENT_DATA,
  EVENT_WORDS,
  localName,
  type PollCalls,
  pollCalls,
  SOCK_FLAGS,
  socketError,
} from "./poll_calls.ts";

/** Told what happened to a descriptor: a mask of EPOLL bits. */
export interface Watcher {
  ready(events: number): void;
}

/** Events taken in one round; more wait for the next. */
const ROUND = 128;
/** How long a busy loop waits in the system call, in milliseconds: as late a timer may be. */
const BUSY_MS = 1;
/** Where all threads of the runtime hang (a dead disk), the loop looks for itself this often, in milliseconds. */
const LOOK_MS = 250;

/** What an eventfd is told to become readable. */
const ONCE = new Uint8Array(new BigUint64Array([1n]).buffer);

interface Watched {
  readonly watcher: Watcher;
  readonly generation: number;
}

const events = () => new Int32Array(ROUND * EVENT_WORDS);

/** Waits for descriptors. Use `poller()`. */
export class Poller {
  readonly #calls: PollCalls;
  readonly #watched: (Watched | undefined)[] = [];
  readonly #event = new Int32Array(EVENT_WORDS);
  readonly #eventBytes = new Uint8Array(this.#event.buffer);
  #count = 0;
  /** Distinguishes a descriptor from an earlier one of the same number, of which an event is still to be handled. */
  #generation = 0;
  #epoll = -1;
  #cell: Int32Array = new Int32Array(1);
  /** Ends the sleep. */
  #wake = -1;
  #sleeping = false;
  #roused = false;
  #ended: Promise<void> | null = null;

  constructor(calls: PollCalls) {
    this.#calls = calls;
  }

  /**
   * Keeps the descriptor of the epoll instance, which knows all that is watched, in `cell`; -1 while nothing is. For whoever
   * closes it all when this isolate died.
   */
  tellDescriptor(cell: Int32Array): void {
    this.#cell = cell;
    Atomics.store(cell, 0, this.#epoll);
  }

  /**
   * Tells `watcher` what happens to `fd` from now on, `mask` of EPOLL bits.
   * @throws {Error} when the system has no room for it.
   */
  watch(fd: number, mask: number, watcher: Watcher): void {
    if (this.#ended === null) this.#begin();
    this.#generation = (this.#generation + 1) & 0x3fffffff;
    this.#watched[fd] = { watcher, generation: this.#generation };
    if (this.#control(EPOLL_CTL_ADD, fd, mask, this.#generation) !== 0) {
      const error = socketError(errno(), "epoll_ctl");
      this.#watched[fd] = undefined;
      if (this.#count === 0) this.#rouse();
      throw error;
    }
    this.#count++;
  }

  /** Changes what is told of `fd`. What is so now is told again. */
  change(fd: number, mask: number): void {
    const generation = this.#watched[fd]?.generation;
    if (generation !== undefined) this.#control(EPOLL_CTL_MOD, fd, mask, generation);
  }

  /** `fd` is about to be closed, which ends the system's side of the watch. */
  forget(fd: number): void {
    if (this.#watched[fd] === undefined) return;
    this.#watched[fd] = undefined;
    if (--this.#count === 0) this.#rouse();
  }

  /** Resolves when the loop is over, which it is soon after the last watch; at once while something is watched. */
  async settled(): Promise<void> {
    if (this.#count === 0) await this.#ended;
  }

  #control(operation: number, fd: number, mask: number, generation: number): number {
    this.#event[0] = mask;
    this.#event[EVENT_DATA] = fd;
    this.#event[EVENT_DATA + 1] = generation;
    return this.#calls.epoll_ctl(this.#epoll, operation, fd, this.#eventBytes);
  }

  #begin(): void {
    const c = this.#calls;
    this.#epoll = c.epoll_create1(SOCK_FLAGS & ~0o4000);
    if (this.#epoll < 0) throw socketError(errno(), "epoll_create1");
    this.#wake = c.eventfd(0, SOCK_FLAGS);
    if (this.#wake < 0) {
      const error = socketError(errno(), "eventfd");
      c.close(this.#epoll);
      throw error;
    }
    this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN, 0);
    Atomics.store(this.#cell, 0, this.#epoll);
    this.#ended = this.#run();
  }

  /** Ends the sleep, so that the loop sees that nothing is left to wait for. */
  #rouse(): void {
    if (!this.#sleeping) return;
    this.#roused = true;
    this.#calls.write(this.#wake, ONCE, ONCE.length);
  }

  /** Takes the wake back, in case that something is to be waited for again. */
  #calm(): void {
    if (this.#roused) this.#calls.read(this.#wake, new Uint8Array(8), 8);
    this.#roused = false;
  }

  async #run(): Promise<void> {
    const c = this.#calls;
    const found = events();
    const bytes = new Uint8Array(found.buffer);
    const runtime = runtimeLoop(c);
    const looking = setInterval(() => this.#look(), LOOK_MS);
    Deno.unrefTimer(looking);
    this.#listenToRuntime(runtime, EPOLL_CTL_ADD);
    try {
      // Whoever began the loop adds what he began it for.
      await turn();
      while (this.#count > 0) {
        let count = c.epoll_wait(this.#epoll, bytes, ROUND, runtime < 0 ? 0 : BUSY_MS);
        if (count === 0) {
          this.#listenToRuntime(runtime, EPOLL_CTL_DEL);
          this.#sleeping = true;
          count = await c.sleep(this.#epoll, bytes, ROUND, -1);
          this.#sleeping = false;
          this.#calm();
          this.#listenToRuntime(runtime, EPOLL_CTL_ADD);
        } else if (count < 0 && errno() !== EINTR) throw socketError(errno(), "epoll_wait");
        if (count > 0) this.#tell(found, count);
        await turn();
        // Nothing may wait for a turn while the loop waits in the system call.
        runWaiting();
      }
    } finally {
      clearInterval(looking);
      Atomics.store(this.#cell, 0, -1);
      c.close(this.#wake);
      c.close(this.#epoll);
      this.#epoll = -1;
      this.#ended = null;
    }
  }

  #listenToRuntime(runtime: number, operation: number): void {
    if (runtime >= 0) this.#control(operation, runtime, EPOLLIN, 0);
  }

  #tell(found: Int32Array, count: number): void {
    for (let i = 0, at = 0; i < count; i++, at += EVENT_WORDS) {
      const watched = this.#watched[found[at + EVENT_DATA] as number];
      // Nobody's: the runtime's loop, a wake, or what was closed in this round.
      if (watched === undefined || watched.generation !== found[at + EVENT_DATA + 1]) continue;
      try {
        watched.watcher.ready(found[at] as number);
      } catch (error) {
        // A fault of ours must not leave everybody else unheard: it is told as one that nobody caught.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Looks for events while the sleep may not have begun, because every thread of the runtime is taken. */
  #look(): void {
    if (!this.#sleeping) return;
    const found = events();
    const count = this.#calls.epoll_wait(this.#epoll, new Uint8Array(found.buffer), ROUND, 0);
    if (count > 0) this.#tell(found, count);
  }
}

/** The event loop's turn: everything that waits for it goes first. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The epoll descriptor of this isolate's runtime, or -1 where it can't be told: it watches a listener that is opened to find
 * it.
 */
function runtimeLoop(c: PollCalls): number {
  let probe: Deno.TcpListener;
  try {
    probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  } catch {
    return -1;
  }
  try {
    const { port } = probe.addr as Deno.NetAddr;
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      if (kindOf(name) !== EPOLL) continue;
      if (watchedBy(name).some((fd) => isBoundTo(c, fd, port))) return Number(name);
    }
    return -1;
  } catch {
    // No /proc.
    return -1;
  } finally {
    probe.close();
  }
}

const EPOLL = "anon_inode:[eventpoll]";
const EVENT = "anon_inode:[eventfd]";

/** What descriptor `fd` of this process is; "" when it is closed. */
function kindOf(fd: string | number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Descriptors that the epoll descriptor `fd` watches (proc_pid_fdinfo(5)). */
function watchedBy(fd: string | number): number[] {
  const text = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
  return [...text.matchAll(/^tfd:\s*(\d+)/gm)].map((match) => Number(match[1]));
}

function isBoundTo(c: PollCalls, fd: number, port: number): boolean {
  try {
    return localName(c, fd).port === port;
  } catch {
    // No socket.
    return false;
  }
}

/**
 * Closes what an isolate that died left open: everything that its loop, `descriptor`, watched (-1: nothing). The thread that
 * may sleep there is woken first; until then the isolate's runtime does not end. Only for an isolate that runs no more: a
 * descriptor's number is somebody else's at once.
 */
export function closeAbandoned(descriptor: number): void {
  const c = pollCalls();
  if (c === null || descriptor < 0) return;
  const own = watchedBy(descriptor).filter((fd) => kindOf(fd) !== EPOLL);
  for (const fd of own) if (kindOf(fd) === EVENT) c.write(fd, ONCE, ONCE.length);
  for (const fd of [...own, descriptor]) c.close(fd);
}

let shared: Poller | null | undefined;

/** The isolate's loop, or null where the system calls can't be had. */
export function poller(): Poller | null {
  if (shared === undefined) {
    const calls = pollCalls();
    shared = calls === null ? null : new Poller(calls);
  }
  return shared;
}
