/** Paths of MAIL and RCPT, as qmail-smtpd takes them. */
import { assertEquals } from "@std/assert";
import { literalIp, MAX_ADDRESS_BYTES, parsePath } from "../../../smtp/path.ts";

const LOCAL = { ips: new Set(["127.0.0.1", "10.1.2.3"]), host: "mail.example.com" };
const addressOf = (argument: string): string | undefined => parsePath(argument, LOCAL)?.address;

Deno.test("parsePath: a path of RFC 5321 comes out as it went in", () => {
  assertEquals(parsePath("FROM:<joe@example.com>", LOCAL), {
    address: "joe@example.com",
    parameters: "",
  });
  assertEquals(addressOf("FROM:<>"), "");
  assertEquals(addressOf("TO:<Postmaster>"), "Postmaster");
});

Deno.test("parsePath: source routes are dropped", () => {
  assertEquals(addressOf("TO:<@a,@b:joe@example.com>"), "joe@example.com");
  assertEquals(addressOf("TO:<@a:>"), "");
  assertEquals(addressOf("TO:<@a.example>"), "");
  assertEquals(addressOf("TO:<joe@a:b@example.com>"), "joe@a:b@example.com");
});

Deno.test("parsePath: quotes and backslashes are resolved and hide the closing bracket", () => {
  assertEquals(addressOf('TO:<"joe user"@example.com>'), "joe user@example.com");
  assertEquals(addressOf('TO:<"a>b"@example.com> SIZE=1'), "a>b@example.com");
  assertEquals(addressOf("TO:<a\\>b@example.com>"), "a>b@example.com");
  assertEquals(addressOf('TO:<"a\\"b"@example.com>'), 'a"b@example.com');
  assertEquals(addressOf("TO:<a\\\\b@example.com>"), "a\\b@example.com");
  assertEquals(addressOf("TO:<a@example.com\\"), "a@example.com");
});

Deno.test("parsePath: without brackets the path ends at a space", () => {
  assertEquals(parsePath("FROM:  joe@example.com SIZE=1 b@c", LOCAL), {
    address: "joe@example.com",
    parameters: "",
  });
  assertEquals(addressOf("FROM joe@example.com"), "");
  assertEquals(addressOf(""), "");
});

Deno.test("parsePath: parameters begin behind a space, anything else behind > is ignored", () => {
  assertEquals(parsePath("FROM:<a@b> SIZE=1  BODY=7BIT ", LOCAL)?.parameters, "SIZE=1  BODY=7BIT");
  assertEquals(parsePath("FROM:<a@b>SIZE=1 X", LOCAL)?.parameters, "");
  assertEquals(parsePath("FROM:<a@b>", LOCAL)?.parameters, "");
  assertEquals(parsePath("FROM:<a@b SIZE=1", LOCAL)?.parameters, "");
  assertEquals(parsePath("FROM:<a@b>,<c@d>", LOCAL)?.parameters, "");
});

Deno.test("parsePath: an address of 899 bytes is taken, of 900 and 901 not", () => {
  const path = (bytes: number): string => `FROM:<${"x".repeat(bytes - 4)}@b.c>`;
  assertEquals(addressOf(path(MAX_ADDRESS_BYTES - 1))?.length, 899);
  assertEquals(parsePath(path(MAX_ADDRESS_BYTES), LOCAL), null);
  assertEquals(parsePath(path(MAX_ADDRESS_BYTES + 1), LOCAL), null);
});

Deno.test("parsePath: our own number becomes localiphost, other literals stay", () => {
  assertEquals(addressOf("TO:<r@[10.1.2.3]>"), "r@mail.example.com");
  assertEquals(addressOf('TO:<r@"[10.1.2.3]">'), "r@mail.example.com");
  assertEquals(addressOf("TO:<r@[10.1.2.4]>"), "r@[10.1.2.4]");
  assertEquals(addressOf("TO:<r@[10.1.2.3]x>"), "r@[10.1.2.3]x");
  assertEquals(addressOf("TO:<r@[10.1.2.3]@example.com>"), "r@[10.1.2.3]@example.com");
  const nameless = { ips: LOCAL.ips, host: null };
  assertEquals(parsePath("TO:<r@[10.1.2.3]>", nameless)?.address, "r@[10.1.2.3]");
});

Deno.test("literalIp: parts count modulo 256, other forms are none", () => {
  assertEquals(literalIp("[127.0.0.257]"), "127.0.0.1");
  assertEquals(
    literalIp(`[${"9".repeat(40)}.0.0.1]`),
    `${Number(BigInt("9".repeat(40)) % 256n)}.0.0.1`,
  );
  for (
    const other of [
      "[1.2.3]",
      "[1..2.3]",
      "[1.2.3.4.5]",
      "[ 1.2.3.4]",
      "[1.2.3.-4]",
      "1.2.3.4",
      "[]",
    ]
  ) {
    assertEquals(literalIp(other), null);
  }
});
