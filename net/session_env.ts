/** The environment that external programs get: the session's, and who is there as tcp-environ(5) has it. */
import type { Peer } from "./types.ts";

/** The session's environment with TCPREMOTEIP and its kin, as far as they are known. */
export function sessionEnv(peer: Peer): Readonly<Record<string, string>> {
  if (peer.remoteIp === "unknown") return peer.env;
  return {
    ...peer.env,
    PROTO: "TCP",
    TCPREMOTEIP: peer.remoteIp,
    TCPREMOTEPORT: String(peer.remotePort),
    TCPLOCALIP: peer.localIp,
    TCPLOCALPORT: String(peer.localPort),
  };
}
