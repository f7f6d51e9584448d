/**
 * Log files as streams of records: plain, gzip'd, multilog's directories, standard input ("-").
 *
 * A file is open only while it is read, with one piece of it in memory. What lies behind a rotated log is found by looking
 * into it, not by its name: gzip by its first two bytes.
 */
import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { readLine } from "./read_line.ts";
import type { Timed } from "./record.ts";

const PIECE_BYTES = 262_144;
/** A longer line is no log line: it is passed over. */
const MOST_LINE_CHARS = 65_536;

/** What was read, for the report and the progress bar. */
export interface ReadCount {
  bytes: number;
  lines: number;
  /** Lines that nobody here understands. */
  unknown: number;
  /** Records without a time. */
  timeless: number;
}

/** One log. */
export interface Source {
  readonly name: string;
  /** Bytes on disk; 0: not known. */
  readonly bytes: number;
  /** It was written until then: milliseconds since 1970. */
  readonly beforeMs: number;
  open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** A log that can't be read. The message is one sentence. */
export class SourceError extends Error {
  override name = "SourceError";
}

const why = (error: unknown): string =>
  error instanceof Deno.errors.NotFound
    ? "it does not exist"
    : (error instanceof Error ? error.message : String(error)).replace(/ \(os error \d+\).*$/s, "");

function fileSource(path: string): Source {
  try {
    const { size, mtime } = Deno.statSync(path);
    return {
      name: path,
      bytes: size,
      beforeMs: mtime?.getTime() ?? Date.now(),
      async open() {
        try {
          return (await Deno.open(path)).readable;
        } catch (error) {
          throw new SourceError(`Log "${path}" can't be read: ${why(error)}`);
        }
      },
    };
  } catch (error) {
    throw new SourceError(`Log "${path}" can't be read: ${why(error)}`);
  }
}

/** In a directory of multilog or svlogd: the logs, and neither state nor lock. */
const isLog = (name: string): boolean => name === "current" || /^@[0-9a-f]{24}\.[sut]/.test(name);

function directorySources(path: string): Source[] {
  const names = [...Deno.readDirSync(path)].map((entry) => entry.name).filter(isLog).sort();
  if (names.length === 0) throw new SourceError(`Directory "${path}" holds no log of multilog`);
  return names.map((name) => fileSource(`${path}/${name}`));
}

/** The logs that `operands` name. @throws {SourceError} */
export function findSources(operands: readonly string[], nowMs: number): Source[] {
  return operands.flatMap((operand): Source[] => {
    if (operand === "-") {
      return [{
        name: "-",
        bytes: 0,
        beforeMs: nowMs,
        open: () => Promise.resolve(Deno.stdin.readable),
      }];
    }
    const source = fileSource(operand);
    try {
      return Deno.statSync(operand).isDirectory ? directorySources(operand) : [source];
    } catch (error) {
      if (error instanceof SourceError) throw error;
      throw new SourceError(`Log "${operand}" can't be read: ${why(error)}`);
    }
  });
}

/** Lines given one by one, as a source: for tests and for other readers. */
export function textSource(text: string, beforeMs = Date.now()): Source {
  const bytes = Uint8Array.from(Buffer.from(text, "latin1"));
  const open = () => Promise.resolve(new Blob([bytes]).stream() as ReadableStream<typeof bytes>);
  return { name: "(text)", bytes: bytes.length, beforeMs, open };
}

type Pieces = AsyncGenerator<Uint8Array>;

async function* counted(source: Source, count: ReadCount): Pieces {
  for await (const piece of await source.open()) {
    count.bytes += piece.length;
    yield piece;
  }
}

async function* startingWith(first: Uint8Array, rest: Pieces): Pieces {
  yield first;
  yield* rest;
}

/** The pieces of a log, unpacked when its first bytes say gzip. Counts what lies on disk. */
async function* piecesOf(source: Source, count: ReadCount): Pieces {
  const raw = counted(source, count);
  try {
    const first = await raw.next();
    if (first.done === true) return;
    const pieces = startingWith(first.value, raw);
    if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
      yield* pieces;
      return;
    }
    const unzip = createGunzip({ chunkSize: PIECE_BYTES });
    // The pipeline's promise tells nothing that iterating does not.
    pipeline(pieces, unzip).catch(() => {});
    for await (const piece of unzip as AsyncIterable<Uint8Array>) yield piece;
  } finally {
    // Who wants no more closes the file.
    await raw.return(undefined);
  }
}

/** `piece` as text, one char a byte. */
const binaryOf = (piece: Uint8Array): string =>
  Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString("latin1");

/** A string of its own: a part of a large one would keep all of that in memory for as long as itself. */
const own = (part: string): string => (" " + part).slice(1);

/** The lines of a log, without their ends, one char a byte; an array for each piece. @throws {SourceError} */
export async function* linesOf(source: Source, count: ReadCount): AsyncGenerator<string[]> {
  let rest = "";
  try {
    for await (const piece of piecesOf(source, count)) {
      const lines = (rest + binaryOf(piece)).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MOST_LINE_CHARS) rest = rest.slice(0, MOST_LINE_CHARS + 1);
      yield lines;
    }
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new SourceError(`Log "${source.name}" can't be read to its end: ${why(error)}`);
  }
  if (rest !== "") yield [rest];
}

function readInto(batch: Timed[], line: string, source: Source, count: ReadCount): void {
  const end = own(line.endsWith("\r") ? line.slice(0, -1) : line);
  if (end === "") return;
  count.lines++;
  const timed = end.length > MOST_LINE_CHARS ? null : readLine(end, source.beforeMs);
  if (timed === null) {
    count.unknown++;
    return;
  }
  if (timed.whenMs === null) count.timeless++;
  batch.push(timed);
}

/** The records of a log, a batch for each piece of it. @throws {SourceError} */
export async function* batchesOf(source: Source, count: ReadCount): AsyncGenerator<Timed[]> {
  for await (const lines of linesOf(source, count)) {
    const batch: Timed[] = [];
    for (const line of lines) readInto(batch, line, source, count);
    if (batch.length > 0) yield batch;
  }
}
