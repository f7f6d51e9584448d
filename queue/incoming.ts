/**
 * What every way in does with a message before and after the queue has it: the Received line, the largest size, and what
 * a client may hear of a message that was not queued.
 *
 * Mirrors qmail's received.c (RFC 5321, section 4.4) and the setup of qmail-smtpd and qmail-qmtpd (databytes,
 * DATABYTES). Everything a client can choose goes through `safeText`: no byte of it can end the line, open a comment or
 * a second field.
 */
import type { Peer, SecureInfo } from "../net/types.ts";
import type { Settings } from "../settings/mod.ts";
import { leadingNumber } from "../validate/control.ts";
import type { ControlFiles } from "../validate/types.ts";
import type { NotQueued } from "./types.ts";

/** Who the message came from. */
export type ReceivedFrom = Pick<
  Peer,
  "remoteHost" | "remoteInfo" | "remoteIp" | "localHost" | "localIp"
>;

/** How it came. */
export interface ReceivedBy {
  /** What the client called itself; null: nothing. */
  readonly helo: string | null;
  /** The protocol's word, such as "QMTP" or "ESMTPS". */
  readonly protocol: string;
  /** Null: in clear. */
  readonly tls: Pick<SecureInfo, "version" | "cipher"> | null;
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
export function receivedLine(from: ReceivedFrom, by: ReceivedBy, ms: number): string {
  const host = from.remoteHost ?? "unknown";
  // The name given is only worth a word where it is not the name known anyway.
  const helo = by.helo !== null && by.helo.toLowerCase() !== host.toLowerCase()
    ? ` (HELO ${safeText(by.helo)})`
    : "";
  const info = from.remoteInfo === null ? "" : `${safeText(from.remoteInfo)}@`;
  const peer = `${safeText(host)}${helo} (${info}${safeText(from.remoteIp || "unknown")})`;
  const local = safeText((from.localHost ?? from.localIp) || "unknown");
  const tls = by.tls === null ? "" : ` (${safeTls(by.tls.version)} ${safeTls(by.tls.cipher)})`;
  return `Received: from ${peer}\n  by ${local} with ${by.protocol}${tls}; ${dateText(ms)}\n`;
}

const ADDED_FIELD = /^[!-9;-~]+:/;

/**
 * Fields that a connection's environment wants below our Received line (HEADER_ADD, as mailfront has
 * it), each line with its LF; "" for none. Lines that are neither fields nor go on with one are
 * left out: they would end the header.
 */
export function addedFields(env: Readonly<Record<string, string>>): string {
  const text = env["HEADER_ADD"];
  if (text === undefined || text === "") return "";
  let added = "";
  for (const line of text.replace(/[\r\0]/g, "").split("\n")) {
    const goesOn = added !== "" && /^[ \t]+[^ \t]/.test(line);
    if (goesOn || ADDED_FIELD.test(line)) added += `${line}\n`;
  }
  return added;
}

/** Names of ciphers have underscores. */
function safeTls(name: string): string {
  return name.replace(/[^A-Za-z0-9_.-]/g, "?");
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
  return (inEnv === undefined ? inFile : leadingNumber(inEnv)) ?? 0;
}

/**
 * What the client hears: the reason, where it was written for clients, else `general`, the words that fit every reason.
 * `session`: its number in the trace, where the reason stands.
 */
export function publicReason(outcome: NotQueued, general: string, session: number): string {
  return outcome.isPublic === true ? outcome.reason : `${general} (session ${session})`;
}
