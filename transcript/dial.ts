/**
 * A running server as a partner: a TCP connection, with TLS from the start, later, or never.
 *
 * TLS by node's client, since only that takes a certificate that nobody vouches for: what is tried here is the dialogue, not
 * the certificate. It can't take over a connection that was read from, so it speaks over a second one, within this machine,
 * whose bytes are carried over. Nothing of qfront is needed at the other end.
 */
import { connect as connectTls, type TLSSocket } from "node:tls";
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
  error instanceof Error ? error.message.replace(/ \(os error \d+\)/, "") : String(error);

/** Connects. @throws {Error} with a sentence when there is no connection. */
export async function dialPartner(options: DialOptions): Promise<Partner> {
  const { hostname, port, waitMillis } = options;
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(waitMillis) });
    conn.setNoDelay(true);
  } catch (error) {
    throw new Error(`There is no connection to ${hostname}:${port}: ${sentenceOf(error)}`);
  }
  const partner = new DialledPartner(conn, options);
  if (!options.implicitTls) return partner;
  const why = await partner.startTls();
  if (why === null) return partner;
  await partner.close();
  throw new Error(`There is no TLS with ${hostname}:${port}: ${why}`);
}

/** First byte of what a TLS server says when it agrees to a handshake (RFC 8446, section 5.1). */
const HANDSHAKE = 22;

/** Reads until the end, however that comes. */
async function pump(
  conn: Deno.TcpConn,
  take: (bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      await take(buffer.slice(0, count));
    }
  } catch {
    // A connection that breaks has ended; what came before it counts.
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

class DialledPartner implements Partner {
  readonly #conn: Deno.TcpConn;
  readonly #options: DialOptions;
  readonly #pumping: Promise<void>;
  #secured: TLSSocket | null = null;
  /** The side of the second connection that is ours. */
  #inner: Deno.TcpConn | null = null;
  #heard = "";
  #ended = false;
  #limit: number;
  #wake: () => void = () => {};
  /** Takes the first bytes under TLS; null: there are none. */
  #answered: (bytes: Uint8Array | null) => void = () => {};

  constructor(conn: Deno.TcpConn, options: DialOptions) {
    this.#conn = conn;
    this.#options = options;
    this.#limit = options.waitMillis;
    this.#pumping = this.#listen();
  }

  async #listen(): Promise<void> {
    await pump(this.#conn, (bytes) => {
      if (this.#inner === null) return this.#hear(bytes);
      this.#answered(bytes);
      return writeAll(this.#inner, bytes);
    });
    this.#answered(null);
    if (this.#inner === null) this.#end();
    else await this.#inner.closeWrite().catch(() => {});
  }

  #hear(bytes: Uint8Array): void {
    for (const byte of bytes) this.#heard += String.fromCharCode(byte);
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#limit = this.#options.waitMillis;
    const secured = this.#secured;
    if (this.#ended) return;
    if (secured === null) await writeAll(this.#conn, bytes).catch(() => {});
    else await new Promise<void>((done) => secured.write(bytes, () => done()));
  }

  async startTls(): Promise<string | null> {
    if (this.#heard !== "") return `a server that speaks in clear: ${this.#heard.trimEnd()}`;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const answer = this.#firstAnswer();
    const secured = this.#secured = connectTls({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
    });
    secured.on("data", (bytes: Uint8Array) => this.#hear(bytes));
    for (const name of ["end", "error", "close"]) secured.on(name, () => this.#end());
    const inner = this.#inner = await listener.accept();
    listener.close();
    void pump(inner, (bytes) => writeAll(this.#conn, bytes)).then(() =>
      this.#conn.closeWrite().catch(() => {})
    );
    return await answer;
  }

  /** Resolves when the other side has agreed to the handshake (null), or with what came instead. */
  #firstAnswer(): Promise<string | null> {
    const { waitMillis } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(`nothing within ${waitMillis / 1000} s`), waitMillis);
      this.#answered = (bytes) => {
        clearTimeout(timer);
        if (bytes === null) resolve("the connection was closed");
        else if (bytes[0] === HANDSHAKE) resolve(null);
        else resolve(`no TLS: ${String.fromCharCode(...bytes.subarray(0, 100)).trimEnd()}`);
        this.#answered = () => {};
      };
    });
  }

  async endInput(): Promise<void> {
    if (this.#secured !== null) this.#secured.end();
    else await this.#conn.closeWrite().catch(() => {});
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

  async close(): Promise<void> {
    this.#secured?.destroy();
    for (const conn of [this.#inner, this.#conn]) {
      try {
        conn?.close();
      } catch {
        // Closed already.
      }
    }
    await this.#pumping;
  }
}
