/** What policy knows of a client, taken from its connection. */
import type { Peer } from "../net/types.ts";
import { isLoopback, networkOf } from "./networks.ts";
import type { ClientFacts } from "./types.ts";

/**
 * The facts; made once a session, and again after a login.
 * @param isRelayClient RELAYCLIENT is set
 */
export function clientFacts(
  peer: Pick<Peer, "remoteIp" | "env">,
  isRelayClient: boolean,
  login: string | null,
  isForwarder: (ip: string) => boolean,
): ClientFacts {
  return new Facts(peer, isRelayClient, login, isForwarder(peer.remoteIp));
}

/**
 * A class for its getter: one in an object literal makes a shape of its own for each session, and
 * everything that reads these facts slower.
 */
class Facts implements ClientFacts {
  readonly ip: string;
  readonly isLoopback: boolean;
  readonly isRelayClient: boolean;
  readonly login: string | null;
  readonly isForwarder: boolean;
  readonly env: ClientFacts["env"];
  /** Made when somebody asks: most sessions of a list of senders never do. */
  #network: string | null = null;

  constructor(
    { remoteIp, env }: Pick<Peer, "remoteIp" | "env">,
    isRelayClient: boolean,
    login: string | null,
    isForwarder: boolean,
  ) {
    this.ip = remoteIp;
    this.isLoopback = isLoopback(remoteIp);
    this.isRelayClient = isRelayClient;
    this.login = login;
    this.isForwarder = isForwarder;
    this.env = env;
  }

  get network(): string {
    return this.#network ??= networkOf(this.ip);
  }
}
