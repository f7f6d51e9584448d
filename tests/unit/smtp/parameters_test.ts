/** ESMTP parameters. */
import { assertEquals } from "@std/assert";
import { parseParameters } from "../../../smtp/parameters.ts";
import { isReply } from "../../../smtp/replies.ts";

const codeOf = (text: string): number => {
  const found = parseParameters(text);
  return isReply(found) ? found.code : 250;
};

Deno.test("parseParameters: SIZE, BODY and SMTPUTF8 are understood in any case", () => {
  assertEquals(parseParameters(""), { size: null, utf8: false });
  assertEquals(parseParameters("size=1000 Body=8bitmime smtputf8"), { size: 1000, utf8: true });
  assertEquals(parseParameters("BODY=7BIT"), { size: null, utf8: false });
});

Deno.test("parseParameters: a value that is none is 501", () => {
  const wrong = ["SIZE", "SIZE=", "SIZE=x", "SIZE=-1", "SIZE=" + "1".repeat(21), "BODY=BINARYMIME"];
  for (const text of [...wrong, "BODY", "SMTPUTF8=1", "=1", "SIZE=1=1", "-A=1", "A_B"]) {
    assertEquals(codeOf(text), 501, text);
  }
  assertEquals(codeOf("SIZE=" + "1".repeat(20)), 250);
});

Deno.test("parseParameters: a parameter of a service that is not offered is 555, or without effect", () => {
  assertEquals(codeOf("REQUIRETLS"), 555);
  assertEquals(codeOf("SIZE=1 BY=120;R"), 555);
  assertEquals(codeOf("RET=HDRS ENVID=x NOTIFY=NEVER ORCPT=rfc822;a@b AUTH=<>"), 250);
});
