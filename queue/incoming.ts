/**
 * What every way in does to a message before the queue has it: the Received line, and the largest size.
 *
 * Mirrors qmail's received.c (RFC 5321, section 4.4) and the setup of qmail-smtpd and qmail-qmtpd (databytes,
 * DATABYTES). Everything a client can choose goes through `safeText`: no byte of it can end the line, open a comment or
 * a second field.
 */
import type { Settings } from "../settings/mod.ts";
import type { ControlFiles } from "../validate/types.ts";

/** What the line says. Absent names are null. */
export interface ReceivedFrom {
  readonly remoteHost: string | null;
  readonly remoteInfo: string | null;
  readonly remoteIp: string;
  /** What the client called itself; null: nothing. */
  readonly helo: string | null;
  /** Our name or address. */
  readonly local: string;
  /** The protocol's word, such as "QMTP" or "ESMTPS". */
  readonly protocol: string;
  /** A comment behind the word, such as TLS version and cipher; "" for none. */
  readonly comment: string;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Letters, digits and what addresses need; anything else becomes "?". */
export function safeText(text: string): string {
  return text.replace(/[^A-Za-z0-9.@%+/=:\-[\]]/g, "?");
}

/** RFC 5322 date in UTC, as qmail writes it: "20 Nov 2026 13:27:48 -0000". `ms`: milliseconds since 1970. */
export function dateText(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => n.toString().padStart(2, "0");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  const month = MONTHS[date.getUTCMonth()] ?? "";
  return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()} ${time} -0000`;
}

/** The Received line with its two LF line ends. `ms`: milliseconds since 1970. */
export function receivedLine(from: ReceivedFrom, ms: number): string {
  const host = from.remoteHost ?? "unknown";
  // The name given is only worth a word where it is not the name known anyway.
  const helo = from.helo !== null && from.helo.toLowerCase() !== host.toLowerCase()
    ? ` (HELO ${safeText(from.helo)})`
    : "";
  const info = from.remoteInfo === null ? "" : `${safeText(from.remoteInfo)}@`;
  const peer = `${safeText(host)}${helo} (${info}${safeText(from.remoteIp || "unknown")})`;
  // Names of ciphers have underscores.
  const comment = from.comment === "" ? "" : ` (${from.comment.replace(/[^A-Za-z0-9_. -]/g, "?")})`;
  const by = safeText(from.local || "unknown");
  return `Received: from ${peer}\n  by ${by} with ${from.protocol}${comment}; ${dateText(ms)}\n`;
}

/**
 * The largest message in bytes, 0: no limit. The setting, else DATABYTES, else control/databytes. DATABYTES beats the
 * file even where it is no number, and then means "no limit", as in qmail.
 * @throws {ControlError} when control/databytes can't be read
 */
export function sizeLimit(
  settings: Settings,
  control: ControlFiles,
  env: Readonly<Record<string, string>>,
): number {
  const inFile = control.integer("databytes");
  if (settings.databytes > 0) return settings.databytes;
  const inEnv = env["DATABYTES"];
  return inEnv === undefined ? inFile ?? 0 : Number(/^\d+/.exec(inEnv)?.[0] ?? "0");
}
