/**
 * The body as signatures see it (RFC 6376 sections 3.4.3 and 3.4.4), and its SHA-256.
 *
 * One walk over the message makes all hashes that are asked for: of both canonicalizations, with
 * and without l=. Nothing but a buffer is kept.
 */
import { createHash } from "node:crypto";
import type { Canonicalization } from "./dkim_signature.ts";
import type { Message } from "./types.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const BUFFER_BYTES = 32_768;

/** Takes bytes that are valid during the call. */
type Sink = (bytes: Uint8Array) => void;

/** Takes the body piece by piece, with LF line ends. */
interface Canonicalizer {
  update(piece: Uint8Array): void;
  /** Writes what is left. */
  end(): void;
}

/** Empty lines at the end go; relaxed: white space at line ends goes too, and runs become one. */
export function createCanonicalizer(way: Canonicalization, sink: Sink): Canonicalizer {
  const isRelaxed = way === "relaxed";
  const buffer = new Uint8Array(BUFFER_BYTES);
  let used = 0;
  /** Line ends that are written once something follows them. */
  let lineEnds = 0;
  let hasSpace = false;
  let isEmpty = true;

  const flush = () => {
    sink(buffer.subarray(0, used));
    used = 0;
  };
  const put = (byte: number) => {
    if (used === BUFFER_BYTES) flush();
    buffer[used++] = byte;
  };
  const putLineEnd = () => {
    put(CR);
    put(LF);
  };
  const putHeld = () => {
    for (; lineEnds > 0; lineEnds--) putLineEnd();
    if (hasSpace) put(SPACE);
    hasSpace = false;
    isEmpty = false;
  };

  return {
    update(piece) {
      for (let i = 0; i < piece.length; i++) {
        const byte = piece[i]!;
        if (byte === LF) {
          lineEnds++;
          hasSpace = false;
        } else if (isRelaxed && (byte === SPACE || byte === TAB)) {
          hasSpace = true;
        } else {
          if (lineEnds > 0 || hasSpace || isEmpty) putHeld();
          if (used === BUFFER_BYTES) flush();
          buffer[used++] = byte;
        }
      }
    },
    end() {
      if (!isEmpty || !isRelaxed) putLineEnd();
      flush();
    },
  };
}

/** A hash that is wanted. */
export interface BodyWish {
  readonly way: Canonicalization;
  /** Only so many bytes of the canonical body; null: all. */
  readonly bytes: number | null;
}

/** What the walk found. */
export interface BodyHashes {
  /** SHA-256 for each wish, in their order. */
  readonly hashes: readonly Uint8Array[];
  /** Size of the canonical body for each wish, l= or not. */
  readonly sizes: readonly number[];
  /** Bytes before the empty line that ends the header. */
  readonly headerBytes: number;
}

/** The hashes of one canonicalization: one for each length that is wanted. */
interface Hashing {
  readonly canonicalizer: Canonicalizer;
  /** The hash of so many bytes; null: of all. */
  digest(bytes: number | null): Uint8Array;
  size(): number;
}

function startHashing(way: Canonicalization, lengths: readonly (number | null)[]): Hashing {
  const hashes = [...new Set(lengths)].map((bytes) => {
    return { bytes, hash: createHash("sha256"), left: bytes ?? Infinity };
  });
  let size = 0;
  const canonicalizer = createCanonicalizer(way, (piece) => {
    size += piece.length;
    for (const one of hashes) {
      if (one.left <= 0) continue;
      one.hash.update(piece.length <= one.left ? piece : piece.subarray(0, one.left));
      one.left -= piece.length;
    }
  });
  const digests = new Map<number | null, Uint8Array>();
  return {
    canonicalizer,
    digest(bytes) {
      for (const one of digests.size === 0 ? hashes : []) {
        digests.set(one.bytes, new Uint8Array(one.hash.digest()));
      }
      return digests.get(bytes) ?? new Uint8Array();
    },
    size: () => size,
  };
}

/** Finds the empty line that ends the header, across pieces. */
function createHeaderEnd(): (piece: Uint8Array) => number | null {
  let isLineStart = true;
  return (piece) => {
    for (let at = 0; at < piece.length;) {
      if (isLineStart && piece[at] === LF) return at;
      const end = piece.indexOf(LF, at);
      isLineStart = end >= 0;
      if (end < 0) return null;
      at = end + 1;
    }
    return null;
  };
}

/** Walks over the message once. */
export async function hashBody(
  message: Message,
  wishes: readonly BodyWish[],
): Promise<BodyHashes> {
  const hashings = new Map<Canonicalization, Hashing>();
  for (const { way } of wishes) {
    const lengths = wishes.filter((one) => one.way === way).map(({ bytes }) => bytes);
    if (!hashings.has(way)) hashings.set(way, startHashing(way, lengths));
  }
  const findEnd = createHeaderEnd();
  let headerBytes = 0;
  let isBody = false;
  for await (const piece of message.read()) {
    let body = piece;
    if (!isBody) {
      const end = findEnd(piece);
      headerBytes += end ?? piece.length;
      if (end === null) continue;
      isBody = true;
      body = piece.subarray(end + 1);
    }
    for (const { canonicalizer } of hashings.values()) canonicalizer.update(body);
  }
  for (const { canonicalizer } of hashings.values()) canonicalizer.end();
  return {
    hashes: wishes.map(({ way, bytes }) => hashings.get(way)?.digest(bytes) ?? new Uint8Array()),
    sizes: wishes.map(({ way }) => hashings.get(way)?.size() ?? 0),
    headerBytes,
  };
}
