/** For the tests of qmtp/: packages and requests as clients build them, and an engine with everything around it. */
import type { EndReason, Engine } from "../../../net/types.ts";
import type { Envelope, Queue, QueueOutcome } from "../../../queue/types.ts";
import type { Grammar } from "../../../qmtp/reading.ts";
import { createQmtpEngine } from "../../../qmtp/session.ts";
import { readQmtpConfig } from "../../../qmtp/config.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { NO_TRACE, type Tracer } from "../../../trace/tracer.ts";
import type { LookupService } from "../../../validate/types.ts";
import {
  controlOf,
  type ControlTree,
  type DeskChanges,
  deskOf,
  ENV,
  lookupOf,
  NOW,
  peerOf,
  queueOf,
  SITE,
  TestOutput,
  type TestQueue,
} from "../smtp/kit.ts";

export { controlOf, lookupOf, NOW, queueOf, SITE };

/** A netstring of binary text. */
export const ns = (text: string): string => `${text.length}:${text},`;

/** A QMTP package; `message` with its encoding byte. */
export const packageOf = (message: string, sender: string, recipients: readonly string[]): string =>
  ns(message) + ns(sender) + ns(recipients.map(ns).join(""));

/** A QMQP request. */
export const requestOf = (message: string, sender: string, recipients: readonly string[]): string =>
  ns(ns(message) + ns(sender) + recipients.map(ns).join(""));

export const MAIL = "Subject: x\n\nhello\n";
export const RECEIVED = "Received: from unknown (127.0.0.9)\n" +
  "  by 127.0.0.1 with QMTP; 20 Nov 2026 13:27:48 -0000\n";
export const ACCEPTED = `Kok ${NOW / 1000} qp 1234`;
export const UNKNOWN = "Dno mailbox here by that name (#5.1.1)";
export const RELAY = "Dsorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)";
export const BAD_RECIPIENT = "Dsorry, I can't handle that recipient (#5.1.3)";
export const BAD_SENDER = "Dunacceptable sender (#5.1.7)";
export const TOO_BIG = "Dsorry, that message size exceeds my databytes limit (#5.3.4)";
export const UNDECIDED = "Zrecipient can't be decided now, try again later (#4.3.0)";
export const TOO_MANY = "Ztoo many recipients (#4.5.3)";

export interface Setup {
  readonly grammar?: Grammar;
  readonly settings?: Partial<Settings>;
  readonly control?: ControlTree;
  readonly env?: Readonly<Record<string, string>>;
  readonly lookup?: LookupService;
  readonly queue?: TestQueue;
  readonly canDeliver?: Queue["canDeliver"];
  readonly tracer?: Tracer;
  readonly desk?: DeskChanges;
}

export interface Rig {
  readonly engine: Engine;
  readonly output: DrainOutput;
  readonly queue: TestQueue;
}

/** An output that remembers how much ever waited in it. */
export class DrainOutput extends TestOutput {
  #taken = 0;
  most = 0;
  override text(text: string): void {
    super.text(text);
    this.most = Math.max(this.most, this.pending);
  }
  override get pending(): number {
    return this.said.length - this.#taken;
  }
  override drain(): Promise<void> {
    this.#taken = this.said.length;
    return Promise.resolve();
  }
}

/** joe is there, angela is not, undecided@ can't be decided. */
const lookup = (): LookupService =>
  lookupOf({ known: ["joe@example.com", "jane@example.com"], undecided: ["later@example.com"] });

/** An engine, not started. */
export function rigOf(setup: Setup = {}): Rig {
  const output = new DrainOutput();
  const queue = setup.queue ?? queueOf();
  const env = { ...ENV, ...setup.env };
  const settings = { ...defaultSettings(), ...setup.settings };
  const control = controlOf(setup.control ?? SITE);
  const deps = {
    config: readQmtpConfig(settings, control, env, setup.grammar),
    policy: deskOf(settings, control, env, setup.desk),
    lookup: setup.lookup ?? lookup(),
    queue: setup.canDeliver === undefined ? queue : { ...queue, canDeliver: setup.canDeliver },
    tracer: setup.tracer ?? NO_TRACE,
    clock: () => NOW,
  };
  return {
    engine: createQmtpEngine(setup.grammar ?? "qmtp", deps, peerOf(env), output),
    output,
    queue,
  };
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Feeds `input` in pieces that end at `cuts`, as a driver does, and then ends the session. */
export async function feed(
  engine: Engine,
  input: string,
  cuts: readonly number[] = [],
  end: EndReason | null = "eof",
): Promise<void> {
  await engine.start();
  const bytes = bytesOf(input);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (engine.wants !== "input") break;
    // A copy that is wiped afterwards: nothing may be kept of it.
    const chunk = bytes.slice(from, cut);
    from = cut;
    if (chunk.length === 0) continue;
    await engine.receive(chunk);
    chunk.fill(0x58);
  }
  if (engine.wants === "input" && end !== null) await engine.end(end);
}

/** The contents of netstrings that follow each other; throws when they are none. */
export function answersOf(said: string): string[] {
  const answers: string[] = [];
  for (let at = 0; at < said.length;) {
    const length = /^(\d+):/.exec(said.slice(at, at + 12));
    if (length === null) throw new Error(`No netstring: ${said.slice(at, at + 40)}`);
    const start = at + length[0].length;
    const end = start + Number(length[1]);
    if (said[end] !== ",") throw new Error(`No comma behind ${said.slice(at, end)}`);
    answers.push(said.slice(start, end));
    at = end + 1;
  }
  return answers;
}

/** Everything a session did. */
export interface Talk {
  readonly answers: string[];
  readonly queued: readonly { readonly message: string; readonly envelope: Envelope }[];
  /** Deliveries that were begun, complete or not. */
  readonly opened: number;
  readonly engine: Engine;
  readonly output: DrainOutput;
}

/** Runs a session. */
export async function talk(
  input: string,
  setup: Setup = {},
  cuts: readonly number[] = [],
  end: EndReason = "eof",
): Promise<Talk> {
  const { engine, output, queue } = rigOf(setup);
  await feed(engine, input, cuts, end);
  const queued = queue.taken.filter((t) => t.complete).map(({ message, envelope }) => ({
    message,
    envelope,
  }));
  return { answers: answersOf(output.said), queued, opened: queue.taken.length, engine, output };
}

/** A queue's trouble of its own, and what the client hears of it. */
export const DEFERRED: QueueOutcome = {
  kind: "deferred",
  code: "4.3.0",
  reason: 'Cannot write "/home/joe/Maildir/tmp/1": ENOSPC',
};
export const DEFERRED_ANSWER = "Zmessage can't be taken now, try again later (session 7) (#4.3.0)";
