/** A line of control/qmqpservers. */

/** A server, as a line of control/qmqpservers names it. */
export interface QmqpServer {
  readonly line: string;
  readonly hostname: string;
  readonly port: number;
}

const QMQP_PORT = 628;

/** `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address; null when the port is no port. */
export function parseServer(line: string): QmqpServer | null {
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(line) ?? /^([^:]+)(?::(\d+))?$/.exec(line) ??
    /^([0-9a-fA-F:.]+)$/.exec(line);
  const hostname = match?.[1];
  if (hostname === undefined) return null;
  const port = match?.[2] === undefined ? QMQP_PORT : Number(match[2]);
  return port >= 1 && port <= 65535 ? { line, hostname, port } : null;
}
