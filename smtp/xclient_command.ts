/** The command XCLIENT: who may give it, when, and what it means for the session in which it comes. */
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { endSession, type Session } from "./state.ts";
import { type ClientOverride, parseXclient } from "./xclient.ts";

/** Why XCLIENT is refused, or what it says. */
export function checkXclient(session: Session, argument: string): ClientOverride | Reply {
  if (session.deps.xclient === undefined) return REPLIES.xclient_refused;
  if (session.transaction !== null) return REPLIES.xclient_in_transaction;
  return parseXclient(argument) ?? REPLIES.xclient_syntax;
}

/** This session is over; the one of the client that was named begins. */
export function takeXclient(session: Session, override: ClientOverride): void {
  const { deps, peer } = session;
  if (deps.tracer.level >= SMTP_EVENTS.xclient.level) {
    const { addr = peer.remoteIp, name, helo, login } = override;
    deps.tracer.emit(peer.session, SMTP_EVENTS.xclient, {
      by: peer.remoteIp,
      ip: addr ?? "unknown",
      name: name ?? "",
      helo: helo ?? "",
      login: login ?? "",
    });
  }
  endSession(session, null, "xclient");
  deps.xclient?.(override);
}
