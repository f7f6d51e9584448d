/**
 * How a delivery journal lies on disk: one page that says whose it is, then batches, each at a multiple of a page, each as it was
 * written and synced. A batch is whole or was never promised: its checksum tells. What an earlier use of the file left behind the last
 * batch has another epoch.
 *
 * Numbers are little-endian. A batch: magic, CRC-32 of everything behind it, epoch (float64), payload bytes, entries. An entry: bytes
 * of path, name and content, uid and gid (NOBODY: this process's own), then path, name and content.
 */
import { crc32 } from "node:zlib";
import type { Owner } from "./libc.ts";

/** What the disk writes at a time; nothing that is safe already is written again. */
export const PAGE_BYTES = 4096;

const MAGIC = 0x314a4651;
const BATCH_HEAD = 24;
const ENTRY_HEAD = 20;
const NOBODY = 0xffffffff;
const FORMAT = 1;

/** Everything that one copy of a message needs to be delivered again. Paths and names are binary strings. */
export interface Entry {
  readonly owner: Owner | null;
  readonly maildir: string;
  /** In new/. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** The first page. */
export interface JournalHead {
  /** Which use of the file it is. */
  readonly epoch: number;
  /** Which start of the machine it was used in: as long as that lasts, what programs wrote is there, synced or not. */
  readonly boot: string;
  /** The disk has reported an error: what the system shows of the Maildirs may not be on it. */
  readonly suspect: boolean;
}

/** A page with the head, in words that an administrator can read. */
export function encodeHead(head: JournalHead): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE_BYTES);
  const text = JSON.stringify({ qfront_journal: FORMAT, ...head }) + "\n";
  page.set(new TextEncoder().encode(text));
  return page;
}

/**
 * The head of a page; null: nothing was written there yet.
 * @throws {Error} when it is no head of this format
 */
export function decodeHead(page: Uint8Array): JournalHead | null {
  if (page.every((byte) => byte === 0)) return null;
  const text = new TextDecoder().decode(page.subarray(0, page.indexOf(0)));
  let head: Record<string, unknown>;
  try {
    head = JSON.parse(text);
  } catch {
    throw new Error("it has no readable head");
  }
  const { qfront_journal: format, epoch, boot, suspect } = head;
  if (format !== FORMAT) throw new Error("it is of another version of qfront");
  if (typeof epoch !== "number" || typeof boot !== "string" || typeof suspect !== "boolean") {
    throw new Error("its head is damaged");
  }
  return { epoch, boot, suspect };
}

/** What an entry takes in a batch. */
export const entryBytes = (maildir: string, name: string, contentBytes: number): number =>
  ENTRY_HEAD + maildir.length + name.length + contentBytes;

/** What a batch with so many bytes of entries takes in the file. */
export const batchBytes = (entries: number): number =>
  Math.ceil((BATCH_HEAD + entries) / PAGE_BYTES) * PAGE_BYTES;

function putBinary(into: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
}

function binaryAt(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (const byte of bytes.subarray(at, at + length)) text += String.fromCharCode(byte);
  return text;
}

/** Entries that are gathered for one write. Its memory is used again for the next. */
export class Batch {
  #bytes = new Uint8Array(16 * PAGE_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #used = BATCH_HEAD;
  #entries = 0;

  get entries(): number {
    return this.#entries;
  }

  /** Bytes of its entries. */
  get entryBytes(): number {
    return this.#used - BATCH_HEAD;
  }

  /** Takes a copy of everything. */
  add(owner: Owner | null, maildir: string, name: string, head: Uint8Array, body: Uint8Array) {
    const contentBytes = head.length + body.length;
    const end = this.#used + entryBytes(maildir, name, contentBytes);
    this.#reserve(end);
    const view = this.#view;
    let at = this.#used;
    view.setUint16(at, maildir.length, true);
    view.setUint16(at + 2, name.length, true);
    view.setUint32(at + 4, contentBytes, true);
    view.setUint32(at + 8, owner?.uid ?? NOBODY, true);
    view.setUint32(at + 12, owner?.gid ?? NOBODY, true);
    at += ENTRY_HEAD;
    putBinary(this.#bytes, at, maildir);
    at += maildir.length;
    putBinary(this.#bytes, at, name);
    at += name.length;
    this.#bytes.set(head, at);
    this.#bytes.set(body, at + head.length);
    this.#used = end;
    this.#entries++;
  }

  /** Whole pages, to be written at once: the memory is the next batch's then. */
  finish(epoch: number): Uint8Array<ArrayBuffer> {
    const used = this.#used;
    const whole = batchBytes(this.entryBytes);
    this.#reserve(whole);
    this.#bytes.fill(0, used, whole);
    const view = this.#view;
    view.setUint32(0, MAGIC, true);
    view.setFloat64(8, epoch, true);
    view.setUint32(16, this.entryBytes, true);
    view.setUint32(20, this.#entries, true);
    view.setUint32(4, crc32(this.#bytes.subarray(8, used)), true);
    this.#used = BATCH_HEAD;
    this.#entries = 0;
    return this.#bytes.subarray(0, whole);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, bytes + PAGE_BYTES));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** The entries of a file, in their order, up to the first batch that is not whole. `bytes` is all of the file. */
export function readEntries(bytes: Uint8Array<ArrayBuffer>, epoch: number): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Entry[] = [];
  for (let at = PAGE_BYTES; at + BATCH_HEAD <= bytes.length;) {
    if (view.getUint32(at, true) !== MAGIC || view.getFloat64(at + 8, true) !== epoch) break;
    const length = view.getUint32(at + 16, true);
    const end = at + BATCH_HEAD + length;
    if (end > bytes.length) break;
    if (crc32(bytes.subarray(at + 8, end)) !== view.getUint32(at + 4, true)) break;
    readBatch(bytes, view, at + BATCH_HEAD, view.getUint32(at + 20, true), found);
    at += batchBytes(length);
  }
  return found;
}

function readBatch(
  bytes: Uint8Array,
  view: DataView,
  begin: number,
  entries: number,
  into: Entry[],
): void {
  let at = begin;
  for (let i = 0; i < entries; i++) {
    const pathLength = view.getUint16(at, true);
    const nameLength = view.getUint16(at + 2, true);
    const contentBytes = view.getUint32(at + 4, true);
    const uid = view.getUint32(at + 8, true);
    const gid = view.getUint32(at + 12, true);
    at += ENTRY_HEAD;
    const maildir = binaryAt(bytes, at, pathLength);
    const name = binaryAt(bytes, at + pathLength, nameLength);
    at += pathLength + nameLength;
    const owner = uid === NOBODY ? null : { uid, gid };
    into.push({ owner, maildir, name, content: bytes.subarray(at, at + contentBytes) });
    at += contentBytes;
  }
}
