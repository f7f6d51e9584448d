/**
 * Lists of "tag=value" parted by semicolons, as DKIM signatures, DKIM keys, ARC fields and DMARC
 * records have them (RFC 6376 section 3.2).
 *
 * Values are binary strings, without white space around them; what they mean is not known here.
 * Empty parts ("a=b;;c=d") are passed over, which the grammar does not allow, but zones have them.
 */

export type Tags = ReadonlyMap<string, string>;

const TAG = /^[ \t\r\n]*([A-Za-z][A-Za-z0-9_-]*)[ \t\r\n]*=([^]*)$/;

const isSpace = (char: string | undefined): boolean =>
  char === " " || char === "\t" || char === "\n" || char === "\r";

/** White space around goes; by hand, as an expression may take the square of a long run's time. */
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text[from])) from++;
  while (to > from && isSpace(text[to - 1])) to--;
  return text.slice(from, to);
}

/** The tags in their order; null when it is no such list, or a tag stands in it twice. */
export function parseTags(text: string): Tags | null {
  const tags = new Map<string, string>();
  for (const part of text.split(";")) {
    if (trimmed(part) === "") continue;
    const match = TAG.exec(part);
    if (match === null) return null;
    const [, name = "", value = ""] = match;
    if (tags.has(name)) return null;
    tags.set(name, trimmed(value));
  }
  return tags;
}

/** A value without any white space: base64, lists with ":". */
export const withoutSpace = (value: string): string => value.replace(/[ \t\r\n]+/g, "");

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The bytes of base64 with white space in it; null when it is none. */
export function base64Bytes(value: string): Uint8Array | null {
  const bare = withoutSpace(value);
  if (!BASE64.test(bare)) return null;
  try {
    return Uint8Array.from(atob(bare), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
