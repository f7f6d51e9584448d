import { assertEquals } from "@std/assert";
import { bytesOf } from "../../../content/binary.ts";
import { eachLine } from "../../../content/lines.ts";
import { compileLineGlob } from "../../../content/globs.ts";
import { decodeWords } from "../../../content/encoded_words.ts";

async function linesOf(text: string, size: number, most: number, stopAt = Infinity) {
  const lines: string[] = [];
  async function* pieces() {
    for (let at = 0; at < text.length; at += size) {
      yield await Promise.resolve(bytesOf(text.slice(at, at + size)));
    }
  }
  await eachLine(pieces(), most, (line) => lines.push(line) >= stopAt);
  return lines;
}

Deno.test("eachLine: whole lines, cut ones, the same whatever the pieces are like", async () => {
  const text = "one\n\nthree three\nabcdefghijklmnop\n\xff\0\nno end";
  const wanted = ["one", "", "three three".slice(0, 10), "abcdefghij", "\xff\0"];
  for (let size = 1; size <= text.length; size++) {
    assertEquals(await linesOf(text, size, 10), wanted, `pieces of ${size}`);
  }
});

Deno.test("eachLine: stops where it is told to", async () => {
  assertEquals(await linesOf("a\nb\nc\n", 100, 10, 2), ["a", "b"]);
});

Deno.test("eachLine: a line of a megabyte costs no more than what is looked at", async () => {
  const lines = await linesOf(`${"x".repeat(1 << 20)}\nend\n`, 4096, 256);
  assertEquals(lines.map((l) => l.length), [256, 3]);
});

Deno.test("compileLineGlob: stars, one byte, sets; the whole line; bytes as they are", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["abc", "ABC", false],
    ["*", "", true],
    ["abc*", "abcd", true],
    ["*bcd", "abcd", true],
    ["*b*", "abc", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["ab*bc", "abc", false],
    ["a*aa*a", "aaa", false],
    ["a*aa*a", "aaaa", true],
    ["**x**", "x", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["[ab]x*", "bxy", true],
    ["[!ab]x*", "bxy", false],
    ["", "", true],
    ["", "x", false],
  ];
  for (const [glob, line, wanted] of table) {
    assertEquals(compileLineGlob(glob)(line), wanted, `${glob} on ${line}`);
  }
});

Deno.test("decodeWords: both encodings, several words, charsets; what can't be decoded stays", () => {
  assertEquals(decodeWords("plain"), "plain");
  assertEquals(decodeWords("=?utf-8?Q?a_b=21?= c"), "a b! c");
  assertEquals(decodeWords("=?UTF-8?B?bWFrZQ==?= =?utf-8?q?_money?="), "make money");
  assertEquals(decodeWords("=?iso-8859-1?Q?=E9?="), "\xc3\xa9");
  assertEquals(decodeWords("=?nonsense?Q?a?="), "=?nonsense?Q?a?=");
  assertEquals(decodeWords("=?utf-8?B?!!?="), "=?utf-8?B?!!?=");
});
