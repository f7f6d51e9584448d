import { assertEquals } from "@std/assert";
import {
  bytesOf,
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
