/** A keeper and its front in one process, with pipes of memory and services that a test makes up. */
import type { Account } from "../../../auth/types.ts";
import type { Proofs } from "../../../keeper/client.ts";
import { KeeperConnection } from "../../../keeper/connection.ts";
import { encodeFrame, type Frame, FrameReader, type Header } from "../../../keeper/frames.ts";
import type { KeeperServices } from "../../../keeper/operations.ts";
import { VERSION } from "../../../keeper/protocol.ts";
import { runKeeper } from "../../../keeper/server.ts";
import type { FileSender } from "../../../net/hand_over.ts";
import { FrameWriter } from "../../../keeper/writer.ts";
import type { Listing, Message } from "../../../pop3/listing.ts";
import type { Maildrop } from "../../../pop3/maildrop.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";

export const JOE: Account = {
  login: "joe@example.org",
  user: null,
  uid: 1000,
  gid: 1000,
  home: "/home/joe",
  maildir: null,
};

const NO_STAMP = { dev: 0, ino: 0, mtimeMs: 0, ctimeMs: 0, size: 0 } as const;

const never = (): never => {
  throw new Error("Nobody was to ask this");
};

/** Services of which a test gives those it needs. */
export function makeServices(some: Partial<KeeperServices> = {}): KeeperServices {
  return {
    lookup: {
      lookup: never,
      rcptHosts: never,
      readInstructions: never,
      maildirsOf: never,
      control: { line: never, lines: never, integer: never, text: never },
    },
    auth: {
      source: "poppasswd",
      secrets: null,
      checkPassword: (login, password) =>
        Promise.resolve(
          login === JOE.login && password === "sesame"
            ? { kind: "ok", account: JOE }
            : { kind: "refused" },
        ),
    },
    queue: {
      name: "maildir",
      inHand: 0,
      open: never,
      idle: () => Promise.resolve(),
      canDeliver: never,
    },
    openMaildrop: never,
    maxDrops: 10,
    maxMails: 10,
    ...some,
  };
}

/** A keeper at work. */
export interface Running {
  /** Writes to its input. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends its input. */
  end(): Promise<void>;
  readonly output: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** False: a breach. */
  readonly ended: Promise<boolean>;
  readonly complaints: string[];
}

/** Starts a keeper with pipes of memory. */
export function runInMemory(
  services: KeeperServices,
  reload = () => Promise.resolve(),
  files: FileSender | null = null,
): Running {
  const input = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const output = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const to = input.writable.getWriter();
  const from = output.writable.getWriter();
  const complaints: string[] = [];
  const ended = runKeeper({
    input: input.readable,
    output: new FrameWriter((bytes) => from.write(bytes)),
    files,
    services: () => services,
    reload,
    complain: (sentence) => void complaints.push(sentence),
  }).finally(() => {
    // Not waited for: perhaps nobody reads what is left.
    from.close().catch(() => undefined);
  });
  return {
    write: (bytes) => to.write(bytes),
    end: () => to.close().catch(() => undefined),
    output: output.readable,
    ended,
    complaints,
  };
}

/** A keeper and a greeted connection to it. */
export async function connect(
  services: KeeperServices,
  more: { readonly reload?: () => Promise<void>; readonly files?: FileSender } = {},
) {
  const running = runInMemory(services, more.reload, more.files);
  const tracer = createMemoryTracer(4);
  const connection = new KeeperConnection({
    input: running.output,
    output: new FrameWriter((bytes) => running.write(bytes)),
    tracer,
  });
  await connection.greet();
  return { running, connection, tracer };
}

/** A front that says what it likes: sends frames and reads the answers. */
export function openRaw(running: Running) {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  const from = running.output.getReader();
  const next = async (): Promise<Frame | null> => {
    while (frames.length === 0) {
      const { value, done } = await from.read();
      if (done) return null;
      frames.push(...reader.push(value));
    }
    return frames.shift() ?? null;
  };
  return {
    next,
    send: (header: Header, payload?: Uint8Array) => running.write(encodeFrame(header, payload)),
    async hello(): Promise<void> {
      await running.write(encodeFrame({ q: 0, op: "hello", version: VERSION }));
      await next();
    },
  };
}

const message = (i: number): Message => ({
  name: `name${i}`,
  inNew: false,
  base: `name${i}`,
  mtime: i,
  raw: i,
  sent: -1,
  octets: -1,
  twin: false,
});

/** A maildrop of `count` messages of which each has `text`; notes what is done to it. */
export function makeDrop(count: number, text: (index: number) => Uint8Array) {
  const done = { opened: 0, closed: 0, dropsClosed: 0, deleted: [] as number[] };
  const messages = Array.from({ length: count }, (_, i) => message(i));
  const listing: Listing = {
    messages,
    uniqueIds: messages.map((m) => `unique-id-${m.base}`),
    byBase: new Map(),
    stamps: [NO_STAMP, NO_STAMP],
    takenMs: 0,
    nextShow: Infinity,
    asked: 0,
    octets: -1,
    rawBytes: 4711,
    replies: { list: null, uidl: null },
  };
  const read = (bytes: Uint8Array, at: { n: number }, into: Uint8Array): number => {
    // Short reads, as a file may give them.
    const count = Math.min(into.length, bytes.length - at.n, 10_000);
    into.set(bytes.subarray(at.n, at.n + count));
    at.n += count;
    return count;
  };
  const maildrop: Maildrop = {
    path: "/home/joe/Maildir",
    listing,
    cached: false,
    settleSizes() {
      for (const m of messages) m.octets = m.raw * 2;
      listing.octets = messages.reduce((sum, m) => sum + m.octets, 0);
    },
    open(index) {
      done.opened++;
      const bytes = text(index);
      const at = { n: 0 };
      return {
        readNow: (into) => read(bytes, at, into),
        read: (into) => Promise.resolve(read(bytes, at, into)),
        close: () => void done.closed++,
      };
    },
    update(deleted) {
      done.deleted = [...deleted];
      return { removed: deleted.size, moved: 1, notRemoved: 0, notMoved: 2, reason: "why" };
    },
    close: () => void done.dropsClosed++,
  };
  return { maildrop, done };
}

/** The token of a proven account; "" when there is none. */
export function tokenOf(tokens: Proofs, account: Account): string {
  const proof = tokens.get(account);
  return proof !== undefined && "token" in proof ? proof.token : "";
}
