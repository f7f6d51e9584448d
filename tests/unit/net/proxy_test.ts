import { assert, assertEquals } from "@std/assert";
import { parseProxyHeader, type ProxyHeader, V2_MOST_BYTES } from "../../../net/proxy.ts";
import { binaryHeader, concatBytes } from "./proxy_kit.ts";
import { toBytes } from "./toy.ts";

const line = (text: string): ProxyHeader => parseProxyHeader(toBytes(text));

/** A header is one only with its last byte, whatever the border between two reads. */
function assertSplits(header: Uint8Array, expected: ProxyHeader): void {
  for (let length = 0; length < header.length; length++) {
    const kind = parseProxyHeader(header.subarray(0, length)).kind;
    assertEquals(kind, "more", `${length} of ${header.length} bytes`);
  }
  assertEquals(parseProxyHeader(header), expected);
  const more = concatBytes(header, toBytes("QUIT\r\nPROXY "));
  assertEquals(parseProxyHeader(more), expected);
}

const ENDS4 = {
  remoteIp: "192.0.2.7",
  remotePort: 56324,
  localIp: "198.51.100.1",
  localPort: 25,
};
const ENDS6 = { remoteIp: "2001:db8::7", remotePort: 65535, localIp: "2001:db8::1", localPort: 0 };

const LINES: readonly [line: string, ends: typeof ENDS4 | null][] = [
  ["PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", ENDS4],
  ["PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 65535 0\r\n", ENDS6],
  ["PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 56324 25\r\n", ENDS4],
  ["PROXY UNKNOWN\r\n", null],
  ["PROXY UNKNOWN whatever it may be\r\n", null],
];

Deno.test("parseProxyHeader: version 1 is known with its last byte, not before, and what follows stays", () => {
  for (const [text, ends] of LINES) {
    assertSplits(toBytes(text), { kind: "done", bytes: text.length, ends });
  }
});

Deno.test("parseProxyHeader: version 1 may have 107 bytes, not 108, and no more is waited for", () => {
  const start = "PROXY UNKNOWN ";
  const of = (bytes: number) => `${start}${"f".repeat(bytes - start.length - 2)}\r\n`;
  assertSplits(toBytes(of(106)), { kind: "done", bytes: 106, ends: null });
  assertSplits(toBytes(of(107)), { kind: "done", bytes: 107, ends: null });
  assertEquals(line(of(108)).kind, "wrong");
  assertEquals(line(of(108).slice(0, 106)).kind, "more");
  assertEquals(line(of(108).slice(0, 107)).kind, "wrong");
});

const WRONG_LINES = [
  "EHLO client.example.com\r\n",
  "proxy TCP4 192.0.2.7 198.51.100.1 56324 25\r\n",
  "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 25\r\n",
  "PROXY TCP4  192.0.2.7 198.51.100.1 56324 25\r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25 \r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 056324 25\r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 -1 25\r\n",
  "PROXY TCP4 192.0.2.256 198.51.100.1 56324 25\r\n",
  "PROXY TCP4 192.0.2.07 198.51.100.1 56324 25\r\n",
  "PROXY TCP4 192.0.2 198.51.100.1 56324 25\r\n",
  "PROXY TCP4 2001:db8::7 2001:db8::1 56324 25\r\n",
  "PROXY TCP6 192.0.2.7 198.51.100.1 56324 25\r\n",
  "PROXY TCP6 fe80::1%eth0 2001:db8::1 56324 25\r\n",
  "PROXY TCP6 2001::db8::7 2001:db8::1 56324 25\r\n",
  "PROXY UDP4 192.0.2.7 198.51.100.1 56324 25\r\n",
  "PROXY UNKNOWNS\r\n",
  "PROXY \r\n",
  "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\n",
  "PROXY UNKNOWN a\rb\r\n",
  "PROXY UNKNOWN\r\r\n",
];

Deno.test("parseProxyHeader: what is not version 1 to the letter is wrong", () => {
  for (const text of WRONG_LINES) {
    const header = line(text);
    assertEquals(header.kind, "wrong", text);
  }
});

Deno.test("parseProxyHeader: what can't become a header is wrong with its first foreign byte", () => {
  assertEquals(line("P").kind, "more");
  assertEquals(line("PROXZ").kind, "wrong");
  assertEquals(line("\x16\x03\x01").kind, "wrong");
  assertEquals(line("\r\n\r\nX").kind, "wrong");
  assertEquals(line("PROXY UNKNOWN\rX").kind, "wrong");
});

const IPV4 = [192, 0, 2, 7, 198, 51, 100, 1, 220, 4, 0, 25];
const IPV6_7 = [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 7];
const IPV6_1 = [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 1];
const IPV6 = [...IPV6_7, ...IPV6_1, 255, 255, 0, 0];
const TLVS = [4, 0, 3, 97, 98, 99, 0x20, 0, 1, 0];

const BINARIES: readonly [
  what: string,
  command: number,
  about: number,
  body: readonly number[],
  ends: typeof ENDS4 | null,
][] = [
  ["TCP over IPv4", 0x21, 0x11, IPV4, ENDS4],
  ["TCP over IPv6", 0x21, 0x21, IPV6, ENDS6],
  ["IPv4 and TLVs, which are skipped", 0x21, 0x11, [...IPV4, ...TLVS], ENDS4],
  ["IPv6 and TLVs", 0x21, 0x21, [...IPV6, ...TLVS], ENDS6],
  ["LOCAL", 0x20, 0, [], null],
  ["LOCAL with addresses, which mean nothing", 0x20, 0x11, IPV4, null],
  ["LOCAL with too few of them", 0x20, 0x11, [1, 2], null],
  ["PROXY of nothing known", 0x21, 0, [], null],
  ["a UNIX socket", 0x21, 0x31, Array(216).fill(0), null],
  ["datagrams, which SMTP has none of", 0x21, 0x12, IPV4, null],
  ["the longest", 0x21, 0x11, [...IPV4, ...Array(V2_MOST_BYTES - 12).fill(4)], ENDS4],
];

for (const [what, command, about, body, ends] of BINARIES) {
  Deno.test(`parseProxyHeader: version 2, ${what}`, () => {
    const header = binaryHeader(command, about, body);
    const expected: ProxyHeader = { kind: "done", bytes: 16 + body.length, ends };
    if (body.length < 1000) assertSplits(header, expected);
    else assertEquals(parseProxyHeader(header), expected);
  });
}

Deno.test("parseProxyHeader: version 2 with what nobody may send is wrong, with its first such byte", () => {
  const wrongs: readonly [command: number, about: number, body: readonly number[]][] = [
    [0x11, 0x11, IPV4],
    [0x31, 0x11, IPV4],
    [0x22, 0x11, IPV4],
    [0x21, 0x41, IPV4],
    [0x21, 0x13, IPV4],
    [0x21, 0x11, IPV4.slice(1)],
    [0x21, 0x21, IPV6.slice(1)],
    [0x21, 0x11, []],
    [0x20, 0, Array(V2_MOST_BYTES + 1).fill(0)],
  ];
  for (const [command, about, body] of wrongs) {
    const header = binaryHeader(command, about, body);
    assertEquals(parseProxyHeader(header).kind, "wrong", `${command} ${about} ${body.length}`);
    // 16 bytes are enough to know: nobody makes us wait for the rest.
    assertEquals(parseProxyHeader(header.subarray(0, 16)).kind, "wrong");
  }
  assertEquals(parseProxyHeader(binaryHeader(0x31, 0x11, IPV4).subarray(0, 13)).kind, "wrong");
});

Deno.test("parseProxyHeader: no bytes at all are the beginning of anything, and random ones of nothing", () => {
  assertEquals(parseProxyHeader(new Uint8Array(0)), { kind: "more" });
  for (let round = 0; round < 2000; round++) {
    const noise = crypto.getRandomValues(new Uint8Array(1 + round % 200));
    const start = round % 3 === 0 ? "PROXY TCP4 " : round % 3 === 1 ? "\r\n\r\n\0\r\nQUIT\n!" : "";
    const header = parseProxyHeader(concatBytes(toBytes(start), noise));
    assert(["more", "wrong", "done"].includes(header.kind));
  }
});
