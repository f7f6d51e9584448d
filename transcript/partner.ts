/**
 * Who a transcript is played against: an engine in this process, or whoever is at the other end of two byte streams
 * (a socket, a program's standard input and output).
 */
import { createKeptOutput } from "../net/kept_output.ts";
import type { Engine, Output, SecureInfo } from "../net/types.ts";

/** The other side of a dialogue. */
export interface Partner {
  /** Sends; what nobody reads any more is lost, as on a network. */
  send(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** No more will be sent. */
  endInput(): Promise<void>;
  /** Goes over to TLS. Null: done; else why that can't be, as what came instead. */
  startTls(): Promise<string | null>;
  /** The client stays silent until the server's patience is at its end. */
  silence(): Promise<void>;
  /** Takes what has arrived by now, one char a byte. */
  take(): string;
  /** Waits until something arrived or the other side has ended; false: neither within the time limit. */
  wait(): Promise<boolean>;
  /** No more will come than what `take` still has. */
  readonly ended: boolean;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** The most that the engine gets at a time, to prove that the borders between reads mean nothing; 0: as sent. */
  readonly chunkBytes?: number;
  /** The session begins with TLS. */
  readonly implicitTls?: boolean;
  /** Hears of each piece before the engine does. */
  readonly onPiece?: (piece: Uint8Array, busy: boolean) => void;
}

/** What a handshake in this process comes to: no byte is encrypted, the engine is told that it is. */
const SECURED: SecureInfo = {
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  sni: null,
  clientSubject: null,
};

/** An engine in this process. */
export async function enginePartner(
  create: (output: Output) => Engine,
  { chunkBytes = 0, implicitTls = false, onPiece }: EngineOptions = {},
): Promise<Partner> {
  const output = createKeptOutput();
  const engine = create(output);
  let over = false;
  if (implicitTls) engine.secured?.(SECURED);
  await engine.start();
  const ended = () => over || engine.wants === "close";
  return {
    async send(bytes) {
      if (engine.wants === "tls") {
        throw new Error('The session has turned to TLS, but "C: <tls>" does not follow');
      }
      const size = chunkBytes > 0 ? chunkBytes : bytes.length;
      for (let at = 0; at < bytes.length && !ended() && engine.wants === "input"; at += size) {
        // A fresh copy that is spoilt afterwards: the engine may not lean on it.
        const chunk = bytes.slice(at, at + size);
        onPiece?.(chunk, engine.busy);
        await engine.receive(chunk);
        chunk.fill(0);
      }
    },
    startTls() {
      if (engine.wants !== "tls") return Promise.resolve(NO_TLS);
      engine.secured?.(SECURED);
      return Promise.resolve(null);
    },
    async endInput() {
      if (!ended()) await engine.end("eof");
      over = true;
    },
    async silence() {
      if (!ended()) await engine.end("idle");
      over = true;
    },
    take: () => output.take(),
    wait: () => Promise.resolve(output.pending > 0 || ended()),
    get ended() {
      return ended();
    },
    async close() {
      if (!ended()) await engine.end("eof");
      over = true;
    },
  };
}

/** What came in place of a handshake. */
export const NO_TLS = "a server that does not go over to TLS";

/** The two directions of a connection or a program. */
export interface Streams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

/** A socket or a program; each wait ends after `waitMillis`, after `silenceMillis` where the client stays silent. */
export function streamPartner(
  streams: Streams,
  { waitMillis = 10_000, silenceMillis = 600_000 } = {},
): Partner {
  const reader = streams.readable.getReader();
  const writer = streams.writable.getWriter();
  let heard = "";
  let ended = false;
  let limit = waitMillis;
  let wake = () => {};
  const pump = async () => {
    try {
      for (let r = await reader.read(); !r.done; r = await reader.read()) {
        for (const byte of r.value) heard += String.fromCharCode(byte);
        wake();
      }
    } catch {
      // A connection that breaks has ended; what came before it counts.
    }
    ended = true;
    wake();
  };
  const pumping = pump();
  return {
    async send(bytes) {
      limit = waitMillis;
      await writer.write(bytes).catch(() => {});
    },
    startTls: () => Promise.resolve("a stream that can't go over to TLS"),
    async endInput() {
      await writer.close().catch(() => {});
    },
    silence() {
      limit = silenceMillis;
      return Promise.resolve();
    },
    take() {
      const all = heard;
      heard = "";
      return all;
    },
    async wait() {
      if (heard !== "" || ended) return true;
      let timer = 0;
      await new Promise<void>((done) => {
        wake = done;
        timer = setTimeout(done, limit);
      });
      clearTimeout(timer);
      return heard !== "" || ended;
    },
    get ended() {
      return ended;
    },
    async close() {
      await writer.abort().catch(() => {});
      await reader.cancel().catch(() => {});
      await pumping;
    },
  };
}
