/**
 * ESMTP parameters of MAIL and RCPT (RFC 5321, section 4.1.1.11).
 *
 * SIZE (RFC 1870), BODY (RFC 6152) and SMTPUTF8 (RFC 6531) are understood. AUTH= (RFC 4954) and the
 * four of RFC 3461 (delivery status) are accepted without effect, and so is a parameter of MAIL on
 * RCPT.
 *
 * DIFFERS: qmail-smtpd ignores every parameter. A client that asks for something this server does
 * not do must learn it, so any other parameter is 555, and a value that is none is 501.
 */
import { REPLIES, type Reply } from "./replies.ts";

/** What the parameters of one command say. */
export interface Parameters {
  /** Size in bytes the client announced; null: none. */
  readonly size: number | null;
  readonly utf8: boolean;
}

/** What a command without parameters says. */
export const NO_PARAMETERS: Parameters = { size: null, utf8: false };

const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\xff]+))?$/;
const WITHOUT_EFFECT = new Set(["AUTH", "RET", "ENVID", "NOTIFY", "ORCPT"]);

/** Reads `text`; a refusal is the reply to give. */
export function parseParameters(text: string): Parameters | Reply {
  if (text === "") return NO_PARAMETERS;
  let size: number | null = null;
  let utf8 = false;
  for (const word of text.split(/ +/)) {
    const match = PARAMETER.exec(word);
    if (match === null) return REPLIES.bad_parameter;
    const keyword = match[1]!.toUpperCase();
    const value = match[2] ?? "";
    if (keyword === "SIZE") {
      if (!/^\d{1,20}$/.test(value)) return REPLIES.bad_parameter;
      size = Number(value);
    } else if (keyword === "BODY") {
      if (!/^(7BIT|8BITMIME)$/i.test(value)) return REPLIES.bad_parameter;
    } else if (keyword === "SMTPUTF8") {
      if (value !== "") return REPLIES.bad_parameter;
      utf8 = true;
    } else if (!WITHOUT_EFFECT.has(keyword)) return REPLIES.unknown_parameter;
  }
  return { size, utf8 };
}
