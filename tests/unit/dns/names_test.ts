import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  canonicalIp,
  canonicalName,
  isHostName,
  isPossibleName,
  reversedIp,
  reverseName,
  showIp,
} from "../../../dns/names.ts";

Deno.test("canonicalName: ASCII lower case, one final dot goes", () => {
  assertEquals(canonicalName("Mail.Example.ORG."), "mail.example.org");
  assertEquals(canonicalName("\xc4.org"), "\xc4.org");
  assertEquals(canonicalName("."), "");
});

Deno.test("isPossibleName: labels of 1 to 63 bytes, 253 in all", () => {
  const label = (n: number) => "x".repeat(n);
  assert(isPossibleName(`${label(63)}.org`));
  assertFalse(isPossibleName(`${label(64)}.org`));
  assert(isPossibleName([label(63), label(63), label(63), label(61)].join(".")));
  assertFalse(isPossibleName([label(63), label(63), label(63), label(62)].join(".")));
  assertFalse(isPossibleName("a..b"));
  assertFalse(isPossibleName(".a"));
  assertFalse(isPossibleName("\u20ac"));
  assert(isPossibleName("any thing.org"));
});

Deno.test("isHostName: letters, digits, hyphens inside, underscores; as many labels as asked", () => {
  assert(isHostName("mail-1._x.example.org", 4));
  assertFalse(isHostName("mail", 2));
  for (const name of ["", "-a.org", "a-.org", "a b.org", "[1.2.3.4]", "a\\.b.org", "a..b"]) {
    assertFalse(isHostName(name), name);
  }
});

Deno.test("showIp, canonicalIp: one text for each address (RFC 5952)", () => {
  assertEquals(canonicalIp("2001:0DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  assertEquals(canonicalIp("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  assertEquals(canonicalIp("::"), "::");
  assertEquals(canonicalIp("1::"), "1::");
  assertEquals(canonicalIp("::ffff:c000:201"), "192.0.2.1");
  assertEquals(canonicalIp("mail"), null);
  assertEquals(showIp(new Uint8Array([192, 0, 2, 1])), "192.0.2.1");
});

Deno.test("reverseName: in-addr.arpa, ip6.arpa by nibbles, null for what is no address", () => {
  assertEquals(reverseName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  assertEquals(reverseName("::ffff:192.0.2.1"), "1.2.0.192.in-addr.arpa");
  assertEquals(
    reverseName("2001:db8::567:89ab"),
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
  assertEquals(reverseName("unknown"), null);
  assertEquals(reversedIp("192.0.2.1"), "1.2.0.192");
});
