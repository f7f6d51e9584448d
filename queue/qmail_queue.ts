/**
 * Hands messages over to a qmail-queue program: bin/qmail-queue, or what QMAILQUEUE names.
 *
 * Mirrors qmail.c as qmail-smtpd uses it. The envelope begins only after the complete message, and its end is written only then: a program
 * that sees an unfinished envelope queues nothing. Only the exit code counts. A program that takes too long is killed.
 * DIFFERS: the program is started when the message is complete or longer than 64 KiB, not at DATA: a message that is never finished
 * costs none. When half of the allowed programs run, longer messages wait in a nameless temporary file until they are complete,
 * so that slow clients can't hold all programs.
 * Memory: 64 KiB; a program that takes the message as it comes makes its pace the client's.
 */
import type { Delivery, Envelope, Queue, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";
import { errorText } from "./file_ops.ts";
import { outcomeOfEnd } from "./exit_codes.ts";
import { createHandCount, traceOutcome } from "./hand_count.ts";
import { bytesOf } from "./local_lines.ts";
import { MEMORY_BYTES } from "./memory.ts";
import { openSpool, type Spool } from "./spool.ts";
import type { Program, ProgramEnd, StartProgram } from "./program.ts";
import { startProgram } from "./start_program.ts";
import { createSlots, type Slots } from "./slots.ts";

export interface QmailQueueOptions {
  /** Absolute path of the program when a session's environment names no other. */
  readonly program: string;
  /** Where a relative QMAILQUEUE begins and where programs start: the qmail directory, as for qmail-smtpd. */
  readonly directory: string;
  /** Environment of the programs; a session's own is laid over it. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Programs at one time. */
  readonly maxPrograms: number;
  readonly trace: Tracer;
  readonly start?: StartProgram;
}

/** One message in hand. */
interface Message {
  readonly session: number;
  readonly envelope: Envelope;
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly spool: Spool;
  bytes: number;
  program: Program | null;
  timedOut: boolean;
  /** Why the message can't be handed over. */
  trouble: string | null;
}

interface Shared {
  readonly options: QmailQueueOptions;
  readonly slots: Slots;
  readonly start: StartProgram;
  /** Null where the qmail directory is none: a program elsewhere may run all the same. */
  readonly directory: string | null;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Opens the queue. */
export function openQmailQueue(options: QmailQueueOptions): Queue {
  const shared: Shared = {
    options,
    slots: createSlots(options.maxPrograms),
    start: options.start ?? startProgram,
    directory: isDirectory(options.directory) ? options.directory : null,
  };
  const hand = createHandCount();
  return {
    name: "qmail-queue",
    get inHand() {
      return hand.count;
    },
    open(session, envelope, env) {
      hand.took();
      const own = typeof env === "function" ? env() : env ?? {};
      return openDelivery(shared, session, envelope, own, () => hand.gave());
    },
    idle: () => hand.idle(),
  };
}

/** The program of a session: QMAILQUEUE of its connection rule, else the queue's. */
function programPath(options: QmailQueueOptions, env: Readonly<Record<string, string>>): string {
  const own = env["QMAILQUEUE"] ?? "";
  if (own === "") return options.program;
  return own.startsWith("/") ? own : `${options.directory}/${own}`;
}

function openDelivery(
  shared: Shared,
  session: number,
  envelope: Envelope,
  env: Readonly<Record<string, string>>,
  done: () => void,
): Delivery {
  const { options } = shared;
  const message: Message = {
    session,
    envelope,
    path: programPath(options, env),
    env: { ...options.env, ...env },
    spool: openSpool(),
    bytes: 0,
    program: null,
    timedOut: false,
    trouble: null,
  };
  return {
    write: (chunk) => takeChunk(shared, message, chunk),
    async commit() {
      const outcome = await commit(shared, message);
      message.spool.close();
      traceOutcome(options.trace, "qmail-queue", session, envelope, outcome, message.bytes);
      done();
      return outcome;
    },
    async abort() {
      message.spool.close();
      if (message.program !== null) {
        message.program.message.end();
        message.program.envelope.end();
        await finish(shared, message, message.program);
      }
      done();
    },
  };
}

function takeChunk(shared: Shared, message: Message, chunk: Uint8Array): void | Promise<void> {
  message.bytes += chunk.length;
  if (message.trouble !== null) return;
  const { program, spool } = message;
  if (program !== null) return passOn(shared, message, program.message.write(chunk));
  const short = message.bytes <= MEMORY_BYTES;
  if (short || spool.onDisk || !shared.slots.roomy) return spool.write(chunk);
  // The chunk is the caller's again as soon as this call returns.
  const copy = chunk.slice();
  return begin(shared, message).then(async () => {
    if (message.program === null) return;
    await sendSpooled(shared, message, message.program);
    await passOn(shared, message, message.program.message.write(copy));
  });
}

/** Waits for a program that is slower than its client. */
function passOn(
  shared: Shared,
  message: Message,
  written: void | Promise<void>,
): void | Promise<void> {
  return written instanceof Promise ? withinTime(shared, message, written) : undefined;
}

/** Waits for the program, but not longer than allowed: then it is killed, which ends every wait for it. */
async function withinTime<T>(shared: Shared, message: Message, wait: Promise<T>): Promise<T> {
  const timer = setTimeout(() => {
    message.timedOut = true;
    message.program?.kill();
  }, shared.options.timeoutSeconds * 1000);
  try {
    return await wait;
  } finally {
    clearTimeout(timer);
  }
}

/** Starts the program of a message, when a place is free. */
async function begin(shared: Shared, message: Message): Promise<void> {
  const { timeoutSeconds } = shared.options;
  if (!await shared.slots.take(timeoutSeconds * 1000)) {
    message.trouble = `All ${shared.options.maxPrograms} qmail-queue programs were busy for ` +
      `${timeoutSeconds} seconds`;
    return;
  }
  try {
    message.program = await shared.start(message.path, message.env, shared.directory);
  } catch (error) {
    shared.slots.give();
    message.trouble = errorText(error);
  }
}

/** Gives the program what waited for it. */
async function sendSpooled(shared: Shared, message: Message, program: Program): Promise<void> {
  try {
    for await (const piece of message.spool.read()) {
      if (program.message.broken) break;
      await passOn(shared, message, program.message.write(piece));
    }
  } catch (error) {
    message.trouble ??= errorText(error);
  }
}

/** Everything after the last byte. Never rejects. */
async function commit(shared: Shared, message: Message): Promise<QueueOutcome> {
  message.trouble ??= message.spool.trouble;
  const streamed = message.program !== null;
  if (!streamed && message.trouble === null) await begin(shared, message);
  const program = message.program;
  if (program === null) return deferred(message.trouble ?? "No program was started");
  if (!streamed) await sendSpooled(shared, message, program);
  const end = await withinTime(shared, message, handOver(shared, message, program));
  if (message.timedOut) {
    return deferred(`qmail-queue took longer than ${shared.options.timeoutSeconds} seconds`);
  }
  if (message.trouble !== null) return deferred(message.trouble);
  if (end.code === 0 && !end.complete) {
    return deferred("qmail-queue ended before it had read the whole message");
  }
  return outcomeOfEnd(end, program.errorText(), `qp ${program.pid}`);
}

const deferred = (reason: string): QueueOutcome => ({ kind: "deferred", code: "4.3.0", reason });

/** Ends the message, sends the envelope if the message is complete, and waits for the program's end. */
async function handOver(
  shared: Shared,
  message: Message,
  program: Program,
): Promise<ProgramEnd & { readonly complete: boolean }> {
  await program.message.end();
  const whole = message.trouble === null && !program.message.broken;
  if (whole) await writeEnvelope(program, message.envelope);
  void program.envelope.end();
  const end = await finish(shared, message, program);
  // Only now: what was left in a pipe may be known to be lost a moment after the program's end.
  const complete = whole && !program.message.broken && !program.envelope.broken;
  return { ...end, complete };
}

/** Bytes of the envelope that are put together before they are written. */
const ENVELOPE_PIECE = 32768;

/** F<sender> NUL, T<recipient> NUL for each, and the NUL that ends it. */
async function writeEnvelope(program: Program, envelope: Envelope): Promise<void> {
  let piece = `F${envelope.sender}\0`;
  for (const recipient of envelope.recipients) {
    piece += `T${recipient}\0`;
    if (piece.length < ENVELOPE_PIECE) continue;
    await program.envelope.write(bytesOf(piece));
    if (program.envelope.broken) return;
    piece = "";
  }
  await program.envelope.write(bytesOf(`${piece}\0`));
}

/** Waits for the program's end and lets the next one start. */
async function finish(shared: Shared, message: Message, program: Program): Promise<ProgramEnd> {
  const end = await withinTime(shared, message, program.ended);
  shared.slots.give();
  if (shared.options.trace.level >= 2) {
    const how = end.code === null ? `signal ${end.signal}` : `exit ${end.code}`;
    shared.options.trace.emit(message.session, QUEUE_EVENTS.program, {
      program: message.path,
      pid: program.pid,
      end: message.timedOut ? `${how}, killed after the time limit` : how,
    });
  }
  return end;
}
