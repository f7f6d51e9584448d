import { assertEquals } from "@std/assert";
import { endKey, parseIp, plainIp } from "../../../net/ip.ts";

Deno.test("parseIp: the same address in different spellings gives the same bytes", () => {
  assertEquals(parseIp("::ffff:192.0.2.1"), parseIp("192.0.2.1"));
  assertEquals(parseIp("0:0:0:0:0:ffff:c000:201"), parseIp("192.0.2.1"));
  assertEquals(parseIp("2001:db8::1"), parseIp("2001:0DB8:0:0:0:0:0:1"));
  assertEquals(parseIp("fe80::1%eth0"), parseIp("fe80::1"));
});

Deno.test("parseIp: what is no address is null", () => {
  for (
    const text of ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", "1::2::3", "1:2:3:4:5:6:7"]
  ) {
    assertEquals(parseIp(text), null, text);
  }
  assertEquals(parseIp("1:2:3:4:5:6:7:8:9"), null);
  assertEquals(parseIp("1:2:3:4:5:6:7::8"), null);
  assertEquals(parseIp("12345::"), null);
});

Deno.test("plainIp: IPv4 in IPv6 is shown as IPv4, everything else stays", () => {
  assertEquals(plainIp("::ffff:127.0.0.1"), "127.0.0.1");
  assertEquals(plainIp("::ffff:7f00:1"), "127.0.0.1");
  assertEquals(plainIp("2001:db8::1"), "2001:db8::1");
  assertEquals(plainIp("192.0.2.7"), "192.0.2.7");
});

Deno.test("endKey: address and port are both part of it", () => {
  assertEquals(endKey("::ffff:1.2.3.4", 25), endKey("1.2.3.4", 25));
  assertEquals(endKey("1.2.3.4", 25) === endKey("1.2.3.4", 26), false);
  assertEquals(endKey("localhost", 25), "");
});
