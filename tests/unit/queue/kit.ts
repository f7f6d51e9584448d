/** What the tests of queue/ share: Maildirs, routes, recorded and broken file operations, stand-in programs. */
import { assertEquals } from "@std/assert";
import type { Fields, TraceEvent, Tracer } from "../../../trace/tracer.ts";
import {
  type FileOps,
  FILES,
  type FileSystem,
  type OpenFile,
  type ShortFile,
} from "../../../queue/file_ops.ts";
import {
  type MaildirOptions,
  type MaildirQueue,
  openMaildirQueue,
} from "../../../queue/maildir.ts";
import type { Instruction, LocalRoute } from "../../../queue/plan.ts";
import type { Queue, QueueOutcome } from "../../../queue/types.ts";
import { libc } from "../../../queue/libc.ts";
import { startBySpawn } from "../../../queue/spawn_ffi.ts";
import { bytesOf } from "../../../queue/local_lines.ts";

// Opened here, for the whole file: the test that happened to be first would be told that it leaks a library.
libc();
await startBySpawn("/nonexistent", {}, null)?.catch(() => {});

/** A tracer that keeps its lines as "id text". */
export function keepTrace(): Tracer & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    level: 4,
    lines,
    emit<F extends Fields>(_session: number, event: TraceEvent<F>, fields: F) {
      lines.push(`${event.id} ${event.text(fields)}`);
    },
  };
}

/** Runs `test` in a temporary directory that is gone afterwards. */
export async function inTempDir(test: (dir: string) => Promise<void> | void): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await test(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

export function makeMaildir(path: string): string {
  for (const name of ["tmp", "new", "cur"]) Deno.mkdirSync(`${path}/${name}`, { recursive: true });
  return path;
}

export const names = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map((e) => e.name).sort();

/** Contents of all files in new/, as binary strings. */
export function mails(maildir: string): string[] {
  return names(`${maildir}/new`).map((name) => {
    const bytes = Deno.readFileSync(`${maildir}/new/${name}`);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return text;
  });
}

export const maildirTo = (text: string): Instruction => ({
  kind: "maildir",
  text,
  where: "line 1",
});
export const forwardTo = (text: string): Instruction => ({
  kind: "forward",
  text,
  where: "line 1",
});

/** A route that delivers. */
export function route(
  home: string,
  instructions: readonly Instruction[],
  more: Partial<LocalRoute> = {},
): LocalRoute {
  return {
    outcome: "deliver",
    reason: "a test says so",
    rewritten: "joe@example.com",
    owner: null,
    home,
    instructions,
    forwardSender: (sender) => sender,
    ...more,
  };
}

/** A Maildir queue in which every address `x@...` has the Maildir `dir/x`. */
export function queueIn(dir: string, more: Partial<MaildirOptions> = {}): MaildirQueue {
  return openMaildirQueue({
    routing: (address) =>
      route(dir, [maildirTo(`./${address.split("@")[0]}/`)], { rewritten: address }),
    trace: keepTrace(),
    host: "mx.example.com",
    pid: 4711,
    ...more,
  });
}

/** Hands `text` over in one piece. */
export async function deliver(
  queue: Queue,
  recipients: readonly string[],
  text: string | Uint8Array,
  sender = "s@remote.example",
): Promise<QueueOutcome> {
  const delivery = await queue.open(7, { sender, recipients });
  await delivery.write(typeof text === "string" ? bytesOf(text) : text);
  return await delivery.commit();
}

export function assertKind(outcome: QueueOutcome, kind: QueueOutcome["kind"]): void {
  assertEquals(outcome.kind, kind, JSON.stringify(outcome));
}

/** The reason of an outcome that is not "queued". */
export const reasonOf = (outcome: QueueOutcome): string =>
  outcome.kind === "queued" ? `queued ${outcome.id}` : outcome.reason;

/** An error as Deno throws it. */
export function osError(code: string, text: string): Error {
  return Object.assign(new Error(`${text} (os error)`), { code });
}

/**
 * File operations that write down what they do ("create tmp", "write tmp", "sync file", "sync fs", "link new", "sync dir", "remove tmp",
 * "remove new", "close") and call `before` ahead of each: what it throws is that operation's error. `whole`: a file system that can be
 * synced as a whole.
 */
export function watchedOps(
  log: string[],
  whole: boolean,
  before: (step: string) => void = () => {},
): FileOps {
  const part = (path: string) => path.split("/").at(-2) ?? "";
  const did = (step: string) => {
    log.push(step);
    before(step);
  };
  const didLater = (step: string) => {
    log.push(step);
    return new Promise<void>((resolve) => queueMicrotask(resolve)).then(() => before(step));
  };
  function watchedShort(file: ShortFile): ShortFile {
    return {
      write(bytes) {
        did("write tmp");
        file.write(bytes);
      },
      close() {
        log.push("close");
        file.close();
      },
    };
  }
  function watchedFile(file: OpenFile): OpenFile {
    return {
      ...watchedShort(file),
      async writeLater(bytes) {
        await didLater("write tmp");
        await file.writeLater(bytes);
      },
      sync: () => didLater("sync file"),
      size: () => file.size(),
      rewind: (offset) => file.rewind(offset),
      read: (buffer) => file.read(buffer),
    };
  }
  const fileSystem: FileSystem = {
    sync: () => didLater("sync fs"),
    syncNow: () => did("sync fs in place"),
    close: () => {},
  };
  return {
    create(path) {
      did(`create ${part(path)}`);
      return watchedFile(FILES.create(path));
    },
    createShort(path) {
      did(`create ${part(path)}`);
      return watchedShort(FILES.createShort(path));
    },
    openAppending: (path) => FILES.openAppending(path),
    link(from, to) {
      did(`link ${part(to)}`);
      FILES.link(from, to);
    },
    remove(path) {
      did(`remove ${part(path)}`);
      FILES.remove(path);
    },
    syncDirectory: () => didLater("sync dir"),
    syncDirectoryNow: () => did("sync dir in place"),
    device: (directory) => FILES.device(directory),
    fileSystem: () => whole ? fileSystem : null,
    as: (_owner, action) => action(),
  };
}

/** Writes an executable stand-in for qmail-queue: `script` is /bin/sh. */
export function standIn(dir: string, script: string): string {
  const path = `${dir}/qmail-queue`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

/** For what must not be called. */
export function unexpected(): never {
  throw new Error("Nobody expected this call");
}
