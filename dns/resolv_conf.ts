/**
 * /etc/resolv.conf as resolv.conf(5) describes it: name servers, and the options timeout, attempts, rotate, use-vc.
 *
 * Search lists are not read, every name asked here is complete; EDNS0 is always tried.
 */
import { canonicalIp } from "./names.ts";

/** The port of name servers. */
export const QUERY_PORT = 53;

export interface ServerAddress {
  /** Canonical text of the address. */
  readonly ip: string;
  readonly port: number;
}

export interface ResolvConf {
  readonly servers: readonly ServerAddress[];
  /** Seconds that one server may take to answer. */
  readonly timeoutSeconds: number;
  /** Times that all servers are asked. */
  readonly attempts: number;
  /** Begin each query with another server. */
  readonly rotate: boolean;
  /** Ask over TCP only. */
  readonly tcp: boolean;
}

const MAX_SERVERS = 3;
const THIS_MACHINE: ServerAddress = { ip: "127.0.0.1", port: QUERY_PORT };

/** IP, IP:PORT or [IPv6]:PORT; null when `text` is none of these. */
export function parseServer(text: string): ServerAddress | null {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+):(\d{1,5})$/.exec(text);
  const ip = canonicalIp(match === null ? text : match[1] ?? "");
  const port = match?.[2] === undefined ? QUERY_PORT : Number(match[2]);
  return ip === null || port < 1 || port > 65535 ? null : { ip, port };
}

function bounded(text: string, min: number, max: number, fallback: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : fallback;
  return Math.min(max, Math.max(min, value));
}

/** Reads the text of a resolv.conf; lines that say nothing known are passed over, as the C library does. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: ServerAddress[] = [];
  let conf = { timeoutSeconds: 5, attempts: 2, rotate: false, tcp: false };
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "nameserver") {
      const ip = canonicalIp(words[0] ?? "");
      if (ip !== null && servers.length < MAX_SERVERS) servers.push({ ip, port: QUERY_PORT });
    }
    if (keyword !== "options") continue;
    for (const word of words) {
      const [name, value = ""] = word.split(":");
      if (name === "timeout") conf = { ...conf, timeoutSeconds: bounded(value, 1, 30, 5) };
      if (name === "attempts") conf = { ...conf, attempts: bounded(value, 1, 5, 2) };
      if (name === "rotate") conf = { ...conf, rotate: true };
      if (name === "use-vc") conf = { ...conf, tcp: true };
    }
  }
  return { servers: servers.length === 0 ? [THIS_MACHINE] : servers, ...conf };
}
