/**
 * Maker of D. J. Bernstein's constant database (cdb): records in, the bytes of the file out.
 *
 * Mirrors cdb_make.c: records in the order given, then 256 hash tables with twice as many slots as
 * entries. It writes no file: the caller writes a temporary one, syncs it and renames it.
 */
import { cdbHash, HEADER_BYTES } from "./reader.ts";

/**
 * A database would be larger than the format can say. `message` is a sentence without final period.
 */
export class CdbTooLarge extends Error {
  override name = "CdbTooLarge";
}

interface Slot {
  readonly hash: number;
  readonly at: number;
}

/**
 * The file that holds `entries`, keys and data as binary strings. Of several entries with one key
 * readers see the first.
 * @throws {CdbTooLarge} beyond 4 GiB.
 */
export function makeCdb(
  entries: Iterable<readonly [key: string, data: string]>,
): Uint8Array<ArrayBuffer> {
  const records = [...entries];
  const buckets: Slot[][] = Array.from({ length: 256 }, () => []);
  let size = HEADER_BYTES;
  for (const [key, data] of records) {
    const hash = cdbHash(key);
    buckets[hash & 255]?.push({ hash, at: size });
    size += 8 + key.length + data.length;
  }
  const tables = size;
  size += 16 * records.length;
  if (size > 0xffffffff) {
    throw new CdbTooLarge(`The database would have ${size} bytes, more than 4 GiB`);
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  writeRecords(bytes, view, records);
  writeTables(view, tables, buckets);
  return bytes;
}

function writeRecords(
  bytes: Uint8Array,
  view: DataView,
  records: readonly (readonly [string, string])[],
): void {
  let at = HEADER_BYTES;
  for (const [key, data] of records) {
    view.setUint32(at, key.length, true);
    view.setUint32(at + 4, data.length, true);
    at += 8;
    for (const text of [key, data]) {
      for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
      at += text.length;
    }
  }
}

function writeTables(view: DataView, start: number, buckets: readonly Slot[][]): void {
  let at = start;
  buckets.forEach((bucket, number) => {
    const slots = bucket.length * 2;
    view.setUint32(8 * number, at, true);
    view.setUint32(8 * number + 4, slots, true);
    for (const { hash, at: record } of bucket) {
      let slot = (hash >>> 8) % slots;
      while (view.getUint32(at + 8 * slot + 4, true) !== 0) {
        slot = slot + 1 === slots ? 0 : slot + 1;
      }
      view.setUint32(at + 8 * slot, hash, true);
      view.setUint32(at + 8 * slot + 4, record, true);
    }
    at += 8 * slots;
  });
}
