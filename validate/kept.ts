/**
 * File contents that are kept while the files do not change: bytes that are watched, texts of small
 * files.
 *
 * A file that changed less than a second before it was read is read again, because its times may be
 * too coarse to show a second change; what is then the same bytes stays the same array.
 */
import { atRest, type Failed, type Found, isLink, same, unseen } from "./sight.ts";
import type { BriefSystem } from "./briefly.ts";
import type { Stat, System } from "./system.ts";
import { latin1 } from "../cdb/mod.ts";

/** A file that is asked for often: its bytes, the same array as long as they do not change. */
export interface Watched {
  readonly path: string;
  bytes(): Uint8Array | Failed;
}

/**
 * A watched file beyond this size is trusted at once: reading it at every look-up would cost more.
 */
const TRUSTED_BYTES = 4 * 1024 * 1024;
const TEXT_BYTES = 64 * 1024;
const TEXT_TOTAL = 8 * 1024 * 1024;
const TEXT_FILES = 20_000;
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What a watched file needs of the files around it. */
export interface Surroundings {
  readonly prefix: string;
  readonly recheckMs: number;
  readonly calls: BriefSystem;
  resolve(path: string): Found | Failed;
}

/** Watches the file at `path`, absolute within the site. */
export function watchFile(path: string, around: Surroundings): Watched {
  const { prefix, recheckMs, calls, resolve } = around;
  let kept: { stat: Stat; bytes: Uint8Array; trusted: boolean } | null = null;
  let way: string | null = null;
  let wayUntil = 0;

  /**
   * Below a root: one stat of the name that the way led to, the whole way again every `recheckMs`.
   */
  function find(): Found | Failed {
    if (prefix === "" || recheckMs === 0) return resolve(path);
    const now = performance.now();
    if (way !== null && now < wayUntil) {
      const stat = calls.stat(prefix + way, false);
      if (typeof stat !== "string" && !isLink(stat)) return { ok: true, path: way, stat };
    }
    const found = resolve(path);
    way = found.ok ? found.path : null;
    wayUntil = now + recheckMs;
    return found;
  }

  let lastEpoch: number | null = null;
  let last: Uint8Array | Failed | null = null;

  return {
    path,
    bytes() {
      const { epoch } = calls;
      if (last !== null && epoch !== null && epoch === lastEpoch) return last;
      lastEpoch = epoch;
      last = readNow();
      return last;
    },
  };

  /** The bytes as they are, read only when the file changed. */
  function readNow(): Uint8Array | Failed {
    const found = find();
    if (!found.ok) {
      kept = null;
      return found;
    }
    if (kept !== null && kept.trusted && same(kept.stat, found.stat)) return kept.bytes;
    const now = Date.now();
    const bytes = calls.read(prefix + found.path);
    if (typeof bytes === "string") {
      kept = null;
      return unseen(bytes, found.path);
    }
    const trusted = atRest(found.stat, now) || bytes.length > TRUSTED_BYTES;
    const unchanged = kept !== null && equalBytes(kept.bytes, bytes);
    kept = {
      stat: found.stat,
      bytes: unchanged && kept !== null ? kept.bytes : bytes,
      trusted,
    };
    return kept.bytes;
  }
}

/**
 * Texts of small files, kept while the files do not change; when they grow too many it begins anew.
 */
export function keepTexts(prefix: string, calls: System): (found: Found) => string | Failed {
  const texts = new Map<string, { readonly stat: Stat; readonly text: string }>();
  let total = 0;
  return (found) => {
    const kept = texts.get(found.path);
    if (kept !== undefined && same(kept.stat, found.stat)) return kept.text;
    const now = Date.now();
    const bytes = calls.read(prefix + found.path);
    if (typeof bytes === "string") return unseen(bytes, found.path);
    const text = latin1(bytes);
    if (atRest(found.stat, now) && text.length <= TEXT_BYTES) {
      if (texts.size >= TEXT_FILES || total > TEXT_TOTAL) {
        texts.clear();
        total = 0;
      }
      texts.set(found.path, { stat: found.stat, text });
      total += text.length;
    }
    return text;
  };
}
