/**
 * Names of Maildir files: seconds.M<microseconds>P<pid>R<random>Q<counter>[_worker].host, and `,S=<bytes>,W=<bytes>` in
 * new/, from which POP3 knows the sizes, on disk and with CRLF line ends, without reading the message.
 *
 * A name is also a POP3 unique-id (qmail-pop3d: the name up to ":"), so it has at most 70 characters from "!" to "~" (RFC 1939,
 * UIDL); a long host name is cut. Host names escape "/" and ":" as the Maildir convention says. Two names of a process differ by
 * the counter whatever the clock does; processes differ by pid and by the random part.
 */

/** RFC 1939: the longest unique-id. */
const LONGEST = 70;

const ESCAPES: Readonly<Record<string, string>> = { "/": "\\057", ":": "\\072", ",": "\\054" };

/** The host name as part of a file name. */
export function escapeHost(host: string): string {
  const escaped = host.replace(/[/:,]/g, (c) => ESCAPES[c] ?? c).replace(/[^\x21-\x7e]/g, "_");
  return escaped === "" ? "localhost" : escaped;
}

export interface NameSource {
  readonly host: string;
  readonly pid: number;
  /** Number of the worker inside the process; 0: the only one. */
  readonly worker: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Sizes of a message as they stand in its name. */
export interface NamedSizes {
  /** As it is on disk. */
  readonly bytes: number;
  /** With CRLF line ends. */
  readonly wireBytes: number;
}

/** A maker of names; each call gives another one. */
export function openNames(source: NameSource): (sizes?: NamedSizes) => string {
  const host = escapeHost(source.host);
  const random = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
  const process = `P${source.pid}R${random.toString(16)}Q`;
  const worker = source.worker === 0 ? "" : `_${source.worker}`;
  let counter = 0;
  return (sizes) => {
    const now = source.now();
    const seconds = Math.floor(now / 1000);
    const micro = Math.floor((now - seconds * 1000) * 1000);
    // Six digits: names of one second are then in the order of their delivery, which is POP3's.
    const start = `${seconds}.M${String(micro).padStart(6, "0")}${process}${++counter}${worker}.`;
    const end = sizes === undefined ? "" : `,S=${sizes.bytes},W=${sizes.wireBytes}`;
    return start + host.slice(0, Math.max(1, LONGEST - start.length - end.length)) + end;
  };
}
