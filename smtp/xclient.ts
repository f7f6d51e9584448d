/**
 * XCLIENT: a listed host, such as a filter or a test, says for whom it speaks (Postfix, XCLIENT_README).
 *
 * The line is understood here and turned into another client; the command is xclient_command.ts', and xclient_engine.ts
 * begins the session anew for that client. Values are xtext (RFC 3461, section 4). XFORWARD, which only changes what is
 * logged, is not there.
 */
import { canonicalIp } from "../net/ip.ts";
import type { Peer, SecureInfo } from "../net/types.ts";

/** What is said of the client. Absent: nothing. Null: it has none, or nobody knows now. */
export interface ClientOverride {
  readonly name?: string | null;
  readonly addr?: string | null;
  readonly port?: number | null;
  readonly extended?: boolean;
  readonly helo?: string | null;
  readonly login?: string | null;
  readonly destAddr?: string | null;
  readonly destPort?: number | null;
}

/** What a session knows from its first moment on. */
export interface KnownBefore {
  readonly helo: string | null;
  readonly extended: boolean;
  readonly login: string | null;
  readonly tls: SecureInfo | null;
}

/** EHLO's line for hosts that may. */
export const XCLIENT_EXTENSION = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";

/** Longest NAME, HELO and LOGIN. */
const MAX_BYTES = 255;

/** Makes a part of the override of a value; null: it can't be. `none`: it said so. */
type Reader = (value: string, none: boolean) => ClientOverride | null;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["NAME", (value, none) => ofText(value, none, /^[\w.-]+$/, (name) => ({ name }))],
  ["ADDR", (value, none) => ofIp(value, none, (addr) => ({ addr }))],
  ["PORT", (value, none) => ofPort(value, none, (port) => ({ port }))],
  ["PROTO", (value) => ofProtocol(value)],
  ["HELO", (value, none) => ofText(value, none, /^.+$/, (helo) => ({ helo }))],
  ["LOGIN", (value, none) => ofText(value, none, /^.+$/, (login) => ({ login }))],
  ["DESTADDR", (value, none) => ofIp(value, none, (destAddr) => ({ destAddr }))],
  ["DESTPORT", (value, none) => ofPort(value, none, (destPort) => ({ destPort }))],
]);

/** Reads what follows the verb; null: it can't be understood. Of two values of one attribute the last counts. */
export function parseXclient(argument: string): ClientOverride | null {
  const words = argument.split(" ").filter((word) => word !== "");
  if (words.length === 0) return null;
  let override: ClientOverride = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    const read = READERS.get(word.slice(0, Math.max(0, equals)).toUpperCase());
    const value = decodeXtext(word.slice(equals + 1));
    if (read === undefined || value === null) return null;
    const part = read(value, /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(value));
    if (part === null) return null;
    override = { ...override, ...part };
  }
  return override;
}

/** xtext as text, one char a byte; null: it is none, or has control characters. */
export function decodeXtext(text: string): string | null {
  if (/\+(?![\dA-Fa-f]{2})/.test(text)) return null;
  const decoded = text.replace(
    /\+(..)/g,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // deno-lint-ignore no-control-regex
  return /[\x00-\x1f\x7f]/.test(decoded) ? null : decoded;
}

function ofText(
  value: string,
  none: boolean,
  form: RegExp,
  make: (text: string | null) => ClientOverride,
): ClientOverride | null {
  if (none) return make(null);
  return value.length <= MAX_BYTES && form.test(value) ? make(value) : null;
}

function ofIp(
  value: string,
  none: boolean,
  make: (ip: string | null) => ClientOverride,
): ClientOverride | null {
  if (none) return make(null);
  const bare = value.replace(/^IPV6:/i, "");
  // IPv6 has its prefix, IPv4 has none.
  const ip = bare.includes(":") === (bare !== value) ? canonicalIp(bare) : null;
  return ip === null ? null : make(ip);
}

function ofPort(
  value: string,
  none: boolean,
  make: (port: number | null) => ClientOverride,
): ClientOverride | null {
  if (none) return make(null);
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 65536;
  return port <= 65535 ? make(port) : null;
}

function ofProtocol(value: string): ClientOverride | null {
  const word = value.toUpperCase();
  return word === "SMTP" || word === "ESMTP" ? { extended: word === "ESMTP" } : null;
}

/** Variables of the environment that are about the client's address, where no connection rule gives others. */
const OF_THE_CLIENT: ReadonlySet<string> = new Set([
  "RELAYCLIENT",
  "RBLSMTPD",
  "TCPREMOTEIP",
  "TCPREMOTEPORT",
  "TCPREMOTEHOST",
  "TCPREMOTEINFO",
  "TCPLOCALHOST",
]);

type Environment = Readonly<Record<string, string>>;

/** The environment of a session without what was granted to another client. */
export function withoutClient(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_CLIENT.has(name)));
}

/** The client that `override` makes of `base`; `env`: what connection rules give its address. */
export function peerAs(base: Peer, override: ClientOverride, env: Environment): Peer {
  const { addr, port, name, destAddr, destPort } = override;
  const isOther = addr !== undefined;
  const remoteHost = name === undefined ? (isOther ? null : base.remoteHost) : name;
  const hosts: Environment = remoteHost === null ? {} : { TCPREMOTEHOST: remoteHost };
  return {
    ...base,
    remoteIp: isOther ? addr ?? "unknown" : base.remoteIp,
    remotePort: port === undefined ? (isOther ? 0 : base.remotePort) : port ?? 0,
    remoteHost,
    remoteInfo: isOther ? null : base.remoteInfo,
    localIp: destAddr ?? base.localIp,
    localPort: destPort ?? base.localPort,
    env: isOther ? { ...env, ...hosts } : { ...base.env, ...hosts },
  };
}
