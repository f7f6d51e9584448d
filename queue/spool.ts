/**
 * A message that must be complete before it can go on: up to 64 KiB in memory, the rest in a nameless temporary file.
 *
 * The file is removed as soon as it is open, so that nothing stays behind, whatever happens to the process. It is not synced: nothing
 * is promised to anybody yet.
 */
import { errorText } from "./file_ops.ts";
import { MEMORY_BYTES, openMemory } from "./memory.ts";

export interface Spool {
  /** Message bytes so far. */
  readonly bytes: number;
  /** Why the message can't be kept: a sentence; null while it can. */
  readonly trouble: string | null;
  /** True once a part of the message is in the file. */
  readonly onDisk: boolean;
  /** Keeps a copy of `chunk`. Never rejects. */
  write(chunk: Uint8Array): void | Promise<void>;
  /** The message from its beginning, in pieces that are valid until the next is asked for. Can be called again. Rejects when the file fails. */
  read(): AsyncGenerator<Uint8Array>;
  close(): void;
}

/** A nameless file. @throws what Deno throws. */
function openNameless(): Deno.FsFile {
  const path = Deno.makeTempFileSync({ prefix: "qfront-spool-" });
  try {
    return Deno.openSync(path, { read: true, write: true });
  } finally {
    Deno.removeSync(path);
  }
}

/** An empty spool. */
export function openSpool(): Spool {
  const memory = openMemory();
  let file: Deno.FsFile | null = null;
  let bytes = 0;
  let trouble: string | null = null;
  let kept: Uint8Array = new Uint8Array(0);

  async function append(piece: Uint8Array): Promise<void> {
    try {
      file ??= openNameless();
      for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
    } catch (error) {
      trouble ??= `Cannot keep the message in a temporary file: ${errorText(error)}`;
    }
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    const waiting = memory.empty();
    if (waiting.length > 0) {
      if (file === null) kept = waiting;
      else await append(waiting);
    }
    if (trouble !== null) throw new Error(trouble);
    if (file === null) {
      yield kept;
      return;
    }
    await file.seek(0, Deno.SeekMode.Start);
    const buffer = new Uint8Array(MEMORY_BYTES);
    for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) {
      yield buffer.subarray(0, n);
    }
  }

  return {
    get bytes() {
      return bytes;
    },
    get onDisk() {
      return file !== null;
    },
    get trouble() {
      return trouble;
    },
    write(chunk) {
      bytes += chunk.length;
      if (trouble !== null || memory.take(chunk)) return undefined;
      const waiting = memory.empty();
      const piece = new Uint8Array(waiting.length + chunk.length);
      piece.set(waiting);
      piece.set(chunk, waiting.length);
      return append(piece);
    },
    read,
    close() {
      file?.close();
      file = null;
      memory.empty();
    },
  };
}
