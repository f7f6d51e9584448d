/** The catalogue of replies: form, ids, documentation. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { isReply, multiline, REPLIES, withText } from "../../../smtp/replies.ts";
import { latin1 } from "../../../smtp/text.ts";

const textOf = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length);

Deno.test("REPLIES: one line of RFC 5321 each, enhanced codes of the reply's class", () => {
  for (const [key, reply] of Object.entries(REPLIES)) {
    assertEquals(reply.id, key);
    assertMatch(textOf(reply.bytes), /^[245]\d\d [ -~]+\r\n$|^3[35]4 [ -~]+\r\n$/);
    assert(reply.bytes.length <= 512, key);
    if (reply.enhanced !== "") assertEquals(reply.enhanced.charAt(0), `${reply.code}`.charAt(0));
  }
});

Deno.test("REPLIES: docs/smtp.md has every id with its code", () => {
  const file = new URL("../../../docs/smtp.md", import.meta.url);
  const page = Deno.readTextFileSync(file).replace(/ +/g, " ");
  for (const { id, code, enhanced } of Object.values(REPLIES)) {
    const shown = `${code}${enhanced === "" ? "" : ` ${enhanced}`}`;
    assert(page.includes(`| \`${id}\` | ${shown} |`), `docs/smtp.md lacks ${id} (${shown})`);
  }
});

Deno.test("withText: one line of at most 512 bytes, whatever the text", () => {
  const made = withText(REPLIES.queue_refused, "a\r\nb\0c\x7f" + "x".repeat(1000));
  assertMatch(textOf(made.bytes), /^554 5\.3\.0 a\?\?b\?c\?x+\r\n$/);
  assert(made.bytes.length <= 512);
});

Deno.test("withText: another enhanced status code only of the same class and form", () => {
  const codeFor = (code: string): string => withText(REPLIES.queue_deferred, "x", code).enhanced;
  assertEquals(codeFor("4.4.1"), "4.4.1");
  for (const wrong of ["5.4.1", "4.4", "", "4.4.1 x", "4.4.1\r\n"]) {
    assertEquals(codeFor(wrong), "4.3.0");
  }
});

Deno.test("multiline: every line but the last has a hyphen", () => {
  const made = multiline(REPLIES.extended_hello, ["h", "A", "B 1"]);
  assertEquals(textOf(made.bytes), "250-h\r\n250-A\r\n250 B 1\r\n");
});

Deno.test("isReply: tells replies from what checks find", () => {
  assert(isReply(REPLIES.noop));
  assertEquals([isReply("x"), isReply(null), isReply({ size: 1 })], [false, false, false]);
});
