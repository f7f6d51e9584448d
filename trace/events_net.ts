/** Trace events of net/: listeners, sessions as connections, workers, TLS. */
import { event } from "./tracer.ts";

export const NET_EVENTS = {
  listening: event<{ protocol: string; address: string }>(
    "net.listening",
    1,
    "listen",
    (f) => `${f.protocol} on ${f.address}`,
  ),
  reloaded: event<{ file: string }>(
    "net.reloaded",
    1,
    "serve",
    (f) => `reload: ${f.file} and the site were read again`,
  ),
  stopping: event<{ protocol: string; address: string; sessions: number }>(
    "net.stopping",
    1,
    "listen",
    (f) => `${f.protocol} on ${f.address} stops, ${f.sessions} sessions open`,
  ),
  forced: event<{ protocol: string; sessions: number; seconds: number }>(
    "net.forced",
    1,
    "listen",
    (f) => `${f.protocol}: ${f.sessions} sessions ended by force after ${f.seconds} s`,
  ),
  acceptFailed: event<{ protocol: string; reason: string }>(
    "net.accept.failed",
    1,
    "listen",
    (f) => `${f.protocol}: cannot accept connections, trying again: ${f.reason}`,
  ),
  refused: event<{ ip: string; reason: string }>(
    "net.refused",
    1,
    "listen",
    (f) => `refused ${f.ip}: ${f.reason}`,
  ),
  proxied: event<{ proxy: string; ip: string; port: number }>(
    "net.proxied",
    3,
    "listen",
    (f) => `proxy ${f.proxy} brings ${f.ip} port ${f.port}`,
  ),
  ended: event<{ reason: string }>(
    "net.session.ended",
    3,
    "session",
    (f) => `ended: ${f.reason}`,
  ),
  stalled: event<{ ip: string; seconds: number }>(
    "net.session.stalled",
    2,
    "session",
    (f) => `${f.ip} read nothing for ${f.seconds} s, terminating connection`,
  ),
  stuck: event<{ ip: string }>(
    "net.session.stuck",
    1,
    "session",
    (f) => `connection of ${f.ip} cannot be ended before its peer goes (no shutdown call)`,
  ),
  fault: event<{ reason: string }>(
    "net.session.fault",
    1,
    "session",
    (f) => `internal fault, session closed: ${f.reason}`,
  ),
  workerFailed: event<{ worker: number; reason: string }>(
    "net.worker.failed",
    1,
    "worker",
    (f) => `worker ${f.worker}: ${f.reason}`,
  ),
  workerDied: event<{ worker: number; reason: string; sessions: number }>(
    "net.worker.died",
    1,
    "worker",
    (f) => `worker ${f.worker} died with ${f.sessions} sessions and is replaced: ${f.reason}`,
  ),
  workerReplaced: event<{ worker: number }>(
    "net.worker.replaced",
    1,
    "worker",
    (f) => `worker ${f.worker} is back`,
  ),
  secured: event<{ version: string; cipher: string; sni: string | null; subject: string | null }>(
    "net.tls.secured",
    3,
    "tls",
    (f) =>
      `${f.version} ${f.cipher}` + (f.sni === null ? "" : ` for ${f.sni}`) +
      (f.subject === null ? "" : ` client ${f.subject}`),
  ),
  handshakeFailed: event<{ ip: string; reason: string }>(
    "net.tls.failed",
    2,
    "tls",
    (f) => `no handshake with ${f.ip}: ${f.reason}`,
  ),
  certificatesLoaded: event<{ count: number; names: string }>(
    "net.tls.certificates",
    1,
    "tls",
    (f) => `${f.count} certificates in use: ${f.names}`,
  ),
  certificatesKept: event<{ reason: string }>(
    "net.tls.certificates.kept",
    1,
    "tls",
    (f) => `new certificates are not used, the old ones stay: ${f.reason}`,
  ),
  foreign: event<{ port: number }>(
    "net.tls.foreign",
    1,
    "tls",
    (f) => `a local program connected to the inner side from port ${f.port}: closed`,
  ),
  begun: event<{
    protocol: string;
    service: string;
    ip: string;
    remote_port: number;
    local_port: number;
    client: string;
    tls: string;
    relayclient: string | null;
    databytes: string | null;
  }>(
    "net.dialogue.begun",
    4,
    "session",
    (f) =>
      `begun: protocol[${f.protocol}] service[${f.service}] ip[${f.ip}] port[${f.remote_port}] ` +
      `local_port[${f.local_port}] client[${f.client}] tls[${f.tls}]` +
      (f.databytes === null ? "" : ` databytes[${f.databytes}]`) +
      (f.relayclient === null ? "" : ` relayclient[${f.relayclient}]`),
  ),
  piece: event<{ lines: number; bytes: number }>(
    "net.dialogue.piece",
    4,
    "session",
    (f) => `came together: ${f.lines} lines, ${f.bytes} bytes`,
  ),
  /** A line of tcpserver's own, word by word. */
  tcpserver: event<{ text: string }>("net.tcpserver", 1, "tcpserver", (f) => f.text),
} as const;
