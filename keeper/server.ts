/**
 * The keeper's side of the line: reads questions, works on them, answers. Ends when its input ends or is no proper
 * question; it never reads anything else.
 *
 * Whoever asks may have been taken over by an attacker: nothing in a question is trusted, and none of the answers gives
 * away more than the four questions are for.
 */
import type { FileSender } from "../net/hand_over.ts";
import type { Tracer } from "../trace/tracer.ts";
import { bytesOf, encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { dropOperations } from "./drops.ts";
import { loginOperations, makeTokens, saslOperations } from "./logins.ts";
import { mailOperations } from "./mails.ts";
import type { Answer, KeeperServices, Operation, Operations } from "./operations.ts";
import {
  isBreach,
  MAX_AT_WORK,
  NOTICES,
  ProtocolError,
  Trouble,
  type Values,
  valuesOf,
  VERSION,
} from "./protocol.ts";
import type { FrameWriter } from "./writer.ts";

export interface KeeperSetup {
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: FrameWriter;
  /** Where files are handed to the front; null: nowhere. */
  readonly files: FileSender | null;
  /** The generation of services that a new question is answered by. */
  services(): KeeperServices;
  /** Reads settings and site again. */
  reload(): Promise<void>;
  /** Takes one sentence for the administrator. */
  complain(sentence: string): void;
}

/** Answers that wait to be written before the next question is read. */
const PENDING_BYTES = 1024 * 1024;

/** Trace lines that wait for a front which does not read are dropped beyond this. */
const TRACE_PENDING_BYTES = 1024 * 1024;

/** A tracer whose events are written by the front, into the one trace. */
export function relayTracer(output: FrameWriter, level: () => number): Tracer {
  return {
    get level() {
      return level();
    },
    emit(session, event, fields) {
      if (event.level > level() || output.pending > TRACE_PENDING_BYTES) return;
      // A front that is gone reads no trace either; the reading side notices.
      output.send(encodeFrame({ trace: event.id, session, fields })).catch(() => undefined);
    },
  };
}

function lookOperations(services: () => KeeperServices): Operations {
  return {
    look(values: Values): Answer {
      const result = services().lookup.lookup(values.text("address"), values.flag("explain"));
      const { steps: _, ...short } = result;
      const whole = JSON.stringify(result).replace(
        /[\u0100-\uffff]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
      return whole.length <= 60_000 ? { header: {}, payload: bytesOf(whole) } : { header: short };
    },
  };
}

/** Serves until the input ends. True: it ended as it should; false: a breach, which was said. */
export async function runKeeper(setup: KeeperSetup): Promise<boolean> {
  const { services, output } = setup;
  const now = () => performance.now();
  const tokens = makeTokens(now);
  const auth = () => services().auth;
  const drops = dropOperations(services, tokens);
  const mails = mailOperations(services, setup.files);
  const operations: Operations = {
    ...lookOperations(services),
    ...loginOperations(auth, tokens, drops.openFor),
    ...saslOperations(auth, tokens, now, () => services().maxDrops),
    ...drops.operations,
    ...mails.operations,
    reload: async () => {
      await setup.reload();
      return { header: {} };
    },
  };
  let breach: Error | null = null;
  try {
    await serve(setup.input, output, operations);
  } catch (error) {
    if (isBreach(error)) {
      breach = error;
      setup.complain(`The keeper ends, because it was asked what no front asks: ${error.message}`);
      // A front that is gone, even in the middle of a frame, is an ordinary end.
    } else if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    drops.close();
    await mails.close();
  }
  return breach === null;
}

/** Rejects with the first breach. */
async function serve(
  input: AsyncIterable<Uint8Array>,
  output: FrameWriter,
  operations: Operations,
): Promise<void> {
  const reader = new FrameReader();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  let atWork = 0;
  let isKnown = false;
  let roomAgain: (() => void) | null = null;

  let sent: Promise<void> | null = null;
  const send = (answer: Uint8Array<ArrayBuffer>): void => {
    const now = output.send(answer);
    // Answers that leave together fail together.
    if (now !== sent) now.catch((error) => broken.reject(error));
    sent = now;
  };

  /** Most answers are known at once, and cost no promise. */
  const work = (frame: Frame): void => {
    if (isNotice(frame.header)) return heed(frame, operations);
    const answer = answerTo(frame, operations);
    if (!(answer instanceof Promise)) return send(answer);
    atWork++;
    const over = () => {
      atWork--;
      roomAgain?.();
    };
    answer.then(send).then(over, (error) => {
      broken.reject(error);
      over();
    });
  };

  const readAll = async (): Promise<void> => {
    for await (const chunk of input) {
      for (const frame of reader.push(chunk)) {
        if (!isKnown) {
          await output.send(greet(frame));
          isKnown = true;
          continue;
        }
        if (atWork >= MAX_AT_WORK) {
          await new Promise<void>((resolve) => roomAgain = resolve);
          roomAgain = null;
        }
        // A front that asks and does not listen is not read any further.
        if (output.pending > PENDING_BYTES && sent !== null) await sent;
        work(frame);
      }
    }
  };
  await Promise.race([readAll(), broken.promise]);
}

/** The first question: are we of one version? */
function greet({ header, payload }: Frame): Uint8Array<ArrayBuffer> {
  if (header["op"] !== "hello" || header["version"] !== VERSION || payload.length > 0) {
    throw new ProtocolError(`A front of version ${VERSION} says hello first`);
  }
  return encodeFrame({ q: valuesOf(header).number("q"), version: VERSION });
}

function answerTo(
  frame: Frame,
  operations: Operations,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  const values = valuesOf(frame.header);
  const q = values.number("q");
  const operation = operationOf(values.text("op"), operations);
  try {
    const answer = operation(values, frame.payload);
    return answer instanceof Promise
      ? answer.then((a) => encodeAnswer(q, a), (error) => encodeTrouble(q, error))
      : encodeAnswer(q, answer);
  } catch (error) {
    return encodeTrouble(q, error);
  }
}

function operationOf(name: string, operations: Operations): Operation {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) throw new ProtocolError("There is no such question");
  return operation;
}

function encodeAnswer(q: number, { header, payload }: Answer): Uint8Array<ArrayBuffer> {
  try {
    return encodeFrame({ ...header, q }, payload);
  } catch (error) {
    return encodeTrouble(q, error);
  }
}

/** @throws {ProtocolError} the one that `error` is */
function encodeTrouble(q: number, error: unknown): Uint8Array<ArrayBuffer> {
  if (error instanceof ProtocolError) throw error;
  if (error instanceof Trouble) {
    return encodeFrame({ q, trouble: error.kind, reason: error.message });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return encodeFrame({ q, trouble: "temporary", reason: reason.slice(0, 4096) });
}

/** No number: a notice, if there is one of this name. */
function isNotice({ q, op }: Frame["header"]): boolean {
  return q === undefined && NOTICES.some((notice) => notice === op);
}

function heed({ header, payload }: Frame, operations: Operations): void {
  const values = valuesOf(header);
  try {
    void operationOf(values.text("op"), operations)(values, payload);
  } catch (error) {
    // What is to be closed is not there any more.
    if (!(error instanceof Trouble)) throw error;
  }
}
