/**
 * The engine of a connection whose host may say XCLIENT: one session after the other, each for another client.
 *
 * Each begins with its own greeting, configuration, connection rules and judgement, as if that client had connected; what
 * was said to the session before is forgotten but for TLS. Several XCLIENT commands add up, because one line may be too
 * short for all. Who may is decided by the host's own address, once. Connections of other hosts have nothing of this.
 */
import { createClosedEngine } from "../net/closed_engine.ts";
import type {
  EndReason,
  Engine,
  EngineView,
  Output,
  Peer,
  SecureInfo,
  Wants,
} from "../net/types.ts";
import { REPLIES } from "./replies.ts";
import { type ClientOverride, type KnownBefore, peerAs, withoutClient } from "./xclient.ts";

/** A session's engine that tells how much of the last chunk it took. */
export interface CountingEngine extends Engine {
  readonly taken?: number;
}

/** Opens the session of one client. `xclient` is called when that is to be another one. */
export type OpenAs = (
  peer: Peer,
  known: KnownBefore | undefined,
  xclient: (override: ClientOverride) => void,
) => CountingEngine;

const NOTHING_TO_SHOW: EngineView = {
  state: "closing",
  login: null,
  sender: null,
  recipients: 0,
  messages: 0,
};

/** The engine. */
export function createXclientEngine(base: Peer, output: Output, open: OpenAs): Engine {
  return new XclientEngine(base, output, open);
}

class XclientEngine implements Engine {
  readonly #base: Peer;
  readonly #output: Output;
  readonly #open: OpenAs;
  #inner: CountingEngine;
  /** For whom that is. */
  #ip: string;
  #tls: SecureInfo | null = null;
  /** All that XCLIENT has said so far. */
  #override: ClientOverride = {};
  /** It said more, and the session for that has not begun. */
  #isChanged = false;

  constructor(base: Peer, output: Output, open: OpenAs) {
    this.#base = base;
    this.#output = output;
    this.#open = open;
    this.#ip = base.remoteIp;
    this.#inner = this.#openAs(base, undefined);
  }

  get wants(): Wants {
    return this.#inner.wants;
  }

  get busy(): boolean {
    return this.#inner.busy;
  }

  get idleSeconds(): number {
    return this.#inner.idleSeconds;
  }

  get sessionSeconds(): number {
    return this.#inner.sessionSeconds;
  }

  view(): EngineView {
    return { ...this.#inner.view?.() ?? NOTHING_TO_SHOW, ip: this.#ip };
  }

  start(): void | Promise<void> {
    return this.#inner.start();
  }

  secured(info: SecureInfo): void {
    this.#tls = info;
    this.#inner.secured?.(info);
  }

  receive(chunk: Uint8Array): void | Promise<void> {
    const handled = this.#inner.receive(chunk);
    if (handled !== undefined) return handled.then(() => this.#goOn(chunk));
    return this.#goOn(chunk);
  }

  end(reason: EndReason): void | Promise<void> {
    return this.#inner.end(reason);
  }

  #openAs(peer: Peer, known: KnownBefore | undefined): CountingEngine {
    return this.#open(peer, known, (override) => {
      this.#override = { ...this.#override, ...override };
      this.#isChanged = true;
    });
  }

  /** What is left of `chunk` is the next client's. */
  #goOn(chunk: Uint8Array): void | Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    return this.#restart(chunk.subarray(this.#inner.taken ?? chunk.length));
  }

  async #restart(rest: Uint8Array): Promise<void> {
    const { helo = null, login = null, extended = false } = this.#override;
    const env = await this.#environment();
    const peer = peerAs(this.#base, this.#override, env ?? {});
    this.#ip = peer.remoteIp;
    this.#inner = env === null
      ? createClosedEngine(REPLIES.xclient_denied.bytes, this.#output)
      : this.#openAs(peer, {
        helo,
        extended,
        login,
        tls: this.#tls,
      });
    const started = this.#inner.start();
    if (started !== undefined) await started;
    if (rest.length > 0 && this.#inner.wants === "input") await this.receive(rest);
  }

  /** What connection rules give the client's address; null: it may not connect. */
  #environment(): ReturnType<NonNullable<Peer["rules"]>> {
    const { addr } = this.#override;
    const { rules, env } = this.#base;
    if (addr === undefined) return env;
    return rules === undefined || addr === null ? withoutClient(env) : rules(addr);
  }
}
