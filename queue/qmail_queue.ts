/**
 * Hands messages over to a qmail-queue program: bin/qmail-queue, or what QMAILQUEUE names.
 *
 * Mirrors qmail.c as qmail-smtpd uses it. The envelope begins only after the complete message, and its end is written only then: a program
 * that sees an unfinished envelope queues nothing. Only the exit code counts. A program that takes too long is killed.
 * DIFFERS: the program is started when the message is complete or longer than 64 KiB, not at DATA: slow clients don't hold
 * programs, and a message that is never finished costs none.
 * Memory: 64 KiB; beyond, the program's pace is the client's.
 */
import type { Delivery, Envelope, Queue, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";
import { errorText } from "./file_ops.ts";
import { outcomeOfEnd } from "./exit_codes.ts";
import { createHandCount, traceOutcome } from "./hand_count.ts";
import { bytesOf } from "./local_lines.ts";
import { openMemory } from "./memory.ts";
import type { Program, ProgramEnd, StartProgram } from "./program.ts";
import { startProgram } from "./start_program.ts";
import { createSlots, type Slots } from "./slots.ts";

export interface QmailQueueOptions {
  /** Absolute path of the program when a session's environment names no other. */
  readonly program: string;
  /** Where a relative QMAILQUEUE begins (the qmail directory). */
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
  bytes: number;
  program: Program | null;
  timer: number | undefined;
  timedOut: boolean;
  /** Why the program could not be started. */
  trouble: string | null;
}

interface Shared {
  readonly options: QmailQueueOptions;
  readonly slots: Slots;
  readonly start: StartProgram;
}

/** Opens the queue. */
export function openQmailQueue(options: QmailQueueOptions): Queue {
  const shared: Shared = {
    options,
    slots: createSlots(options.maxPrograms),
    start: options.start ?? startProgram,
  };
  const hand = createHandCount();
  return {
    name: "qmail-queue",
    get inHand() {
      return hand.count;
    },
    open(session, envelope, env) {
      hand.took();
      return openDelivery(shared, session, envelope, env ?? {}, () => hand.gave());
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
  const memory = openMemory();
  const message: Message = {
    session,
    envelope,
    path: programPath(options, env),
    env: { ...options.env, ...env },
    bytes: 0,
    program: null,
    timer: undefined,
    timedOut: false,
    trouble: null,
  };
  return {
    write(chunk) {
      message.bytes += chunk.length;
      if (message.trouble !== null) return;
      if (message.program === null && memory.take(chunk)) return;
      return passOn(shared, message, memory.empty(), chunk);
    },
    async commit() {
      const outcome = await commit(shared, message, memory.empty());
      traceOutcome(options.trace, "qmail-queue", session, envelope, outcome, message.bytes);
      done();
      return outcome;
    },
    async abort() {
      memory.empty();
      if (message.program !== null) {
        message.program.message.end();
        message.program.envelope.end();
        await finish(shared, message, message.program);
      }
      done();
    },
  };
}

/** Starts the program of a message, when a slot is free. */
async function begin(shared: Shared, message: Message): Promise<void> {
  const { timeoutSeconds } = shared.options;
  if (!await shared.slots.take(timeoutSeconds * 1000)) {
    message.trouble = `All ${shared.options.maxPrograms} qmail-queue programs were busy for ` +
      `${timeoutSeconds} seconds`;
    return;
  }
  try {
    const program = await shared.start(message.path, message.env);
    message.program = program;
    message.timer = setTimeout(() => {
      message.timedOut = true;
      program.kill();
    }, timeoutSeconds * 1000);
  } catch (error) {
    shared.slots.give();
    message.trouble = errorText(error);
  }
}

/** Gives the program what waited in memory, and `chunk`, at the program's pace. */
async function passOn(
  shared: Shared,
  message: Message,
  waiting: Uint8Array,
  chunk: Uint8Array,
): Promise<void> {
  if (message.program === null) {
    // The chunk is the caller's again as soon as this call returns.
    chunk = chunk.slice();
    await begin(shared, message);
  }
  const pipe = message.program?.message;
  if (pipe === undefined) return;
  if (waiting.length > 0) await pipe.write(waiting);
  await pipe.write(chunk);
}

/** Everything after the last byte. Never rejects. */
async function commit(
  shared: Shared,
  message: Message,
  waiting: Uint8Array,
): Promise<QueueOutcome> {
  if (message.program === null && message.trouble === null) await begin(shared, message);
  const program = message.program;
  if (program === null) {
    return { kind: "deferred", code: "4.3.0", reason: message.trouble ?? "No program was started" };
  }
  if (waiting.length > 0) await program.message.write(waiting);
  program.message.end();
  if (!program.message.broken) await writeEnvelope(program, message.envelope);
  program.envelope.end();
  const complete = !program.message.broken && !program.envelope.broken;
  const end = await finish(shared, message, program);
  if (message.timedOut) {
    const reason = `qmail-queue took longer than ${shared.options.timeoutSeconds} seconds`;
    return { kind: "deferred", code: "4.3.0", reason };
  }
  if (end.code === 0 && !complete) {
    const reason = "qmail-queue ended before it had read the whole message";
    return { kind: "deferred", code: "4.3.0", reason };
  }
  return outcomeOfEnd(end, program.errorText(), `qp ${program.pid}`);
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
  const end = await program.ended;
  clearTimeout(message.timer);
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
