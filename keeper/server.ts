/**
 * The keeper's side of the line: reads questions, works on them, answers. Ends when its input ends or is no proper
 * question; it never reads anything else.
 *
 * Whoever asks may have been taken over by an attacker: nothing in a question is trusted, and none of the answers gives
 * away more than the four questions are for.
 */
import type { Tracer } from "../trace/tracer.ts";
import { bytesOf, encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { dropOperations } from "./drops.ts";
import { loginOperations, makeTokens, saslOperations } from "./logins.ts";
import { mailOperations } from "./mails.ts";
import type { Answer, KeeperServices, Operations } from "./operations.ts";
import {
  isBreach,
  MAX_AT_WORK,
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
  /** The generation of services that a new question is answered by. */
  services(): KeeperServices;
  /** Reads settings and site again. */
  reload(): Promise<void>;
  /** Takes one sentence for the administrator. */
  complain(sentence: string): void;
}

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
  const mails = mailOperations(services);
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

  const work = async (frame: Frame): Promise<void> => {
    atWork++;
    try {
      const answer = await answerTo(frame, operations);
      await output.send(answer);
    } catch (error) {
      broken.reject(error);
    } finally {
      atWork--;
      roomAgain?.();
    }
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
        void work(frame);
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

async function answerTo(
  frame: Frame,
  operations: Operations,
): Promise<Uint8Array<ArrayBuffer>> {
  const values = valuesOf(frame.header);
  const q = values.number("q");
  const name = values.text("op");
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) throw new ProtocolError("There is no such question");
  try {
    const { header, payload } = await operation(values, frame.payload);
    return encodeFrame({ ...header, q }, payload);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    if (error instanceof Trouble) {
      return encodeFrame({ q, trouble: error.kind, reason: error.message });
    }
    const reason = error instanceof Error ? error.message : String(error);
    return encodeFrame({ q, trouble: "temporary", reason: reason.slice(0, 4096) });
  }
}
