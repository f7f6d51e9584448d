/**
 * The trace as it is written: events become lines, lines are gathered and leave together as soon as the event loop
 * has nothing better to do.
 *
 * Trace trouble never touches mail: what can't be written is dropped and counted, and the count stands in the trace
 * once it can be written again. Secrets are not known here: rooms replace them before they emit.
 */
import { TRACE_EVENTS } from "./events_trace.ts";
import { jsonFormat } from "./json.ts";
import { katrFormat, katrWriter, type LineFormat, type LineWriter } from "./katr.ts";
import { LineBytes } from "./line_bytes.ts";
import { logfmtFormat } from "./logfmt.ts";
import { type Mask, maskFields } from "./privacy.ts";
import { type TraceFormat, withRemoteIp } from "./remote_ip.ts";
import { FileSink, type OnTrouble, type Sink, StreamSink, type StreamWriter } from "./sink.ts";
import type { Fields, TraceEvent, Tracer } from "./tracer.ts";

export interface TraceOptions {
  /** Path (see tracePath), or "-" or "stderr"; empty: no trace. */
  readonly file: string;
  /** 0 to 4; 0: no trace. */
  readonly level: number;
  readonly format: TraceFormat;
  /** Every line names the client's address. */
  readonly remoteIp?: boolean;
  /** Masks addresses of people and clients. */
  readonly mask?: Mask | null;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Takes one sentence each time that writing stops being possible. */
  readonly onTrouble: OnTrouble;
  /** What "stderr" is; Deno.stderr unless given. */
  readonly stderr?: StreamWriter;
}

export interface FileTracer extends Tracer {
  /** Writes what was gathered: at once to a file, as far as the reader allows to stderr. */
  flush(): void;
  /** Opens the file anew (SIGHUP). */
  reopen(): void;
  /** Writes what was gathered; lines after that are dropped. Resolves within a second. */
  close(): Promise<void>;
}

/** Gathered text that is written without waiting for the event loop, and at most kept for a slow reader. */
const FLUSH_BYTES = 65_536;
const KEEP_BYTES = 1_048_576;
const CLOSE_MILLIS = 1000;

/** True for the names that mean standard error. */
export const isStderr = (file: string): boolean => file === "-" || /^(\/dev\/)?stderr$/i.test(file);

/**
 * Where trace_file lies: relative names below the qmail directory, absolute ones below `root` (--root).
 * The names for stderr and the empty one stay.
 */
export function tracePath(file: string, qmailDir: string, root = ""): string {
  if (file === "" || isStderr(file)) return file;
  return file.startsWith("/") ? root.replace(/\/+$/, "") + file : `${qmailDir}/${file}`;
}

/** Opens the trace. Never throws: trouble is told to `onTrouble`, and tried again now and then. */
export function openTrace(options: TraceOptions): FileTracer {
  if (options.level < 1 || options.file === "") return OFF;
  const clock = options.clock ?? Date.now;
  const sink = isStderr(options.file)
    ? new StreamSink(options.stderr ?? Deno.stderr)
    : new FileSink(options.file, clock, options.onTrouble);
  return new GatheringTracer(options.level, writerOf(options), clock, sink);
}

const FORMATS: Readonly<Record<TraceFormat, () => LineFormat>> = {
  katr: katrFormat,
  json: jsonFormat,
  logfmt: logfmtFormat,
};

function writerOf(options: TraceOptions): LineWriter {
  const { format, remoteIp, mask = null } = options;
  if (format === "katr" && remoteIp !== true && mask === null) return katrWriter();
  const line = formatOf(options);
  return (lines, now, session, event, fields) => lines.text(line(now, session, event, fields));
}

function formatOf({ format, remoteIp, mask = null }: TraceOptions): LineFormat {
  const lines = FORMATS[format]();
  const told = remoteIp === true ? withRemoteIp(format, lines) : lines;
  if (mask === null) return told;
  return (now, session, event, fields) => told(now, session, event, maskFields(mask, fields));
}

const OFF: FileTracer = {
  level: 0,
  emit() {},
  flush() {},
  reopen() {},
  close: () => Promise.resolve(),
};

class GatheringTracer implements FileTracer {
  readonly #pending = new LineBytes();
  #lines = 0;
  #lost = 0;
  #timer: number | null = null;
  #closed = false;
  readonly #write: LineWriter;

  constructor(
    readonly level: number,
    write: LineWriter,
    readonly clock: () => number,
    readonly sink: Sink,
  ) {
    this.#write = write;
    sink.onReady = () => {
      if (this.#pending.length > 0) this.flush();
    };
  }

  emit<F extends Fields>(session: number, event: TraceEvent<F>, fields: F): void {
    if (event.level > this.level || this.#closed) return;
    if (this.#pending.length >= KEEP_BYTES) {
      this.#lost++;
      return;
    }
    this.#write(this.#pending, this.clock(), session, event, fields);
    this.#lines++;
    if (this.#pending.length >= FLUSH_BYTES) this.flush();
    else this.#timer ??= setTimeout(this.#onTimer, 0);
  }

  readonly #onTimer = () => {
    this.#timer = null;
    this.flush();
  };

  flush(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    if (this.#pending.length === 0) return;
    const keeps = this.sink instanceof StreamSink;
    // A slow reader gets it later; a file in trouble never: a day without disk would fill the memory.
    if (keeps && !this.sink.ready) return;
    if (this.sink.write(this.#withLoss(keeps))) this.#lost = 0;
    else this.#lost += this.#lines;
    this.#pending.clear();
    this.#lines = 0;
  }

  /** What was gathered, with a line about lost ones where they are missing: behind it, or before. */
  #withLoss(isBehind: boolean): Uint8Array {
    if (this.#lost === 0) return this.#pending.view();
    const told = isBehind ? this.#pending : new LineBytes();
    this.#write(told, this.clock(), 0, TRACE_EVENTS.lost, { lines: this.#lost });
    if (!isBehind) told.append(this.#pending.view());
    return told.view();
  }

  reopen(): void {
    this.flush();
    this.sink.reopen();
  }

  async close(): Promise<void> {
    this.flush();
    await this.sink.close(CLOSE_MILLIS);
    this.#closed = true;
  }
}
