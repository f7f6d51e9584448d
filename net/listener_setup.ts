/** What a listener is given. See listener.ts for what becomes of it. */
import type { ListenAddress, Sockets } from "./address.ts";
import type { SessionLimits } from "./limits.ts";
import type { SessionSetup } from "./session_setup.ts";
import type { Peer, Rules } from "./types.ts";

/** Proxies in front of a listener (docs/proxy.md). */
export interface ProxyTerms {
  /** A connection from this address must begin with a PROXY header; no other may. */
  readonly isProxy: (ip: string) => boolean;
  /** Longest wait for the header. */
  readonly seconds: number;
}

/** What a listener needs. */
export interface ListenerSetup extends SessionSetup {
  readonly address: ListenAddress;
  readonly limits: SessionLimits;
  /** Absent: auto. */
  readonly sockets?: Sockets;
  /** Several workers listen on this port. */
  readonly reusePort?: boolean;
  /** True: too much is in hand for a new session. */
  readonly tooBusy?: () => boolean;
  readonly rules?: Rules;
  /** Absent or undefined: there are no proxies. */
  readonly proxies?: ProxyTerms | undefined;
  /** Sessions begin with TLS (smtps, pop3s) and `upgrade` is there. */
  readonly implicitTls?: boolean;
  /** Sessions are told of in tcpserver's words as well. */
  readonly tellsAsTcpserver?: boolean;
  /** Our name for the peers of this listener (TCPLOCALHOST). */
  readonly localHost?: string | null;
  /** What clients of this listener come for. */
  readonly service?: Peer["service"];
}
