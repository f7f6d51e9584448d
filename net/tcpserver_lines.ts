/**
 * The lines of `tcpserver -v`, for scripts that read them: status, pid and ok when a session begins, end and status when it
 * has ended (trace_tcpserver). The session's number stands where the process id did.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import { note } from "./note.ts";
import type { SessionEnd } from "./session_setup.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Peer } from "./types.ts";

/** Sessions of a listener now, and at the most of all listeners. */
export interface Fill {
  readonly open: number;
  readonly most: number;
}

const status = (trace: Tracer, session: number, { open, most }: Fill): void =>
  note(trace, session, NET_EVENTS.tcpserver, { text: `status: ${open}/${most}` });

/** A session begins. */
export function tellBegun(trace: Tracer, peer: Peer, fill: Fill): void {
  const { session, remoteIp, remotePort, localHost, localIp, localPort } = peer;
  const text = [
    `pid ${session} from ${remoteIp}`,
    `ok ${session} ${localHost ?? "0"}:${localIp}:${localPort} ` +
    `${peer.remoteHost ?? ""}:${remoteIp}:${peer.remoteInfo ?? ""}:${remotePort}`,
  ];
  status(trace, session, fill);
  for (const line of text) note(trace, session, NET_EVENTS.tcpserver, { text: line });
}

/** How wait() would tell of a process that ended with 0, or with 1. */
const WAIT_STATUS = { well: 0, failed: 256 };
const FAILURES: ReadonlySet<SessionEnd> = new Set<SessionEnd>(["fault", "stalled", "tls_failed"]);

/** A session has ended. */
export function tellEnded(trace: Tracer, session: number, end: SessionEnd, fill: Fill): void {
  const code = FAILURES.has(end) ? WAIT_STATUS.failed : WAIT_STATUS.well;
  note(trace, session, NET_EVENTS.tcpserver, { text: `end ${session} status ${code}` });
  status(trace, session, fill);
}
