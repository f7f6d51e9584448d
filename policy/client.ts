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
  const ip = peer.remoteIp;
  // Made when somebody asks: most sessions of a list of senders never do.
  let network: string | null = null;
  return {
    ip,
    get network() {
      return network ??= networkOf(ip);
    },
    isLoopback: isLoopback(ip),
    isRelayClient,
    login,
    isForwarder: isForwarder(ip),
    env: peer.env,
  };
}
