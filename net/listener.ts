/**
 * One listening socket of `serve` and its sessions (what tcpserver or tcpsvd does for qmail-smtpd).
 *
 * Accepts, applies the limits, numbers and runs the sessions, stops gracefully. What is answered to a session that is
 * not served comes from the protocol; rules by address come from `rules`. An accept that fails (descriptors used
 * up) pauses and goes on: the listener never ends by itself.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import { bind, showAddress } from "./address.ts";
import { closeQuietly, isPeersDoing, REFUSAL } from "./connections.ts";
import { Held } from "./held.ts";
import { plainIp } from "./ip.ts";
import type { ListenerSetup } from "./listener_setup.ts";
import { note } from "./note.ts";
import { poller } from "./poller.ts";
import type { ProxiedEnds } from "./proxy.ts";
import { takeProxyHeader } from "./proxy_header.ts";
import { Session } from "./session.ts";
import { oneLine } from "./session_setup.ts";
import { shutdownSocket } from "./shutdown.ts";
import { type Fill, tellBegun, tellEnded } from "./tcpserver_lines.ts";
import type {
  Accepted,
  Acceptor,
  Duplex,
  NetEnd,
  Peer,
  RefuseReason,
  SecureInfo,
} from "./types.ts";

export type { ListenerSetup, ProxyTerms } from "./listener_setup.ts";
export type { Rules } from "./types.ts";

/** Pause after an accept that failed. */
const ACCEPT_PAUSE_MS = 100;
/** A lasting failure is traced this often. */
const ACCEPT_TRACE_MS = 10_000;

const NO_ENV: Readonly<Record<string, string>> = {};

/** A listening socket's life: listen, serve, stop. */
export class Listener {
  readonly #setup: ListenerSetup;
  readonly #socket: Acceptor;
  readonly #sessions = new Held<Session>();
  /** Connections of proxies whose header is not complete. */
  readonly #headless = new Set<Accepted>();
  #accepting: Promise<void> | null = null;
  #stopping = false;
  #emptied: (() => void) | null = null;
  #endPause: (() => void) | null = null;
  #tracedFailure = -ACCEPT_TRACE_MS;

  /**
   * Binds the socket; connections wait until `start`.
   * @throws {ListenError} when the address cannot be had.
   */
  constructor(setup: ListenerSetup) {
    const { limits } = setup;
    const abort = (conn: Duplex, lost: () => void) => {
      limits.count("stalled");
      shutdownSocket(conn, () => {
        limits.count("stuck");
        lost();
      });
    };
    // Everything else is looked up in the caller's object, whose properties may change at a reload.
    this.#setup = Object.assign(Object.create(setup), { abort });
    this.#socket = bind(setup.address, setup.reusePort ?? false, setup.sockets);
  }

  /** Where it listens; a port of 0 in the settings is shown as the port that was given. */
  get address(): NetEnd {
    return this.#socket.addr;
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** The sessions themselves, for administrators. */
  list(): readonly Session[] {
    return this.#sessions.values();
  }

  /** Begins to accept. */
  start(): void {
    if (this.#accepting !== null) return;
    note(this.#setup.trace, 0, NET_EVENTS.listening, this.#names());
    this.#accepting = this.#accept();
  }

  /**
   * Stops accepting, lets sessions with a message in hand finish for up to `seconds`, then ends them by force.
   * Resolves with the number of sessions that were forced, when all are gone.
   */
  async stop(seconds: number): Promise<number> {
    if (!this.#stopping) {
      this.#stopping = true;
      const open = this.#sessions.size;
      note(this.#setup.trace, 0, NET_EVENTS.stopping, { ...this.#names(), sessions: open });
      this.#socket.close();
      this.#endPause?.();
      for (const conn of this.#headless) closeQuietly(conn);
    }
    await this.#accepting;
    for (const session of this.#sessions.values()) session.stop();
    const forced = await this.#emptyWithin(seconds * 1000) ? 0 : await this.#force(seconds);
    await poller()?.settled();
    return forced;
  }

  /** Ends what is still open, and tells how much that was. */
  async #force(seconds: number): Promise<number> {
    const forced = this.#sessions.size;
    note(this.#setup.trace, 0, NET_EVENTS.forced, {
      protocol: this.#setup.protocol.name,
      sessions: forced,
      seconds,
    });
    for (const session of this.#sessions.values()) session.kill();
    await this.#emptyWithin(1000);
    return forced;
  }

  #names(): { protocol: string; address: string } {
    return { protocol: this.#setup.protocol.name, address: showAddress(this.address) };
  }

  /** Waits until no session is open; false when `ms` milliseconds were not enough. */
  #emptyWithin(ms: number): Promise<boolean> {
    if (this.#sessions.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  async #accept(): Promise<void> {
    while (!this.#stopping) {
      let conn: Accepted;
      try {
        conn = await this.#socket.accept();
      } catch (error) {
        if (!this.#stopping && !isPeersDoing(error)) await this.#pause(error);
        continue;
      }
      try {
        this.#admit(conn);
      } catch (error) {
        this.#fault(conn, 0, error);
      }
    }
  }

  /** Descriptors or memory are used up, which does not end the listener. */
  async #pause(error: unknown): Promise<void> {
    const now = performance.now();
    if (now - this.#tracedFailure >= ACCEPT_TRACE_MS) {
      this.#tracedFailure = now;
      const reason = error instanceof Error ? error.message : String(error);
      const protocol = this.#setup.protocol.name;
      note(this.#setup.trace, 0, NET_EVENTS.acceptFailed, { protocol, reason });
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ACCEPT_PAUSE_MS);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Serves or refuses an accepted connection. */
  #admit(conn: Accepted): void {
    const ip = plainIp(conn.remoteAddr.hostname);
    const { proxies } = this.#setup;
    if (proxies?.isProxy(ip) !== true) return this.#place(conn, conn, ip, null);
    void this.#admitProxied(conn, ip, proxies.seconds);
  }

  /** A connection of a proxy: nothing is done before its header is complete. */
  async #admitProxied(socket: Accepted, proxy: string, seconds: number): Promise<void> {
    const { wheel, limits, abort } = this.#setup;
    if (this.#headless.size >= limits.maxSessions) return this.#refuse(socket, proxy, "sessions");
    this.#headless.add(socket);
    try {
      const { conn, ends } = await takeProxyHeader(socket, wheel, seconds, abort);
      this.#headless.delete(socket);
      const ip = ends?.remoteIp ?? proxy;
      note(this.#setup.trace, 0, NET_EVENTS.proxied, { proxy, ip, port: ends?.remotePort ?? 0 });
      this.#place(conn, socket, ip, ends);
    } catch (error) {
      this.#headless.delete(socket);
      closeQuietly(socket);
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#stopping) note(this.#setup.trace, 0, NET_EVENTS.refused, { ip: proxy, reason });
    }
  }

  /** Gives the client at `ip` its place, or not. `socket`: what `conn` is, or is around. */
  #place(conn: Duplex, socket: Accepted, ip: string, ends: ProxiedEnds | null): void {
    const { limits, tooBusy, rules } = this.#setup;
    const env = rules === undefined ? NO_ENV : rules(ip);
    if (env === null) return conn.close();
    if (this.#stopping) return this.#refuse(conn, ip, "shutdown");
    if (tooBusy?.() === true) {
      limits.count("refused_busy");
      return this.#refuse(conn, ip, "busy");
    }
    const ticket = limits.enter(ip);
    if (typeof ticket === "string") return this.#refuse(conn, ip, ticket);
    if (!(env instanceof Promise)) return this.#open(conn, socket, ip, ends, ticket, env);
    // A rule for names waits for the DNS; the connection has its place meanwhile.
    void env.then((found) => {
      if (found !== null && !this.#stopping) {
        return this.#open(conn, socket, ip, ends, ticket, found);
      }
      if (found === null) closeQuietly(conn);
      else this.#refuse(conn, ip, "shutdown");
      this.#leave(ticket);
    }, (error) => {
      this.#fault(conn, 0, error);
      this.#leave(ticket);
    });
  }

  /** Begins the session of a connection that has its place. */
  #open(
    conn: Duplex,
    socket: Accepted,
    ip: string,
    ends: ProxiedEnds | null,
    ticket: number,
    env: Readonly<Record<string, string>>,
  ): void {
    const { limits } = this.#setup;
    const local = socket.localAddr;
    this.#serve(conn, ticket, {
      kind: "socket",
      remoteIp: ip,
      remotePort: ends?.remotePort ?? socket.remoteAddr.port,
      remoteHost: null,
      remoteInfo: null,
      localIp: ends?.localIp ?? plainIp(local.hostname),
      localPort: ends?.localPort ?? local.port,
      localHost: this.#setup.localHost ?? null,
      env,
      rules: this.#setup.rules,
      session: limits.nextSession(),
      service: this.#setup.service,
      offersTls: this.#setup.upgrade !== undefined && this.#setup.implicitTls !== true,
    });
  }

  /** Runs a session; its place is free again when it ends, whatever happens. */
  #serve(conn: Duplex, ticket: number, peer: Peer): void {
    const { implicitTls, upgrade } = this.#setup;
    if (implicitTls !== true || upgrade === undefined) return this.#begin(conn, null, ticket, peer);
    upgrade(conn, peer).then(
      (secured) => this.#begin(secured.conn, secured.info, ticket, peer),
      () => this.#leave(ticket),
    );
  }

  #begin(conn: Duplex, info: SecureInfo | null, ticket: number, peer: Peer): void {
    let session: Session;
    try {
      session = new Session(conn, peer, this.#setup);
    } catch (error) {
      this.#fault(conn, peer.session, error);
      return this.#leave(ticket);
    }
    const place = this.#sessions.add(session);
    const { trace, tellsAsTcpserver } = this.#setup;
    if (tellsAsTcpserver === true) tellBegun(trace, peer, this.#fill());
    session.begin(info, (end) => {
      this.#sessions.remove(place);
      if (tellsAsTcpserver === true) tellEnded(trace, peer.session, end, this.#fill());
      this.#leave(ticket);
    });
    if (this.#stopping) session.stop();
  }

  #fill(): Fill {
    return { open: this.#sessions.size, most: this.#setup.limits.maxSessions };
  }

  #leave(ticket: number): void {
    this.#setup.limits.leave(ticket);
    if (this.#sessions.size === 0) this.#emptied?.();
  }

  /** No session could be made. */
  #fault(conn: Duplex, session: number, error: unknown): void {
    note(this.#setup.trace, session, NET_EVENTS.fault, { reason: oneLine(error) });
    this.#say(conn, "fault");
  }

  /** A connection that is not served. */
  #refuse(conn: Duplex, ip: string, why: RefuseReason): void {
    note(this.#setup.trace, 0, NET_EVENTS.refused, { ip, reason: REFUSAL[why] });
    if (this.#setup.implicitTls === true) closeQuietly(conn);
    else this.#say(conn, why);
  }

  /** One line, then the end. Neither waits for the peer: a new socket takes one line at once. */
  #say(conn: Duplex, why: RefuseReason): void {
    conn.write(this.#setup.protocol.refuse(why)).catch(() => {}).then(() => closeQuietly(conn));
  }
}
