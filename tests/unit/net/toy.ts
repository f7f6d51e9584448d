/** Tiny engines and helpers for the tests of net/. They know just enough SMTP to be talked to. */
import { parseListenAddress } from "../../../net/address.ts";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import type { ListenerSetup } from "../../../net/listener.ts";
import { pollCalls } from "../../../net/poll_calls.ts";
import { TimerWheel } from "../../../net/timers.ts";
import type {
  EndReason,
  Engine,
  Output,
  Peer,
  Protocol,
  SecureInfo,
  Wants,
} from "../../../net/types.ts";
import { type Fields, NO_TRACE, type TraceEvent, type Tracer } from "../../../trace/tracer.ts";

// Opened once for all tests of a file, or the one that needs it first would be said to leak it.
pollCalls();

const LATIN1 = new TextDecoder("latin1");

export const toBytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (c) => c.charCodeAt(0));
export const toText = (bytes: Uint8Array): string => LATIN1.decode(bytes);

/** Settings of a toy. */
export interface ToyOptions {
  idleSeconds?: number;
  sessionSeconds?: number;
  greeting?: string;
}

/**
 * Answers lines: HELLO, RCPT (550 and 421, closes), TLS, BUSY / FREE (a message in hand or not), BIG n (n bytes), SLOW
 * (answers when `release` is called), THROW, QUIT; everything else is echoed.
 */
export class Toy implements Engine {
  wants: Wants = "input";
  busy = false;
  readonly idleSeconds: number;
  readonly sessionSeconds: number;
  ended: EndReason | null = null;
  endCalls = 0;
  secure: SecureInfo | null = null;
  lines: string[] = [];
  release: () => void = () => {};
  #rest = "";

  constructor(readonly peer: Peer, readonly output: Output, readonly options: ToyOptions = {}) {
    this.idleSeconds = options.idleSeconds ?? 300;
    this.sessionSeconds = options.sessionSeconds ?? 3600;
  }

  start(): void {
    this.output.text(this.options.greeting ?? "220 toy\r\n");
  }

  secured(info: SecureInfo): void {
    this.secure = info;
    this.wants = "input";
  }

  async receive(chunk: Uint8Array): Promise<void> {
    const lines = (this.#rest + toText(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (this.wants !== "input") return;
      await this.#line(line.replace(/\r$/, ""));
    }
  }

  async #line(line: string): Promise<void> {
    this.lines.push(line);
    const [verb, argument] = line.split(" ");
    switch (verb) {
      case "RCPT":
        this.output.text("550 5.1.1 no such user\r\n421 4.7.0 closing\r\n");
        this.wants = "close";
        return;
      case "QUIT":
        this.output.text("221 bye\r\n");
        this.wants = "close";
        return;
      case "TLS":
        this.output.text("220 go\r\n");
        this.wants = "tls";
        return;
      case "BUSY":
      case "FREE":
        this.busy = verb === "BUSY";
        this.output.text("250 ok\r\n");
        return;
      case "BIG":
        await this.#big(Number(argument));
        return;
      case "SLOW":
        await new Promise<void>((resolve) => this.release = resolve);
        this.output.text("250 at last\r\n");
        return;
      case "THROW":
        throw new Error("toy is broken");
      default:
        this.output.text(`250 ${line}\r\n`);
    }
  }

  async #big(size: number): Promise<void> {
    const part = new Uint8Array(65536).fill(120);
    for (let left = size; left > 0; left -= part.length) {
      this.output.bytes(part.subarray(0, Math.min(left, part.length)));
      await this.output.drain();
    }
    this.output.text("\r\n250 big\r\n");
  }

  end(reason: EndReason): void {
    this.ended = reason;
    this.endCalls++;
    if (reason === "idle") this.output.text("421 4.4.2 idle\r\n");
    if (reason === "session_time") this.output.text("421 4.4.2 too long\r\n");
    if (reason === "shutdown") this.output.text("421 4.3.2 stopping\r\n");
    if (reason === "eof") this.output.text("221 eof\r\n");
  }
}

/** A protocol of toys; `toys` holds every one that was opened. */
export function toyProtocol(options: ToyOptions = {}): Protocol & { toys: Toy[] } {
  const toys: Toy[] = [];
  return {
    name: "toy",
    toys,
    open(peer, output) {
      const toy = new Toy(peer, output, options);
      toys.push(toy);
      return toy;
    },
    refuse: (reason) => toBytes(`421 4.7.0 ${reason}\r\n`),
  };
}

/** A tracer that keeps what it is given. */
export class Notebook implements Tracer {
  readonly level = 4;
  readonly lines: string[] = [];
  readonly ids: string[] = [];
  emit<F extends Fields>(_session: number, event: TraceEvent<F>, fields: F): void {
    this.ids.push(event.id);
    this.lines.push(`${event.fn}: ${event.text(fields)}`);
  }
}

/** A listener's setup on a free port of 127.0.0.1 with a wheel of 5 ms ticks. */
export function toySetup(
  protocol: Protocol,
  change: Partial<ListenerSetup> = {},
): ListenerSetup & { wheel: TimerWheel; limits: SessionLimits } {
  const limits = new SessionLimits(makeSharedLimits(1000, 1), 0, 1000, 1000);
  return {
    protocol,
    wheel: new TimerWheel(5),
    trace: NO_TRACE,
    writeStallSeconds: 60,
    address: parseListenAddress("127.0.0.1:0"),
    limits,
    ...change,
  } as ListenerSetup & { wheel: TimerWheel; limits: SessionLimits };
}

export const TOY_PEER: Peer = {
  kind: "socket",
  remoteIp: "192.0.2.1",
  remotePort: 1,
  remoteHost: null,
  remoteInfo: null,
  localIp: "192.0.2.2",
  localPort: 25,
  localHost: null,
  env: {},
  session: 1,
};

/** Reads until `text` was seen or the end; returns what came. */
export async function readUntil(conn: Deno.Conn, text: string): Promise<string> {
  let all = "";
  const buffer = new Uint8Array(65536);
  while (text === "" || !all.includes(text)) {
    const n = await conn.read(buffer);
    if (n === null) return all;
    all += toText(buffer.subarray(0, n));
  }
  return all;
}

/** Everything until the end of the connection; "reset" is appended when it was reset. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  let all = "";
  const buffer = new Uint8Array(65536);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      all += toText(buffer.subarray(0, n));
    }
  } catch (error) {
    return `${all}<${(error as Error).name}>`;
  }
  return all;
}

export async function send(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = toBytes(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
