/**
 * TLS as a server on any accepted stream, for STARTTLS, STLS and listeners that begin with TLS alike.
 *
 * The runtime can neither turn an accepted socket into a TLS server nor throw off a client that never finishes its
 * handshake. So each certificate has an inner TLS listener on the loopback address; a client's bytes are carried there
 * by a TlsBridge, and the engine talks to the decrypted end. Only connections that this process opened itself may come
 * out of the inner side: an accepted one is matched by both ports with one of ours, and a foreign one is closed. The
 * server name is read from the ClientHello, version and cipher from the ServerHello. Client certificates are the
 * business of openssl.ts.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type Certificate, type CertificateSet, indexForName } from "./certificates.ts";
import { Handshakes } from "./handshakes.ts";
import { note } from "./note.ts";
import type { Secured } from "./session.ts";
import { acceptWithoutDelay, shutdownSocket } from "./shutdown.ts";
import type { TimerWheel } from "./timers.ts";
import { closeUnshaken, type InnerPair, TlsBridge } from "./tls_bridge.ts";
import type { Duplex, Peer } from "./types.ts";

/** Where certificates come from; a CertificateStore. */
export interface CertificateSource {
  /** The set in use; another object when it changed. */
  current(): CertificateSet;
  /** Called when the new set could not be used: `set` stays. */
  keep(set: CertificateSet, error: unknown): void;
}

/** What TLS needs. */
export interface TlsSetup {
  readonly source: CertificateSource;
  readonly wheel: TimerWheel;
  readonly trace: Tracer;
  readonly handshakeSeconds: number;
  readonly maxHandshakes: number;
}

const INNER_HOST = "127.0.0.1";
const ACCEPT_PAUSE_MS = 50;

/** An inner listener. One that was replaced closes when the last handshake through it is over. */
interface Inner {
  readonly listener: Deno.TlsListener;
  readonly port: number;
  uses: number;
  retired: boolean;
}

/** A connection that came out before we knew whether it is ours. */
interface Early {
  readonly conn: Deno.TlsConn;
  readonly sinceMs: number;
}

/** A connect on the loopback takes far less. */
const EARLY_MS = 2000;

/** Both ports of an inner connection as one number. */
const pairOf = (ourPort: number, innerPort: number): number => ourPort * 65536 + innerPort;

function closeQuietly(thing: { close(): void }): void {
  try {
    thing.close();
  } catch {
    // Closed already.
  }
}

/** The TLS side of a process or worker: inner listeners and running handshakes. */
export class TlsFront {
  readonly #setup: TlsSetup;
  #set: CertificateSet;
  #inners: Inner[];
  /** Connections that we opened and that did not come out yet. */
  readonly #awaited = new Map<number, (conn: Deno.TlsConn) => void>();
  /** Connections that came out while connects of ours are under way, which may be theirs. */
  readonly #early = new Map<number, Early>();
  #connecting = 0;
  readonly #handshakes: Handshakes;

  /** @throws {Error} when the certificates cannot be used. */
  constructor(setup: TlsSetup) {
    this.#setup = setup;
    this.#handshakes = new Handshakes(setup.trace, setup.maxHandshakes);
    this.#set = setup.source.current();
    this.#inners = this.#listen(this.#set);
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#handshakes.open;
  }

  /** Ports of the inner listeners in use. */
  get innerPorts(): readonly number[] {
    return this.#inners.map((inner) => inner.port);
  }

  /**
   * Makes `raw` a TLS stream. Rejects when the handshake fails or takes too long; `raw` is closed then, or soon, when
   * the client has read the alert.
   */
  async upgrade(raw: Duplex, peer: Peer): Promise<Secured> {
    const { wheel, handshakeSeconds } = this.#setup;
    return await this.#handshakes.run(raw, peer, async () => {
      this.#renew();
      const bridge = new TlsBridge(raw, wheel);
      const info = await bridge.handshake(handshakeSeconds, (sni) => this.#connect(sni));
      return { conn: bridge, info };
    });
  }

  /** Closes the inner listeners; running sessions go on. */
  close(): void {
    for (const inner of this.#inners) this.#retire(inner);
    this.#inners = [];
  }

  /** Takes new certificates into use; what cannot be used leaves everything as it was. */
  #renew(): void {
    const { source } = this.#setup;
    const set = source.current();
    if (set === this.#set) return;
    try {
      const fresh = this.#listen(set);
      for (const inner of this.#inners) this.#retire(inner);
      this.#inners = fresh;
      this.#set = set;
    } catch (error) {
      source.keep(this.#set, error);
    }
  }

  #listen(set: CertificateSet): Inner[] {
    const fresh: Inner[] = [];
    try {
      for (const certificate of set) fresh.push(innerFor(certificate));
    } catch (error) {
      for (const inner of fresh) inner.listener.close();
      throw error;
    }
    for (const inner of fresh) this.#accept(inner);
    return fresh;
  }

  #retire(inner: Inner): void {
    inner.retired = true;
    if (inner.uses === 0) closeQuietly(inner.listener);
  }

  async #accept(inner: Inner): Promise<void> {
    for (;;) {
      try {
        this.#cameOut(await inner.listener.accept(), inner);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return;
        if (error instanceof Deno.errors.Interrupted) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  /** A connection came out of the inner side: ours, perhaps ours, or foreign. */
  #cameOut(conn: Deno.TlsConn, inner: Inner): void {
    const remote = conn.remoteAddr as Deno.NetAddr;
    // Another loopback address could use a port of the same number.
    if (remote.hostname !== INNER_HOST) return this.#closeForeign(conn);
    const pair = pairOf(remote.port, inner.port);
    const awaited = this.#awaited.get(pair);
    if (awaited !== undefined) {
      this.#awaited.delete(pair);
      awaited(conn);
      return;
    }
    this.#dropEarly(EARLY_MS);
    if (this.#connecting > 0 && this.#early.size < this.#setup.maxHandshakes) {
      this.#early.set(pair, { conn, sinceMs: performance.now() });
    } else this.#closeForeign(conn);
  }

  /** Closes connections that waited for `ms` milliseconds without one of ours turning out to be their other end. */
  #dropEarly(ms: number): void {
    const now = performance.now();
    for (const [pair, { conn, sinceMs }] of this.#early) {
      if (now - sinceMs < ms) return;
      this.#early.delete(pair);
      this.#closeForeign(conn);
    }
  }

  #closeForeign(conn: Deno.TlsConn): void {
    const port = (conn.remoteAddr as Deno.NetAddr).port;
    note(this.#setup.trace, 0, NET_EVENTS.foreign, { port });
    // Closing alone leaves a TLS socket open for as long as its peer does not finish the handshake.
    shutdownSocket(conn, () => closeQuietly(conn));
    closeUnshaken(conn);
  }

  /** Opens a connection to the inner listener for `sni`, and finds its other end. */
  async #connect(sni: string | null): Promise<InnerPair> {
    const inner = this.#inners[indexForName(this.#set, sni)];
    if (inner === undefined) throw new Error("TLS is shut down");
    inner.uses++;
    let pair = -1;
    const release = () => {
      this.#awaited.delete(pair);
      if (--inner.uses === 0 && inner.retired) closeQuietly(inner.listener);
    };
    try {
      const wire = await this.#dial(inner.port);
      pair = pairOf((wire.localAddr as Deno.NetAddr).port, inner.port);
      const secure = this.#otherEnd(pair);
      wire.setNoDelay(true);
      return { wire, secure, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Connects to an inner listener. What counts as under way ends with `#otherEnd`, or here when it fails. */
  async #dial(port: number): Promise<Deno.TcpConn> {
    this.#connecting++;
    try {
      return await Deno.connect({ hostname: INNER_HOST, port });
    } catch (error) {
      this.#connecting--;
      throw error;
    }
  }

  /** Our connection's decrypted end, which may have come out before `connect` returned. */
  #otherEnd(pair: number): Promise<Deno.TlsConn> {
    this.#connecting--;
    const early = this.#early.get(pair);
    this.#early.delete(pair);
    // When nobody of ours is under way any more, whoever is left over is foreign.
    this.#dropEarly(this.#connecting === 0 ? 0 : EARLY_MS);
    if (early !== undefined) return Promise.resolve(early.conn);
    return new Promise((resolve) => this.#awaited.set(pair, resolve));
  }
}

function innerFor(certificate: Certificate): Inner {
  const listener = Deno.listenTls({
    hostname: INNER_HOST,
    port: 0,
    cert: certificate.certPem,
    key: certificate.keyPem,
    tcpBacklog: 4096,
  });
  const { port } = listener.addr as Deno.NetAddr;
  // A handshake's last words and the greeting are two small writes: the second would wait 40 ms for the first's ACK.
  acceptWithoutDelay(INNER_HOST, port);
  return { listener, port, uses: 0, retired: false };
}
