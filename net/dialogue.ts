/**
 * What the dialogue of trace level 4 can't show by its lines alone: who came to which door, and which lines came together.
 * A recording of the session is made from it (transcript/record.ts).
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Peer } from "./types.ts";

const LF = 10;

/** A session begins; call it at trace level 4. `protocol`: the name of the service; `isSecure`: TLS is on. */
export function traceBegun(trace: Tracer, protocol: string, peer: Peer, isSecure: boolean): void {
  trace.emit(peer.session, NET_EVENTS.begun, {
    protocol,
    service: peer.service ?? "",
    ip: peer.remoteIp,
    remote_port: peer.remotePort,
    local_port: peer.localPort,
    client: peer.kind,
    tls: isSecure ? "implicit" : peer.offersTls === true ? "offered" : "none",
    relayclient: peer.env["RELAYCLIENT"] ?? null,
    databytes: peer.env["DATABYTES"] ?? null,
  });
}

/** Bytes came; call it at trace level 4, before they are handled. Nothing is said of what ends with its first line. */
export function tracePiece(trace: Tracer, peer: Peer, piece: Uint8Array): void {
  let lines = 0;
  for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, at + 1)) lines++;
  if (lines < 2) return;
  trace.emit(peer.session, NET_EVENTS.piece, { lines, bytes: piece.length });
}
