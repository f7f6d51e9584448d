import { assertEquals } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { confirmReverse } from "../../../dns/reverse.ts";
import type { Resolver } from "../../../dns/types.ts";

const ZONE = `
1.2.0.192.in-addr.arpa PTR other.example.org
1.2.0.192.in-addr.arpa PTR mail.example.org
mail.example.org A 192.0.2.1
other.example.org A 192.0.2.99
2.2.0.192.in-addr.arpa PTR other.example.org
3.2.0.192.in-addr.arpa TIMEOUT
4.2.0.192.in-addr.arpa PTR slow.example.org
slow.example.org TIMEOUT
5.2.0.192.in-addr.arpa PTR "not a host.example.org"
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR six.example.org
six.example.org AAAA 2001:DB8:0::1
`;
const resolver = createFileResolver(ZONE, "zone");

Deno.test("confirmReverse: fcrdns when any name leads back, IPv4 and IPv6", async () => {
  const result = await confirmReverse("192.0.2.1", resolver);
  assertEquals([result.status, result.confirmed], ["fcrdns", "mail.example.org"]);
  assertEquals(result.names, ["other.example.org", "mail.example.org"]);
  assertEquals((await confirmReverse("2001:db8::1", resolver)).confirmed, "six.example.org");
});

Deno.test("confirmReverse: exists, none, and undecided when the DNS can't say", async () => {
  const statusOf = async (ip: string) => (await confirmReverse(ip, resolver)).status;
  assertEquals(await statusOf("192.0.2.2"), "exists");
  assertEquals(await statusOf("192.0.2.3"), "undecided");
  assertEquals(await statusOf("192.0.2.4"), "undecided");
  assertEquals(await statusOf("192.0.2.5"), "none", "what is no host name is no name");
  assertEquals(await statusOf("192.0.2.6"), "none");
  assertEquals(await statusOf("unknown"), "none");
});

Deno.test("confirmReverse: ten names are looked at, the eleventh is not", async () => {
  for (const [count, status] of [[10, "fcrdns"], [11, "exists"]] as const) {
    const lines = Array.from({ length: count }, (_, i) => `9.2.0.192.in-addr.arpa PTR h${i}.org`);
    const file = createFileResolver([...lines, `h${count - 1}.org A 192.0.2.9`].join("\n"), "zone");
    let asked = 0;
    const counting: Resolver = { query: (name, type) => (asked++, file.query(name, type)) };
    assertEquals((await confirmReverse("192.0.2.9", counting)).status, status);
    assertEquals(asked, 11);
  }
});
