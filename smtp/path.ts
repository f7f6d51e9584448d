/**
 * The argument of MAIL and RCPT: the path and what follows it.
 *
 * Mirrors what qmail-smtpd accepts, which is a good deal more than RFC 5321, section 4.1.2: a path
 * without angle brackets ends at a space, source routes are dropped, quotes and backslashes are
 * resolved, anything before "<" is ignored, and an address of the local host's number gets the name
 * in control/localiphost. What RFC 5321 calls a valid path comes out as it went in. A domain's
 * syntax is not judged here: rcpthosts and the look-up do that.
 */

/**
 * An address of this many bytes or more is refused (qmail-smtpd's limit, well above RFC 5321's
 * 256).
 */
export const MAX_ADDRESS_BYTES = 900;

/** A parsed path. */
export interface Path {
  /** The address without brackets, route and quoting; "" for the null path. */
  readonly address: string;
  /** ESMTP parameters, separated by spaces; "" where there are none. */
  readonly parameters: string;
}

/** What "[our number]" turns into. */
export interface LocalLiteral {
  /** Our IPv4 addresses. */
  readonly ips: ReadonlySet<string>;
  /** control/localiphost; null: literals stay as they are. */
  readonly host: string | null;
}

/** Parses the text behind MAIL or RCPT; null: the address is too long. */
export function parsePath(argument: string, local: LocalLiteral): Path | null {
  const open = argument.indexOf("<");
  const closer = open >= 0 ? ">" : " ";
  const start = skipRoute(argument, open >= 0 ? open + 1 : bareStart(argument));
  // Nearly every address comes without quoting: one slice is enough.
  const quoted = argument.indexOf('"', start) >= 0 || argument.indexOf("\\", start) >= 0;
  const end = quoted ? quotedEnd(argument, start, closer) : plainEnd(argument, start, closer);
  const raw = argument.slice(start, end);
  const address = nameLiteral(quoted ? unquote(raw) : raw, local);
  if (address.length >= MAX_ADDRESS_BYTES) return null;
  return { address, parameters: parametersAfter(argument, end, closer) };
}

/** Without "<" the address follows the first colon and spaces. */
function bareStart(argument: string): number {
  const colon = argument.indexOf(":");
  if (colon < 0) return argument.length;
  let at = colon + 1;
  while (argument.charCodeAt(at) === 0x20) at++;
  return at;
}

/** RFC 5321, appendix C: a source route ("@a,@b:") is accepted and ignored. */
function skipRoute(argument: string, start: number): number {
  if (argument.charAt(start) !== "@") return start;
  const colon = argument.indexOf(":", start);
  return colon < 0 ? argument.length : colon + 1;
}

function plainEnd(argument: string, start: number, closer: string): number {
  const end = argument.indexOf(closer, start);
  return end < 0 ? argument.length : end;
}

/** The closer counts only outside quotes and not behind a backslash. */
function quotedEnd(argument: string, start: number, closer: string): number {
  let inQuotes = false;
  for (let i = start; i < argument.length; i++) {
    const c = argument.charAt(i);
    if (c === "\\") i++;
    else if (c === '"') inQuotes = !inQuotes;
    else if (c === closer && !inQuotes) return i;
  }
  return argument.length;
}

function unquote(raw: string): string {
  let address = "";
  for (let i = 0; i < raw.length; i++) {
    const c = raw.charAt(i);
    if (c === "\\") address += raw.charAt(++i);
    else if (c !== '"') address += c;
  }
  return address;
}

/**
 * Parameters stand behind "> ". Whatever else follows a path, or follows one without brackets, is
 * ignored, as qmail does: it is no RFC 5321, and what a parameter means there is anybody's guess.
 */
function parametersAfter(argument: string, end: number, closer: string): string {
  if (closer !== ">" || argument.charCodeAt(end + 1) !== 0x20) return "";
  return argument.slice(end + 1).trim();
}

/** The address with "[our number]" replaced by control/localiphost. */
function nameLiteral(address: string, local: LocalLiteral): string {
  if (local.host === null || !address.endsWith("]")) return address;
  const at = address.lastIndexOf("@");
  if (at < 0) return address;
  const ip = literalIp(address.slice(at + 1));
  return ip !== null && local.ips.has(ip) ? address.slice(0, at + 1) + local.host : address;
}

/**
 * The number in "[1.2.3.4]"; each part counts modulo 256, as qmail reads it. Null: not of this
 * form.
 */
export function literalIp(literal: string): string | null {
  const match = /^\[(\d+)\.(\d+)\.(\d+)\.(\d+)\]$/.exec(literal);
  if (match === null) return null;
  return match.slice(1).map((digits) => Number(BigInt(digits) % 256n)).join(".");
}
