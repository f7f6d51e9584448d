/**
 * Where a listener listens: HOST:PORT, :PORT, [IPv6]:PORT, and the sentences for what can go wrong there.
 *
 * ":25" means all addresses of the machine: one IPv6 socket that takes IPv4 as well, or 0.0.0.0 where the machine
 * has no IPv6. Nothing here resolves names of clients.
 */

import { listenPolled } from "./polled.ts";
import type { Acceptor, NetEnd } from "./types.ts";

/** A parsed HOST:PORT. */
export interface ListenAddress {
  /** Host names or addresses to try in this order. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** As the administrator wrote it. */
  readonly text: string;
}

/** A listener that cannot be had: one sentence for the administrator. */
export class ListenError extends Error {
  override name = "ListenError";
}

const ALL_ADDRESSES = ["::", "0.0.0.0"];

/**
 * Reads HOST:PORT.
 * @throws {ListenError} when `text` is none.
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  if (match === null) {
    throw new ListenError(
      `"${text}" is not HOST:PORT such as 127.0.0.1:2525, :25 or [::1]:25`,
    );
  }
  const port = Number(match[3]);
  if (port > 65535) throw new ListenError(`"${text}" has a port above 65535`);
  const host = match[1] ?? match[2] ?? "";
  const hosts = host === "" || host === "*" ? ALL_ADDRESSES : [host];
  return { hosts, port, text: text.trim() };
}

/** HOST:PORT of a bound socket, as people write it. */
export function showAddress(addr: NetEnd): string {
  return addr.hostname.includes(":")
    ? `[${addr.hostname}]:${addr.port}`
    : `${addr.hostname}:${addr.port}`;
}

/** One sentence on why `address` could not be bound. */
export function listenFailure(address: ListenAddress, error: unknown): string {
  const where = `Cannot listen on ${address.text}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `${where}: another program already listens there`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return address.port > 0 && address.port < 1024
      ? `${where}: ports below 1024 need root or CAP_NET_BIND_SERVICE (or use a port like 2525)`
      : `${where}: the system does not permit it`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${where}: this machine has no such address`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `${where}: ${reason.replace(/\s*\(os error \d+\)/, "")}`;
}

/** Whose sockets a listener's are: polled.ts where they can be had, or the runtime's. */
export type Sockets = "auto" | "runtime";

/**
 * Binds `address`. `reusePort`: several workers listen on the same port.
 * @throws {ListenError} with the sentence of `listenFailure`.
 */
export function bind(
  address: ListenAddress,
  reusePort: boolean,
  sockets: Sockets = "auto",
): Acceptor {
  let failure: unknown = null;
  for (const hostname of address.hosts) {
    try {
      const polled = sockets === "auto" ? listenPolled(hostname, address.port, reusePort) : null;
      return polled ??
        Deno.listen({ hostname, port: address.port, tcpBacklog: 4096, reusePort });
    } catch (error) {
      failure ??= error;
      const inUse = error instanceof Deno.errors.AddrInUse;
      if (inUse || error instanceof Deno.errors.PermissionDenied) break;
    }
  }
  throw new ListenError(listenFailure(address, failure), { cause: failure });
}
