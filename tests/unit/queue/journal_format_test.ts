import { assertEquals, assertThrows } from "@std/assert";
import { bytesOf } from "../../../queue/local_lines.ts";
import {
  Batch,
  batchBytes,
  decodeHead,
  encodeHead,
  type Entry,
  PAGE_BYTES,
  readEntries,
} from "../../../queue/journal_format.ts";

const HEAD = { epoch: 7, boot: "0b1c", suspect: false };

/** A file of that epoch with batches of such entries. */
function fileOf(epoch: number, batches: readonly (readonly Entry[])[]): Uint8Array<ArrayBuffer> {
  const batch = new Batch();
  const parts: Uint8Array[] = [encodeHead({ ...HEAD, epoch })];
  for (const entries of batches) {
    for (const { owner, maildir, name, content } of entries) {
      batch.add(owner, maildir, name, content.subarray(0, 3), content.subarray(3));
    }
    parts.push(batch.finish(epoch).slice());
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0) + PAGE_BYTES);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const entry = (name: string, text: string, more: Partial<Entry> = {}): Entry => ({
  owner: { uid: 1001, gid: 4_000_000_000 },
  maildir: "/home/j\xf6e/Maildir",
  name,
  content: bytesOf(text),
  ...more,
});

const A = entry("1.a", "From: a\n\n\xff\x00 text\n");
const B = entry("2.b", "b", { owner: null, maildir: "/m" });
const LONG = entry("3.c", "long line\n".repeat(9000));

Deno.test("entries come back as they were, batch after batch", () => {
  assertEquals(readEntries(fileOf(7, [[A, B], [LONG], [B]]), 7), [A, B, LONG, B]);
});

Deno.test("batches begin at pages, and what is said of their size is true", () => {
  const batch = new Batch();
  batch.add(null, "/m", "n", bytesOf(""), bytesOf("x".repeat(5000)));
  const expected = batchBytes(batch.entryBytes);
  const bytes = batch.finish(1);
  assertEquals([bytes.length, bytes.length % PAGE_BYTES], [expected, 0]);
  assertEquals([batch.entries, batch.entryBytes], [0, 0]);
});

Deno.test("a batch that is not whole was never promised, nor what lies behind it", () => {
  const whole = fileOf(7, [[A], [LONG], [B]]);
  const second = PAGE_BYTES + PAGE_BYTES;
  for (const at of [second, second + 5, second + 9, second + 17, second + 60_000]) {
    const torn = whole.slice();
    torn[at] = (torn[at] ?? 0) ^ 1;
    assertEquals(readEntries(torn, 7), [A], `byte ${at}`);
  }
  assertEquals(readEntries(whole.subarray(0, second + 100), 7), [A], "the end is missing");
});

Deno.test("what an earlier use of the file left behind the last batch is not read", () => {
  const file = fileOf(6, [[A], [B]]);
  file.set(fileOf(7, [[B]]).subarray(0, 2 * PAGE_BYTES));
  assertEquals(readEntries(file, 7), [B]);
  assertEquals(readEntries(file, 8), []);
});

Deno.test("the head is words, and is read again", () => {
  const page = encodeHead({ ...HEAD, suspect: true });
  assertEquals(page.length, PAGE_BYTES);
  assertEquals(decodeHead(page), { ...HEAD, suspect: true });
  assertEquals(
    new TextDecoder().decode(page.subarray(0, 66)),
    '{"qfront_journal":1,"epoch":7,"boot":"0b1c","suspect":true}\n\0\0\0\0\0\0',
  );
});

Deno.test("a page of zeros is no head; what is none is said", () => {
  assertEquals(decodeHead(new Uint8Array(PAGE_BYTES)), null);
  const page = (text: string) => {
    const bytes = new Uint8Array(PAGE_BYTES);
    bytes.set(bytesOf(text));
    return bytes;
  };
  assertThrows(() => decodeHead(page("mbox")), Error, "no readable head");
  assertThrows(() => decodeHead(page('{"qfront_journal":2}')), Error, "another version");
  assertThrows(() => decodeHead(page('{"qfront_journal":1,"epoch":"x"}')), Error, "damaged");
});
