/** The protocol word of the Received line; the line itself is tests/unit/queue/incoming_test.ts. */
import { assertEquals } from "@std/assert";
import { protocolWord, type Transport } from "../../../smtp/received.ts";

const TLS = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  sni: null,
  clientSubject: null,
};

Deno.test("protocolWord: the words of RFC 3848 and RFC 6531", () => {
  const word = (how: Partial<Transport>): string =>
    protocolWord({ extended: true, utf8: false, authenticated: false, tls: null, ...how });
  assertEquals(word({ extended: false }), "SMTP");
  assertEquals(word({}), "ESMTP");
  assertEquals(word({ utf8: true }), "UTF8SMTP");
  assertEquals(word({ authenticated: true }), "ESMTPA");
  assertEquals(word({ tls: TLS }), "ESMTPS");
  assertEquals(word({ tls: TLS, authenticated: true, utf8: true }), "UTF8SMTPSA");
});
