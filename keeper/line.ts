/**
 * The line between front and keeper: a Unix socket that has no name any more when the first byte is sent on it.
 *
 * The front, still root, listens in a directory that only root may enter, starts the keeper, takes the one connection and
 * removes both: nobody else can ever come. A socket and not the keeper's standard input and output, because Deno reads those in
 * a thread of its own for each piece: a question and its answer cost several times as much there.
 */
import { FileReceiver, FileSender } from "../net/hand_over.ts";
import { connectUnixPolled, listenUnixPolled } from "../net/polled.ts";
import type { Duplex } from "../net/types.ts";
import type { WriteAll, WriteNow } from "./writer.ts";

/** Both directions of a line. */
export interface Line<Files> {
  /** Pieces that are valid until the next is asked for. Ends when the other side has gone. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly write: WriteAll;
  /** null: every write is waited for. */
  readonly writeNow: WriteNow | null;
  /** Files that the keeper opened go this way to the front; null where they can't. */
  readonly files: Files | null;
  /** Nothing more is written; what the other side still says is heard. */
  end(): Promise<void>;
  close(): void;
}

const READ_BYTES = 64 * 1024;

async function* pieces(conn: Duplex): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      yield buffer.subarray(0, n);
    }
  } catch (error) {
    // The other side was killed with answers unread, or this one closed the line.
    const isEnd = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
    if (!isEnd) throw error;
  }
}

function lineOf<Files extends { close(): void }>(
  conn: Duplex,
  files: Files | null,
): Line<Files> {
  return {
    input: pieces(conn),
    files,
    writeNow: conn.writeNow === undefined ? null : (bytes, length) => conn.writeNow!(bytes, length),
    async write(bytes) {
      for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
    },
    end: () => conn.closeWrite(),
    close() {
      files?.close();
      conn.close();
    },
  };
}

/** The keeper's end. @throws what Deno throws when nobody listens there. */
export async function joinLine(path: string): Promise<Line<FileSender>> {
  // First, because the names are gone when the front has taken the line.
  const files = FileSender.join(filesPath(path));
  return lineOf(connectUnixPolled(path) ?? await Deno.connect({ transport: "unix", path }), files);
}

/** Beside the line. */
const filesPath = (path: string): string => `${path}.files`;

/** The front's end: waits for the one that `start` brings up. */
export interface LineOffer {
  /** What the keeper is to be told. */
  readonly path: string;
  /** The line, once the keeper has come. Rejects with `gone`'s reason when it never does. */
  take(gone: Promise<never>): Promise<Line<FileReceiver>>;
  /** Nobody will come. */
  withdraw(): void;
}

/** Where nobody else can move a directory of ours away. Not what TMPDIR says: that may be somebody's, or too long. */
const PLACES = ["/run", "/tmp", "/var/tmp"];

/** @throws {Error} when there is no place */
function makeDirectory(places: readonly string[]): string {
  const reasons: string[] = [];
  for (const dir of places) {
    try {
      const mode = Deno.statSync(dir).mode ?? 0;
      if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) {
        reasons.push(`in "${dir}" others can move what is ours`);
      } else return Deno.makeTempDirSync({ dir, prefix: "qfront-keeper-" });
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`There is no place for its socket: ${reasons.join("; ")}`);
}

/** Opens the front's end. @throws {Error} when there is no place for a socket. */
export function offerLine(places: readonly string[] = PLACES): LineOffer {
  const directory = makeDirectory(places);
  const path = `${directory}/line`;
  let listener: { accept(): Promise<Duplex>; close(): void };
  let files: FileReceiver | null = null;
  try {
    files = FileReceiver.open(filesPath(path));
    listener = listenUnixPolled(path) ?? Deno.listen({ transport: "unix", path });
  } catch (error) {
    files?.close();
    Deno.removeSync(directory, { recursive: true });
    throw error;
  }
  const removeNames = () => {
    listener.close();
    Deno.removeSync(directory, { recursive: true });
  };
  return {
    path,
    withdraw() {
      removeNames();
      files?.close();
    },
    async take(gone) {
      try {
        return lineOf(await Promise.race([listener.accept(), gone]), files);
      } catch (error) {
        files?.close();
        throw error;
      } finally {
        removeNames();
      }
    },
  };
}
