/** The protocol word of an accepted message's Received line (RFC 3848; RFC 6531 for UTF8SMTP). */
import type { SecureInfo } from "../net/types.ts";

/** How a message came. */
export interface Transport {
  /** By EHLO, not HELO. */
  readonly extended: boolean;
  readonly utf8: boolean;
  readonly authenticated: boolean;
  /** Null: in clear. */
  readonly tls: SecureInfo | null;
}

/** "SMTP", or "ESMTP" or "UTF8SMTP" with S for TLS and A for a login. */
export function protocolWord({ extended, utf8, authenticated, tls }: Transport): string {
  if (!extended) return "SMTP";
  return `${utf8 ? "UTF8SMTP" : "ESMTP"}${tls === null ? "" : "S"}${authenticated ? "A" : ""}`;
}
