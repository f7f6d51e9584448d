/**
 * STLS (RFC 2595, section 4): TLS on a connection that began in clear. Only before the login, only once, and only where
 * a handshake can be done.
 *
 * Whatever was sent in clear behind STLS could have been put there by somebody in between, to be taken for a command of
 * the client later (CVE-2011-0411): it is never run, and the session ends.
 */
import type { SecureInfo } from "../net/types.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import { isEmpty } from "./arguments.ts";
import type { Pop3Context } from "./context.ts";
import { REPLIES } from "./replies.ts";

/** Is STLS offered to this session now? */
export function offersStls({ state, secure, deps }: Pop3Context): boolean {
  return state === "authorization" && secure === null && deps.tls === true;
}

export function stls(context: Pop3Context, argument: Uint8Array): void {
  if (context.secure !== null) return context.replyError(REPLIES.stlsDone);
  if (!offersStls(context)) return context.replyError(REPLIES.unknown);
  if (!isEmpty(argument)) return context.replyError(REPLIES.syntax);
  if (!context.hasMore) {
    context.reply(REPLIES.stlsReady);
    context.wants = "tls";
    return;
  }
  const { tracer } = context.deps;
  if (tracer.level >= 2) {
    const fields = { ip: context.peer.remoteIp };
    tracer.emit(context.peer.session, POP3_EVENTS.stlsPipelined, fields);
  }
  context.reply(REPLIES.stlsPipelined);
  context.close("commands behind STLS");
}

/** Version and cipher as the trace shows them; "" for a connection in clear. */
export function tlsText(info: SecureInfo | null): string {
  return info === null ? "" : `${info.version} ${info.cipher}`;
}
