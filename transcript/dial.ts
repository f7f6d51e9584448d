/**
 * A running server as a partner: a TCP connection, with TLS from the start, later, or never.
 *
 * By node's sockets, since only those take a certificate that nobody vouches for: what is tried here is the dialogue, not
 * the certificate. Nothing of qfront is needed at the other end.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Partner } from "./partner.ts";

/** Where, and how patient to be. */
export interface DialOptions {
  readonly hostname: string;
  readonly port: number;
  readonly implicitTls: boolean;
  /** Longest wait for each answer. */
  readonly waitMillis: number;
  /** The same where the client stays silent on purpose. */
  readonly silenceMillis: number;
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Resolves at the first of `good` and "error"; null: `good`. */
function first(socket: Socket, good: string, millis: number): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(`nothing within ${millis / 1000} s`), millis);
    const settle = (said: string | null) => {
      clearTimeout(timer);
      resolve(said);
    };
    socket.once(good, () => settle(null));
    socket.once("error", (error: unknown) => settle(sentenceOf(error)));
    socket.once("close", () => settle("the connection was closed"));
  });
}

/** Connects. @throws {Error} with a sentence when there is no connection. */
export async function dialPartner(options: DialOptions): Promise<Partner> {
  const { hostname, port, waitMillis } = options;
  const socket = connect({ host: hostname, port });
  const refused = await first(socket, "connect", waitMillis);
  if (refused !== null) {
    socket.destroy();
    throw new Error(`There is no connection to ${hostname}:${port}: ${refused}`);
  }
  const partner = new DialledPartner(socket, options);
  if (!options.implicitTls) return partner;
  const why = await partner.startTls();
  if (why === null) return partner;
  await partner.close();
  throw new Error(`There is no TLS with ${hostname}:${port}: ${why}`);
}

class DialledPartner implements Partner {
  #socket: Socket;
  #heard = "";
  #ended = false;
  #limit: number;
  #wake: () => void = () => {};
  readonly #options: DialOptions;

  constructor(socket: Socket, options: DialOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limit = options.waitMillis;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    const end = () => {
      if (socket !== this.#socket) return;
      this.#ended = true;
      this.#wake();
    };
    socket.setNoDelay(true);
    socket.on("data", (bytes: Uint8Array) => {
      for (const byte of bytes) this.#heard += String.fromCharCode(byte);
      this.#wake();
    });
    socket.on("end", end);
    socket.on("error", end);
    socket.on("close", end);
  }

  send(bytes: Uint8Array): Promise<void> {
    this.#limit = this.#options.waitMillis;
    return new Promise((resolve) => {
      if (this.#ended) resolve();
      else this.#socket.write(bytes, () => resolve());
    });
  }

  async startTls(): Promise<string | null> {
    const raw = this.#socket;
    raw.removeAllListeners("data");
    raw.removeAllListeners("end");
    raw.on("error", () => {});
    const secured = connectTls({ socket: raw, rejectUnauthorized: false });
    const why = await first(secured, "secureConnect", this.#options.waitMillis);
    if (why !== null) return `no TLS handshake: ${why}`;
    this.#socket = secured;
    this.#listen();
    return null;
  }

  endInput(): Promise<void> {
    if (!this.#ended) this.#socket.end();
    return Promise.resolve();
  }

  silence(): Promise<void> {
    this.#limit = this.#options.silenceMillis;
    return Promise.resolve();
  }

  take(): string {
    const all = this.#heard;
    this.#heard = "";
    return all;
  }

  async wait(): Promise<boolean> {
    if (this.#heard !== "" || this.#ended) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, this.#limit);
    await promise;
    clearTimeout(timer);
    return this.#heard !== "" || this.#ended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}
