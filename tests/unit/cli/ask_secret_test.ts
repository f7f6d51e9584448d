import { assertEquals, assertThrows } from "@std/assert";
import { readSecret, SecretAborted } from "../../../cli/ask_secret.ts";

/** Gives the UTF-8 of `text` byte by byte, then the end. */
function typed(text: string): () => number | null {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return () => bytes[at++] ?? null;
}

Deno.test("readSecret: ends at CR or LF and leaves what comes behind", () => {
  const next = typed("one two\rthree\n");
  assertEquals(readSecret(next), "one two");
  assertEquals(readSecret(next), "three");
});

Deno.test("readSecret: backspace takes a whole character away, ^U all of them", () => {
  assertEquals(readSecret(typed("ab\u00e9\u20ac\x7f\x7fc\n")), "abc");
  assertEquals(readSecret(typed("\x7f\x08ab\n")), "ab");
  assertEquals(readSecret(typed("wrong\x15right\n")), "right");
});

Deno.test("readSecret: bytes come as they are, one char each", () => {
  assertEquals(readSecret(typed("\u00e9\n")), "\u00c3\u00a9");
});

Deno.test("readSecret: ^C, ^D and the end of the terminal are no password", () => {
  for (const text of ["abc\x03", "abc\x04", "abc", ""]) {
    assertThrows(() => readSecret(typed(text)), SecretAborted, "No password was given");
  }
});
