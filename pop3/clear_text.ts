/**
 * May a password be sent in clear? Setting `pop3_cleartext`: never, from this machine, or always. Under TLS it may always.
 *
 * A client on this machine is one with a loopback address (stunnel in front is one), or standard input without any
 * address: a transcript, a program. Under tcpserver the address that it tells counts.
 */
import type { Peer } from "../net/types.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import type { Pop3Context } from "./context.ts";
import { REPLIES } from "./replies.ts";

/** Is the client on this machine? */
export function isOnThisMachine(peer: Peer): boolean {
  const { remoteIp, kind } = peer;
  return /^127(?:\.\d{1,3}){3}$/.test(remoteIp) || remoteIp === "::1" ||
    (kind === "transcript" && remoteIp === "unknown");
}

/** May this client send a password as the connection is now? */
export function mayUseClearText({ secure, deps, peer }: Pop3Context): boolean {
  if (secure !== null) return true;
  switch (deps.config.cleartext) {
    case "always":
      return true;
    case "loopback":
      return isOnThisMachine(peer);
    case "never":
      return false;
  }
}

/** Refuses a command that brings a password in clear. `command`: for the trace. */
export function refuseClearText(context: Pop3Context, command: string): void {
  const { tracer } = context.deps;
  if (tracer.level >= 2) {
    const fields = { ip: context.peer.remoteIp, command };
    tracer.emit(context.peer.session, POP3_EVENTS.clearRefused, fields);
  }
  context.user = null;
  context.replyError(REPLIES.needsTls);
}
