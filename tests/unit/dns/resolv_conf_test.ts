import { assertEquals } from "@std/assert";
import { parseResolvConf, parseServer } from "../../../dns/resolv_conf.ts";

Deno.test("parseResolvConf: servers, at most three, and the options that are known", () => {
  const conf = parseResolvConf(`# comment
domain example.org
search a b
nameserver 192.0.2.1
nameserver  2001:DB8::53
nameserver none
nameserver 192.0.2.3
nameserver 192.0.2.4
options ndots:2 timeout:3 attempts:4 rotate
options use-vc
`);
  assertEquals(conf, {
    servers: ["192.0.2.1", "2001:db8::53", "192.0.2.3"].map((ip) => ({ ip, port: 53 })),
    timeoutSeconds: 3,
    attempts: 4,
    rotate: true,
    tcp: true,
  });
});

Deno.test("parseResolvConf: without a server it is this machine; options have bounds", () => {
  const conf = parseResolvConf("options timeout:0 attempts:99\n");
  assertEquals(conf.servers, [{ ip: "127.0.0.1", port: 53 }]);
  assertEquals([conf.timeoutSeconds, conf.attempts], [1, 5]);
  const plain = parseResolvConf("options timeout:x");
  assertEquals([plain.timeoutSeconds, plain.attempts, plain.rotate], [5, 2, false]);
});

Deno.test("parseServer: IP, IP:PORT, [IPv6]:PORT and nothing else", () => {
  assertEquals(parseServer("192.0.2.1"), { ip: "192.0.2.1", port: 53 });
  assertEquals(parseServer("192.0.2.1:5353"), { ip: "192.0.2.1", port: 5353 });
  assertEquals(parseServer("2001:db8::1"), { ip: "2001:db8::1", port: 53 });
  assertEquals(parseServer("[2001:db8::1]:5353"), { ip: "2001:db8::1", port: 5353 });
  for (const text of ["", "ns.example.org", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536"]) {
    assertEquals(parseServer(text), null, text);
  }
});
