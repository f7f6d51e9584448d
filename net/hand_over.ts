/**
 * Open files handed from one process to another, over a Unix datagram socket (unix(7), SCM_RIGHTS): each with a number that says
 * which it is. Both ends are of one machine and start together; a file that was not taken is closed with the receiver.
 *
 * Nothing here waits: a file that is told of on another way is there already. Linux on x86_64 and aarch64 only, where structures
 * are laid out as below; elsewhere `open` and `join` return null, and callers take their other way.
 */
import {
  AF_UNIX,
  EINTR,
  errno,
  MSG_NOSIGNAL,
  type PollCalls,
  pollCalls,
  SOCK_FLAGS,
  socketError,
  SOL_SOCKET,
  unixName,
} from "./poll_calls.ts";

const SOCK_DGRAM = 2;
const SCM_RIGHTS = 1;
/** What is received is closed when another program is executed. */
const MSG_CMSG_CLOEXEC = 0x40000000;

/** struct msghdr and struct iovec with 64-bit pointers, and one control message with one descriptor (cmsg(3)). */
const HEADER_BYTES = 56;
const VECTOR_BYTES = 16;
const CONTROL_BYTES = 24;
const CONTROL_LENGTH = 20;
const NUMBER_BYTES = 8;

/** A message's header, its number and its descriptor, laid out once and used for each. */
class Message {
  readonly header = new Uint8Array(HEADER_BYTES);
  readonly #vector = new Uint8Array(VECTOR_BYTES);
  readonly #number = new DataView(new ArrayBuffer(NUMBER_BYTES));
  readonly #control = new DataView(new ArrayBuffer(CONTROL_BYTES));

  constructor() {
    const vector = new DataView(this.#vector.buffer);
    vector.setBigUint64(0, addressOf(this.#number.buffer), true);
    vector.setBigUint64(8, BigInt(NUMBER_BYTES), true);
    const header = new DataView(this.header.buffer);
    header.setBigUint64(16, addressOf(this.#vector.buffer), true);
    header.setBigUint64(24, 1n, true);
    header.setBigUint64(32, addressOf(this.#control.buffer), true);
  }

  /** Puts in what is to be sent. */
  put(number: number, fd: number): void {
    this.#number.setFloat64(0, number, true);
    this.#control.setBigUint64(0, BigInt(CONTROL_LENGTH), true);
    this.#control.setInt32(8, SOL_SOCKET, true);
    this.#control.setInt32(12, SCM_RIGHTS, true);
    this.#control.setInt32(16, fd, true);
    this.makeRoom();
  }

  /** The receiving call writes over the length of the room it was given. */
  makeRoom(): void {
    new DataView(this.header.buffer).setBigUint64(40, BigInt(CONTROL_BYTES), true);
  }

  get number(): number {
    return this.#number.getFloat64(0, true);
  }

  /** The descriptor that came; null when none did. */
  get fd(): number | null {
    const length = new DataView(this.header.buffer).getBigUint64(40, true);
    const isRights = this.#control.getInt32(8, true) === SOL_SOCKET &&
      this.#control.getInt32(12, true) === SCM_RIGHTS;
    return length >= CONTROL_LENGTH && isRights ? this.#control.getInt32(16, true) : null;
  }
}

const addressOf = (buffer: ArrayBuffer): bigint =>
  Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(buffer)));

/** A datagram socket made ready by `prepare`; null where there is none. @throws the runtime's error for what the system says. */
function socket<T>(
  path: string,
  call: "bind" | "connect",
  make: (fd: number, calls: PollCalls) => T,
): T | null {
  const c = pollCalls();
  const name = unixName(path);
  if (c === null || name === null) return null;
  const fd = c.socket(AF_UNIX, SOCK_DGRAM | SOCK_FLAGS, 0);
  if (fd < 0) throw socketError(errno(), "socket");
  if (c[call](fd, name, name.length) !== 0) {
    const error = socketError(errno(), call);
    c.close(fd);
    throw error;
  }
  return make(fd, c);
}

/** Closes a descriptor that nobody owns. */
export function closeDescriptor(fd: number): void {
  if (fd >= 0) pollCalls()?.close(fd);
}

/** The end that files are handed to. */
export class FileReceiver {
  #fd: number;
  readonly #calls: PollCalls;
  readonly #message = new Message();
  /** Came before they were asked for. */
  readonly #early = new Map<number, number>();

  private constructor(fd: number, calls: PollCalls) {
    this.#fd = fd;
    this.#calls = calls;
  }

  /** Makes the socket `path`. null: not here. @throws the runtime's error for what the system says. */
  static open(path: string): FileReceiver | null {
    return socket(path, "bind", (fd, calls) => new FileReceiver(fd, calls));
  }

  /** The descriptor that was sent with `number`, which is the caller's from now on; null when none was. */
  take(number: number): number | null {
    let mayCome = true;
    while (mayCome && !this.#early.has(number)) mayCome = this.#receive();
    const fd = this.#early.get(number) ?? null;
    this.#early.delete(number);
    return fd;
  }

  /** False: nothing is there. */
  #receive(): boolean {
    const message = this.#message;
    for (;;) {
      message.makeRoom();
      if (this.#calls.recvmsg(this.#fd, message.header, MSG_CMSG_CLOEXEC) >= 0n) break;
      if (errno() !== EINTR) return false;
    }
    const { fd, number } = message;
    if (fd !== null) this.#early.set(number, fd);
    return true;
  }

  /** Closes it, once: afterwards the number may be somebody else's. */
  close(): void {
    for (const fd of this.#early.values()) closeDescriptor(fd);
    this.#early.clear();
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}

/** The end that hands files over. */
export class FileSender {
  #fd: number;
  readonly #calls: PollCalls;
  readonly #message = new Message();

  private constructor(fd: number, calls: PollCalls) {
    this.#fd = fd;
    this.#calls = calls;
  }

  /** Connects to the socket `path`. null: not here. @throws the runtime's error for what the system says. */
  static join(path: string): FileSender | null {
    return socket(path, "connect", (fd, calls) => new FileSender(fd, calls));
  }

  /** Hands `fd` over, which stays the caller's as well. False: it can't be, now. */
  send(number: number, fd: number): boolean {
    this.#message.put(number, fd);
    for (;;) {
      if (this.#calls.sendmsg(this.#fd, this.#message.header, MSG_NOSIGNAL) >= 0n) return true;
      if (errno() !== EINTR) return false;
    }
  }

  /** Closes it, once: afterwards the number may be somebody else's. */
  close(): void {
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}
