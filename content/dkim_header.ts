/**
 * The header as signatures see it (RFC 6376 sections 3.4.1, 3.4.2, 3.7 and 5.4.2).
 *
 * Fields come with LF line ends and were sent with CR LF, which is what was signed.
 */
import type { Canonicalization } from "./dkim_signature.ts";
import type { HeaderField } from "./types.ts";

/** One field, with its final CR LF. */
export function canonicalField(raw: string, way: Canonicalization): string {
  if (way === "simple") return raw.replaceAll("\n", "\r\n");
  const colon = raw.indexOf(":");
  const name = raw.slice(0, colon).replace(/[ \t]+$/, "").toLowerCase();
  const value = raw.slice(colon + 1).replaceAll("\n", "").replace(/[ \t]+/g, " ")
    .replace(/^ | $/g, "");
  return `${name}:${value}\r\n`;
}

/** A signature's own field: its b= is empty, and it has no line end. */
export function unsignedField(raw: string, way: Canonicalization): string {
  const colon = raw.indexOf(":") + 1;
  const value = raw.slice(colon).replace(/(^|;)([ \t\n]*b[ \t\n]*=)[^;]*/, "$1$2");
  return canonicalField(raw.slice(0, colon) + value, way).replace(/\r\n$/, "");
}

/** Fields by name in lower case, the last one of a name first. */
function fromBelow(fields: readonly HeaderField[]): Map<string, HeaderField[]> {
  const byName = new Map<string, HeaderField[]>();
  for (const field of fields.toReversed()) {
    const name = field.name.toLowerCase();
    const same = byName.get(name);
    if (same === undefined) byName.set(name, [field]);
    else same.push(field);
  }
  return byName;
}

/**
 * What is signed: for each name of `signed` the last field of that name not yet taken - none is
 * left: nothing, so that no other may be added - and then the signature's own.
 */
export function signedHeader(
  fields: readonly HeaderField[],
  signed: readonly string[],
  own: HeaderField,
  way: Canonicalization,
): string {
  const byName = fromBelow(fields.filter((field) => field !== own));
  const taken = new Map<string, number>();
  let text = "";
  for (const name of signed) {
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    const field = byName.get(name)?.[count];
    if (field !== undefined) text += canonicalField(field.raw, way);
  }
  return text + unsignedField(own.raw, way);
}
