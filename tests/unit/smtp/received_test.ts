/** The Received line. */
import { assertEquals } from "@std/assert";
import { dateText, type ReceivedFacts, receivedLine, safe } from "../../../smtp/received.ts";
import { NOW } from "./kit.ts";

const FACTS: ReceivedFacts = {
  remoteHost: null,
  remoteInfo: null,
  remoteIp: "127.0.0.9",
  helo: "h",
  local: "127.0.0.1",
  extended: false,
  utf8: false,
  authenticated: false,
  tls: null,
};
const TLS = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" };
const line = (facts: Partial<ReceivedFacts>): string => receivedLine({ ...FACTS, ...facts }, NOW);

Deno.test("receivedLine: qmail's form", () => {
  assertEquals(
    line({}),
    "Received: from unknown (HELO h) (127.0.0.9)\n  by 127.0.0.1 with SMTP; " +
      "20 Nov 2026 13:27:48 -0000\n",
  );
  assertEquals(
    line({ remoteHost: "c.example", helo: "C.Example", remoteInfo: "joe", extended: true }),
    "Received: from c.example (joe@127.0.0.9)\n  by 127.0.0.1 with ESMTP; " +
      "20 Nov 2026 13:27:48 -0000\n",
  );
  assertEquals(
    line({ helo: null, remoteIp: "", local: "" }).split(" with")[0],
    "Received: from unknown (unknown)\n  by unknown",
  );
});

Deno.test("receivedLine: the protocol words of RFC 3848 and RFC 6531, TLS with its cipher", () => {
  const word = (facts: Partial<ReceivedFacts>): string | undefined =>
    / with (.*);/.exec(line({ extended: true, ...facts }))?.[1];
  assertEquals(word({}), "ESMTP");
  assertEquals(word({ utf8: true }), "UTF8SMTP");
  assertEquals(word({ authenticated: true }), "ESMTPA");
  assertEquals(word({ tls: TLS }), "ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256)");
  assertEquals(word({ tls: TLS, authenticated: true, utf8: true })?.split(" ")[0], "UTF8SMTPSA");
});

Deno.test("receivedLine: nothing a client says can break out of its place", () => {
  const evil = 'a\nBcc: x) (b\r\n\0<>;"';
  const made = line({
    helo: evil,
    remoteHost: evil,
    remoteInfo: evil,
    remoteIp: evil,
    local: evil,
  });
  assertEquals(made.split("\n").length, 3);
  assertEquals(/[\r\0<>"]|Bcc: /.test(made), false);
  assertEquals(safe("a_b c[1.2.3.4]"), "a?b?c[1.2.3.4]");
});

Deno.test("dateText: days without a leading zero, hours with", () => {
  assertEquals(dateText(Date.UTC(2026, 0, 2, 3, 4, 5)), "2 Jan 2026 03:04:05 -0000");
});
