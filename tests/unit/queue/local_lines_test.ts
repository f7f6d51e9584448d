import { assertEquals } from "@std/assert";
import {
  bytesOf,
  countLines,
  deliveredToLine,
  quoteAddress,
  returnPathLine,
  searchHeader,
} from "../../../queue/local_lines.ts";

Deno.test("quoteAddress: quotes as qmail's quote2 does", () => {
  for (
    const [address, quoted] of [
      ["", ""],
      ["joe@example.com", "joe@example.com"],
      ["a b@x", '"a b"@x'],
      ["a.b@x", "a.b@x"],
      [".a@x", '".a"@x'],
      ["a.@x", '"a."@x'],
      ["a..b@x", '"a..b"@x'],
      ['a"b@x', '"a\\"b"@x'],
      ["a\\b@x", '"a\\\\b"@x'],
      ["a@b@x", '"a@b"@x'],
      ["@x", '""@x'],
      ["#", "#"],
      ["#@[]", "#@[]"],
      ["a(b)@x", '"a(b)"@x'],
      ["\xe4@x", '"\xe4"@x'],
      ["a,b;c:d<e>@x", '"a,b;c:d<e>"@x'],
      ["!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~@x"],
    ] as const
  ) assertEquals(quoteAddress(address), quoted);
});

Deno.test("returnPathLine, deliveredToLine: a line feed becomes an underscore", () => {
  assertEquals(returnPathLine("a\nb@x"), 'Return-Path: <"a\\_b"@x>\n');
  assertEquals(returnPathLine(""), "Return-Path: <>\n");
  assertEquals(deliveredToLine("pre-joe\n@x"), "Delivered-To: pre-joe_@x\n");
});

Deno.test("searchHeader: finds the exact line in any cutting, and only in the header", () => {
  const line = "Delivered-To: j\xf6e@x\n";
  for (
    const [text, found] of [
      [`A: b\n${line}\nbody`, line],
      [`${line}`, line],
      [`A: b\n\n${line}`, null],
      [`A: b\n ${line}`, null],
      [`A: b\n${line.trimEnd()}`, null],
      [`\n${line}`, null],
      [`Delivered-To: j\xf6e@xy\nD\n`, null],
    ] as const
  ) {
    for (let size = 1; size <= text.length + 1; size++) {
      const search = searchHeader([line]);
      for (let at = 0; at < text.length; at += size) {
        search.feed(bytesOf(text.slice(at, at + size)));
      }
      assertEquals(search.found, found, JSON.stringify([text, size]));
    }
  }
});

Deno.test("countLines: any bytes at any place in a buffer, as one by one", () => {
  // Those that differ from LF by one bit or by one, and LF itself.
  const bytes = [0x0a, 0x8a, 0x0b, 0x09, 0x00, 0x80, 0xff, 0x1a, 0x08, 0x0e, 0x02, 0x4a];
  const buffer = Uint8Array.from({ length: 300 }, (_, i) => bytes[(i * i + (i >> 3)) % 12] ?? 0);
  const all = new Uint8Array(64).fill(10);
  for (let from = 0; from < 8; from++) {
    for (let to = from; to <= buffer.length; to += 7) {
      const part = buffer.subarray(from, to);
      assertEquals(countLines(part), part.filter((byte) => byte === 10).length, `${from} ${to}`);
    }
    assertEquals(countLines(all.subarray(from)), 64 - from);
  }
});
