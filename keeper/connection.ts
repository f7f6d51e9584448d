/**
 * The front's side of the line: asks questions, gives answers back to whoever asked, hands trace lines on.
 *
 * Each kind of question has its lane; what does not fit into it waits in turn. When the keeper is gone every question,
 * asked or to come, is temporary trouble, and `gone` says so once.
 */
import { Held } from "../net/held.ts";
import * as EVENTS from "../trace/events.ts";
import type { Fields, TraceEvent, Tracer } from "../trace/tracer.ts";
import { encodeFrame, FrameReader, type Header, type Parts } from "./frames.ts";
import {
  HeaderValues,
  type Lane,
  LANES,
  type Notice,
  Trouble,
  type TroubleKind,
  type Values,
  valuesOf,
  VERSION,
} from "./protocol.ts";
import type { FrameWriter } from "./writer.ts";

/** An answer's values, and its payload. */
export interface Reply extends Values {
  readonly header: Header;
  readonly payload: Uint8Array<ArrayBuffer>;
}

class ReplyValues extends HeaderValues implements Reply {
  readonly payload: Uint8Array<ArrayBuffer>;

  constructor(header: Header, payload: Uint8Array<ArrayBuffer>) {
    super(header);
    this.payload = payload;
  }
}

/** Asks the keeper. */
export interface Asking {
  /** Rejects with Trouble. */
  ask(lane: Lane, op: string, values?: Header, payload?: Uint8Array | Parts): Promise<Reply>;
  /** Says what needs no answer. */
  tell(op: Notice, values: Header): void;
}

interface Waiting {
  readonly lane: Lane;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Trouble) => void;
}

interface LaneState {
  free: number;
  /** Questions that wait to be sent. */
  readonly queue: Uint8Array<ArrayBuffer>[];
}

/** Events by their id: the keeper sends ids and fields. */
const BY_ID: ReadonlyMap<string, TraceEvent<Fields>> = new Map(
  Object.values(EVENTS).flatMap((table) => Object.values(table)).map((event) => [
    event.id,
    event as unknown as TraceEvent<Fields>,
  ]),
);

export const GONE =
  "The process that holds root (the keeper) is gone; the service ends and must be started again";

export interface ConnectionSetup {
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: FrameWriter;
  readonly tracer: Tracer;
}

export class KeeperConnection implements Asking {
  readonly #output: FrameWriter;
  readonly #tracer: Tracer;
  /** By the numbers of their questions. */
  #waiting = new Held<Waiting>();
  readonly #lanes: Record<Lane, LaneState>;
  readonly #gone = Promise.withResolvers<string>();
  #reason: string | null = null;
  #sent: Promise<void> | null = null;

  constructor(setup: ConnectionSetup) {
    this.#output = setup.output;
    this.#tracer = setup.tracer;
    const lane = (name: Lane): LaneState => ({ free: LANES[name], queue: [] });
    this.#lanes = {
      look: lane("look"),
      login: lane("login"),
      drop: lane("drop"),
      mail: lane("mail"),
    };
    void this.#read(setup.input);
  }

  /** Resolves with a reason when the keeper is gone, for whatever reason. */
  get gone(): Promise<string> {
    return this.#gone.promise;
  }

  get isGone(): boolean {
    return this.#reason !== null;
  }

  /** The first question. Rejects when the keeper is none, or of another version. */
  async greet(): Promise<void> {
    const reply = await this.ask("look", "hello", { version: VERSION });
    if (reply.number("version") !== VERSION) throw new Trouble("permanent", "Another version");
  }

  ask(
    lane: Lane,
    op: string,
    values: Header = {},
    payload?: Uint8Array | Parts,
  ): Promise<Reply> {
    if (this.#reason !== null) return Promise.reject(new Trouble("temporary", GONE));
    return new Promise((resolve, reject) => {
      const q = this.#waiting.add({ lane, resolve, reject });
      let frame: Uint8Array<ArrayBuffer>;
      try {
        frame = encodeFrame({ ...values, q, op }, payload);
      } catch (error) {
        this.#waiting.remove(q);
        const reason = error instanceof Error ? error.message : String(error);
        return reject(new Trouble("permanent", reason));
      }
      const state = this.#lanes[lane];
      if (state.free === 0) return void state.queue.push(frame);
      state.free--;
      this.#send(frame);
    });
  }

  tell(op: Notice, values: Header): void {
    if (this.#reason === null) this.#send(encodeFrame({ ...values, op }));
  }

  #send(frame: Uint8Array<ArrayBuffer>): void {
    const sent = this.#output.send(frame);
    // Frames that leave together fail together.
    if (sent === this.#sent) return;
    this.#sent = sent;
    sent.catch((error) => this.#end(`writing to it failed: ${error}`));
  }

  async #read(input: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const chunk of input) {
        for (const { header, payload } of reader.push(chunk)) {
          if ("trace" in header) this.#trace(header);
          else this.#answered(header, payload);
        }
      }
      this.#end("it ended");
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error));
    }
  }

  #answered(header: Header, payload: Uint8Array<ArrayBuffer>): void {
    const values = new ReplyValues(header, payload);
    const waiting = this.#waiting.remove(values.number("q"));
    if (waiting === undefined) return;
    const lane = this.#lanes[waiting.lane];
    const next = lane.queue.shift();
    if (next === undefined) lane.free++;
    else this.#send(next);
    if ("trouble" in header) {
      waiting.reject(new Trouble(values.text("trouble") as TroubleKind, values.text("reason")));
    } else waiting.resolve(values);
  }

  #trace(header: Header): void {
    const event = BY_ID.get(String(header["trace"]));
    if (event === undefined || event.level > this.#tracer.level) return;
    this.#tracer.emit(valuesOf(header).number("session"), event, header["fields"] as Fields);
  }

  #end(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    const waiting = this.#waiting.values();
    this.#waiting = new Held();
    for (const lane of Object.values(this.#lanes)) lane.queue.length = 0;
    for (const { reject } of waiting) reject(new Trouble("temporary", GONE));
    this.#gone.resolve(reason);
  }
}
