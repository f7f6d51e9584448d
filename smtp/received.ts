/**
 * The Received line of an accepted message, in the form qmail-smtpd writes (RFC 5321, section 4.4;
 * RFC 3848 for the protocol word; RFC 6531 for UTF8SMTP).
 *
 * Everything a client can choose goes through `safe`: no byte of it can end the line, open a
 * comment or a second field.
 */

/** What the line says of the session. Absent names are null. */
export interface ReceivedFacts {
  readonly remoteHost: string | null;
  readonly remoteInfo: string | null;
  readonly remoteIp: string;
  /** What the client said with HELO or EHLO; null: nothing. */
  readonly helo: string | null;
  readonly local: string;
  readonly extended: boolean;
  readonly utf8: boolean;
  readonly authenticated: boolean;
  /** Version and cipher, such as "TLSv1.3" and "TLS_AES_128_GCM_SHA256"; null: no TLS. */
  readonly tls: { readonly version: string; readonly cipher: string } | null;
}

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

/** Letters, digits and what addresses need; anything else becomes "?". */
export function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9.@%+/=:\-[\]]/g, "?");
}

/** The word of RFC 3848 and RFC 6531 for how the message came. */
export function protocolWord(facts: ReceivedFacts): string {
  if (!facts.extended) return "SMTP";
  const base = facts.utf8 ? "UTF8SMTP" : "ESMTP";
  return base + (facts.tls === null ? "" : "S") + (facts.authenticated ? "A" : "");
}

/** RFC 5322 date in UTC, as qmail writes it: "20 Nov 2026 13:27:48 -0000". */
export function dateText(ms: number): string {
  const date = new Date(ms);
  const two = (n: number): string => n.toString().padStart(2, "0");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  const month = MONTHS[date.getUTCMonth()]!;
  return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()} ${time} -0000`;
}

/** The Received line with its two LF line ends. `ms`: milliseconds since 1970. */
export function receivedLine(facts: ReceivedFacts, ms: number): string {
  const host = facts.remoteHost ?? "unknown";
  // The name given is only worth a word where it is not the name known anyway.
  const helo = facts.helo !== null && facts.helo.toLowerCase() !== host.toLowerCase()
    ? ` (HELO ${safe(facts.helo)})`
    : "";
  const info = facts.remoteInfo === null ? "" : `${safe(facts.remoteInfo)}@`;
  const tls = facts.tls === null
    ? ""
    : ` (${safe(facts.tls.version)} ${safeCipher(facts.tls.cipher)})`;
  const from = `${safe(host)}${helo} (${info}${safe(facts.remoteIp || "unknown")})`;
  const by = safe(facts.local || "unknown");
  return `Received: from ${from}\n  by ${by} with ${protocolWord(facts)}${tls}; ${dateText(ms)}\n`;
}

/** Cipher names have underscores. */
function safeCipher(name: string): string {
  return name.replace(/[^A-Za-z0-9_.-]/g, "?");
}
