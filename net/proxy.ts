/**
 * The PROXY protocol's header, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): who the client of a proxy is.
 *
 * A pure function of the bytes that came so far. Version 1 is one line of text, version 2 binary. What a header says
 * beyond both ends of the connection (TLVs: names, TLS of the proxy) is skipped, and checksums are not verified. When it
 * must be believed, and how long it is waited for, is proxy_header.ts' and the listener's.
 */
import { canonicalIp, parseIp, showIp } from "./ip.ts";

/** Both ends of the client's connection to the proxy. */
export interface ProxiedEnds {
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly localIp: string;
  readonly localPort: number;
}

/** What the bytes are. */
export type ProxyHeader =
  /** The beginning of a header. */
  | { readonly kind: "more" }
  /** No header; `reason`: one sentence. */
  | { readonly kind: "wrong"; readonly reason: string }
  /** A header of so many bytes; `ends` null: the proxy speaks for itself, or does not know (LOCAL, UNKNOWN). */
  | { readonly kind: "done"; readonly bytes: number; readonly ends: ProxiedEnds | null };

/** Longest line of version 1, CR LF included. */
const V1_BYTES = 107;
const V1_START = bytesOf("PROXY ");
const V2_START = bytesOf("\r\n\r\n\0\r\nQUIT\n");
/** The fixed part of version 2. */
const V2_FIXED = 16;
/** Most that the variable part may have: addresses, and TLVs of a proxy that tells of certificates. */
export const V2_MOST_BYTES = 4096;

const CR = 13;
const LF = 10;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

const wrong = (reason: string): ProxyHeader => ({ kind: "wrong", reason });

const MORE: ProxyHeader = { kind: "more" };

/** Reads the header at the beginning of `bytes`, which may hold less than it, or more. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (begins(bytes, V1_START)) return parseLine(bytes);
  if (begins(bytes, V2_START)) return parseBinary(bytes);
  return wrong("it does not begin with a PROXY header");
}

/** As far as they go, are they the same? */
function begins(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

/** Version 1. A CR or LF alone is no line end. */
function parseLine(bytes: Uint8Array): ProxyHeader {
  const lf = bytes.indexOf(LF);
  const length = lf < 0 ? bytes.length : lf + 1;
  if (length > V1_BYTES || (lf < 0 && length === V1_BYTES)) {
    return wrong(`its PROXY line has no end within ${V1_BYTES} bytes`);
  }
  const cr = bytes.subarray(0, length).indexOf(CR);
  if (cr >= 0 && cr < length - (lf < 0 ? 1 : 2)) return wrong("its PROXY line has a CR inside");
  if (lf < 0) return MORE;
  if (cr < 0) return wrong("its PROXY line ends in LF without CR");
  const line = String.fromCharCode(...bytes.subarray(V1_START.length, cr));
  if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) {
    return { kind: "done", bytes: length, ends: null };
  }
  const ends = parseEnds(line);
  return ends === null
    ? wrong("its PROXY line is not of the form TCP4 or TCP6, two addresses, two ports")
    : { kind: "done", bytes: length, ends };
}

/** Numbers without heading zeroes. */
const NUMBER = "(0|[1-9]\\d*)";
const IPV4 = new RegExp(`^${Array(4).fill(NUMBER).join("\\.")}$`);
const PORT = new RegExp(`^${NUMBER}$`);

function parseEnds(line: string): ProxiedEnds | null {
  const [family = "", from = "", to = "", fromPort = "", toPort = "", ...rest] = line.split(" ");
  const isIp = family === "TCP4" ? isIpv4 : family === "TCP6" ? isIpv6 : () => false;
  if (!isIp(from) || !isIp(to) || !isPort(fromPort) || !isPort(toPort) || rest.length > 0) {
    return null;
  }
  return {
    remoteIp: canonicalIp(from) ?? from,
    remotePort: Number(fromPort),
    localIp: canonicalIp(to) ?? to,
    localPort: Number(toPort),
  };
}

const isIpv4 = (text: string): boolean => IPV4.test(text) && parseIp(text) !== null;
const isIpv6 = (text: string): boolean =>
  /^[\da-fA-F:.]+$/.test(text) && text.includes(":") &&
  parseIp(text) !== null;
const isPort = (text: string): boolean => PORT.test(text) && Number(text) <= 65535;

/** Bytes of both addresses and ports, by the family in the high half of the 14th byte. */
const INET = 1;
const INET6 = 2;
const UNIX = 3;
const STREAM = 1;
const DGRAM = 2;

/** Version 2. */
function parseBinary(bytes: Uint8Array): ProxyHeader {
  const [command = 0x20, about = 0] = bytes.subarray(V2_START.length);
  if (command >> 4 !== 2) return wrong(`its PROXY header is of version ${command >> 4}`);
  if ((command & 15) > 1) return wrong(`its PROXY header has command ${command & 15}`);
  if (about >> 4 > UNIX || (about & 15) > DGRAM) {
    return wrong(`its PROXY header has address family ${about >> 4}, protocol ${about & 15}`);
  }
  if (bytes.length < V2_FIXED) return MORE;
  const length = numberAt(bytes, 14);
  if (length > V2_MOST_BYTES) {
    return wrong(`its PROXY header has ${length} bytes, more than ${V2_MOST_BYTES}`);
  }
  const isLocal = (command & 15) === 0;
  const addressBytes = isLocal || (about & 15) !== STREAM ? 0 : addressBytesOf(about >> 4);
  if (length < 2 * addressBytes + (addressBytes > 0 ? 4 : 0)) {
    return wrong("its PROXY header is too short for its addresses");
  }
  const end = V2_FIXED + length;
  if (bytes.length < end) return MORE;
  return {
    kind: "done",
    bytes: end,
    ends: addressBytes === 0 ? null : endsAt(bytes, addressBytes),
  };
}

/** Of one address; 0: none that can be a client's of ours (a socket of the proxy's machine, nothing at all). */
function addressBytesOf(family: number): 0 | 4 | 16 {
  return family === INET ? 4 : family === INET6 ? 16 : 0;
}

function endsAt(bytes: Uint8Array, addressBytes: 4 | 16): ProxiedEnds {
  const ports = V2_FIXED + 2 * addressBytes;
  return {
    remoteIp: ipAt(bytes, V2_FIXED, addressBytes),
    remotePort: numberAt(bytes, ports),
    localIp: ipAt(bytes, V2_FIXED + addressBytes, addressBytes),
    localPort: numberAt(bytes, ports + 2),
  };
}

const numberAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

const ipAt = (bytes: Uint8Array, at: number, length: 4 | 16): string =>
  showIp(bytes.subarray(at, at + length));
