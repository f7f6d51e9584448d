import { assertEquals, assertNotMatch } from "@std/assert";
import { cut, escapeText } from "../../../trace/escape.ts";

const bytes = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (b) => String.fromCharCode(b)).join("");

Deno.test("escapeText: plain text is left alone", () => {
  const plain = "user[angela] domain [example.org] ~!@#$%^&*()_+-={}|;':\",./<>?";
  assertEquals(escapeText(plain), plain);
});

Deno.test("escapeText: every control character becomes visible", () => {
  for (let code = 0; code < 256; code++) {
    const shown = escapeText(`a${String.fromCharCode(code)}b`);
    // deno-lint-ignore no-control-regex
    assertNotMatch(shown, /[\x00-\x1f\x7f-\xff]/, `code ${code}`);
  }
  assertEquals(escapeText("a\r\nb\x1b[2J\x00"), "a\\x0d\\x0ab\\x1b[2J\\x00");
});

Deno.test("escapeText: a doubled backslash tells what was sent from what is shown", () => {
  assertEquals(escapeText("\\x0a"), "\\\\x0a");
});

Deno.test("escapeText: bytes that form UTF-8 are shown as characters", () => {
  assertEquals(escapeText(bytes("jörg@例え.jp 🐟")), "jörg@例え.jp 🐟");
});

Deno.test("escapeText: bytes that are no UTF-8 are shown as hex", () => {
  const faults: [string, string][] = [
    ["\xff", "\\xff"],
    ["\xc3", "\\xc3"],
    ["\xc3(", "\\xc3("],
    ["\xc0\xaf", "\\xc0\\xaf"],
    ["\xe0\x80\xaf", "\\xe0\\x80\\xaf"],
    ["\xed\xa0\x80", "\\xed\\xa0\\x80"],
    ["\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"],
    ["\xf0\x9f\x90", "\\xf0\\x9f\\x90"],
    ["\x9b2J", "\\x9b2J"],
  ];
  for (const [raw, shown] of faults) assertEquals(escapeText(raw), shown);
});

Deno.test("escapeText: C1 controls and text that turns or hides text stay hex in UTF-8 too", () => {
  for (const code of [0x85, 0x9b, 0xad, 0x200b, 0x200f, 0x2028, 0x202e, 0x2066, 0xfeff]) {
    assertNotMatch(escapeText(bytes(String.fromCodePoint(code))), /[^ -~]/, code.toString(16));
  }
});

Deno.test("cut: at the bound nothing, beyond it a mark with the count", () => {
  assertEquals(cut("abc", 3), "abc");
  assertEquals(cut("abcdef", 3), "abc...(3 more)");
});
