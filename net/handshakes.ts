/**
 * What both ways of TLS share: the number of handshakes at one time, what is traced of them, and the reading of the
 * ClientHello that each begins with.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import { giveSmall, takeSmall } from "./buffers.ts";
import { note } from "./note.ts";
import type { Secured } from "./session.ts";
import { concat, firstHandshake, LONGEST_HELLO, readClientHello } from "./tls_hello.ts";
import type { Duplex, Peer } from "./types.ts";

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/[\r\n]+/g, " ").slice(0, 200);

/** The handshakes of a process or worker. */
export class Handshakes {
  readonly #trace: Tracer;
  readonly #most: number;
  #open = 0;

  /** `most`: handshakes at one time. */
  constructor(trace: Tracer, most: number) {
    this.#trace = trace;
    this.#most = most;
  }

  /** Handshakes under way. */
  get open(): number {
    return this.#open;
  }

  /** Runs one handshake; traces how it went. Rejects when it fails or there are too many. */
  async run(raw: Duplex, peer: Peer, shake: () => Promise<Secured>): Promise<Secured> {
    if (this.#open >= this.#most) {
      raw.close();
      throw this.#failed(peer, new Error("too many handshakes at one time"));
    }
    this.#open++;
    try {
      const secured = await shake();
      const { version, cipher, sni, clientSubject } = secured.info;
      const fields = { version, cipher, sni, subject: clientSubject };
      note(this.#trace, peer.session, NET_EVENTS.secured, fields);
      return secured;
    } catch (error) {
      throw this.#failed(peer, error);
    } finally {
      this.#open--;
    }
  }

  #failed(peer: Peer, error: unknown): unknown {
    const fields = { ip: peer.remoteIp, reason: reasonOf(error) };
    note(this.#trace, peer.session, NET_EVENTS.handshakeFailed, fields);
    return error;
  }
}

/** Reads a ClientHello from `raw`: all that was read, and the server name in it. Rejects when it is none. */
export async function readHello(raw: Duplex): Promise<{ bytes: Uint8Array; sni: string | null }> {
  const buffer = takeSmall();
  let bytes = new Uint8Array(0);
  try {
    for (;;) {
      const count = await raw.read(buffer);
      if (count === null) throw new Error("the client went before its ClientHello");
      bytes = concat([bytes, buffer.subarray(0, count)]);
      const message = firstHandshake(bytes);
      if (message === "more" && bytes.length <= LONGEST_HELLO) continue;
      const hello = message === null || message === "more" ? null : readClientHello(message);
      if (hello === null) throw new Error("the client does not speak TLS");
      return { bytes, sni: hello.sni };
    }
  } finally {
    giveSmall(buffer);
  }
}
