/**
 * The size index: a text file beside new/ and cur/ that remembers what was once learned of each message, so that a
 * login after the first reads no message and asks for no file's facts. Files in a Maildir never change; a message's
 * name up to the colon is its key.
 *
 * First line: the format's name. Then one line a message: mtime, size of the file, octets as sent ("-": not
 * counted), name. Anyone may delete the file at any time; a line that does not parse is skipped. It is trusted as
 * far as the Maildir's owner is: wrong numbers in it mislead him alone.
 */

export const INDEX_NAME = "qfront-sizes";
const FORMAT = "qfront-sizes 1";
/** Larger index files are neither read nor written. */
export const INDEX_MAX_BYTES = 64 * 1024 * 1024;

/** What is known of a message file. */
export interface Known {
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** The file's size in bytes. */
  readonly raw: number;
  /** Octets that RETR sends, line ends CRLF; -1: not counted yet. */
  readonly sent: number;
}

const LINE = /^(\d{1,12}) (\d{1,15}) (\d{1,15}|-) (.+)$/;

/** The index's entries by name up to the colon; null: not an index of this format. */
export function parseIndex(text: string): Map<string, Known> | null {
  if (!text.startsWith(`${FORMAT}\n`)) return null;
  const known = new Map<string, Known>();
  for (let at = FORMAT.length + 1; at < text.length;) {
    const end = text.indexOf("\n", at);
    if (end < 0) break;
    const found = LINE.exec(text.slice(at, end));
    at = end + 1;
    if (found === null) continue;
    const sent = found[3] === "-" ? -1 : Number(found[3]);
    const raw = Number(found[2]);
    if (sent >= 0 && !isPlausible(raw, sent)) continue;
    known.set(found[4]!, { mtime: Number(found[1]), raw, sent });
  }
  return known;
}

/** The index as text; null when it would be too large. */
export function formatIndex(
  messages: Iterable<Known & { readonly base: string }>,
): string | null {
  const lines = [FORMAT];
  let length = 0;
  for (const m of messages) {
    if (m.base === "" || m.base.includes("\n") || m.mtime < 0) continue;
    const line = `${m.mtime} ${m.raw} ${m.sent < 0 ? "-" : m.sent} ${m.base}`;
    length += line.length + 1;
    if (length > INDEX_MAX_BYTES) return null;
    lines.push(line);
  }
  lines.push("");
  return lines.join("\n");
}

/** Each LF can grow by a CR, and a missing last line end adds two: nothing else can be true. */
export function isPlausible(raw: number, sent: number): boolean {
  return sent >= raw && sent <= raw * 2 + 2;
}

/** Octets as sent from a name's `W=` (Maildir++); -1: it does not say, or says what can't be. */
export function sizeFromName(base: string, raw: number): number {
  const found = /,W=(\d{1,15})(?:,|$)/.exec(base);
  if (found === null) return -1;
  const sent = Number(found[1]);
  return isPlausible(raw, sent) ? sent : -1;
}
