import { assertEquals } from "@std/assert";
import { firstHandshake, readClientHello, readServerHello } from "../../../net/tls_hello.ts";

const u16 = (n: number): number[] => [n >> 8, n & 255];
const u24 = (n: number): number[] => [n >> 16, (n >> 8) & 255, n & 255];
const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));

function extension(type: number, content: number[]): number[] {
  return [...u16(type), ...u16(content.length), ...content];
}

function sniExtension(name: string): number[] {
  const entry = [0, ...u16(name.length), ...ascii(name)];
  return extension(0, [...u16(entry.length), ...entry]);
}

function hello(type: number, middle: number[], extensions: number[][] | null): Uint8Array {
  const all = extensions?.flat() ?? [];
  const body = [3, 3, ...new Array<number>(32).fill(7), 2, 1, 1, ...middle];
  if (extensions !== null) body.push(...u16(all.length), ...all);
  return Uint8Array.from([type, ...u24(body.length), ...body]);
}

const clientHello = (...extensions: number[][]): Uint8Array =>
  hello(1, [...u16(4), 0x13, 1, 0x13, 2, 1, 0], extensions);

const serverHello = (cipher: number, ...extensions: number[][]): Uint8Array =>
  hello(2, [...u16(cipher), 0], extensions);

function records(message: Uint8Array, size: number): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    out.push(22, 3, 1, ...u16(part.length), ...part);
  }
  return Uint8Array.from(out);
}

Deno.test("readClientHello: the server name, in lower case, wherever it stands", () => {
  const name = clientHello(extension(43, [2, 3, 4]), sniExtension("Mail.Example.ORG"));
  assertEquals(readClientHello(name), { sni: "mail.example.org" });
  assertEquals(readClientHello(clientHello(sniExtension("a.example."))), { sni: "a.example" });
});

Deno.test("readClientHello: no name, or one that is no host name, is null", () => {
  assertEquals(readClientHello(clientHello()), { sni: null });
  assertEquals(readClientHello(hello(1, [...u16(2), 0x13, 1, 1, 0], null)), { sni: null });
  for (const name of ["a/../b", "a b", "", "x\u0000y", "ü.example"]) {
    assertEquals(readClientHello(clientHello(sniExtension(name))), { sni: null }, name);
  }
});

Deno.test("readClientHello: lengths that do not fit make it none", () => {
  const whole = clientHello(sniExtension("a.example"));
  for (let cut = 40; cut < whole.length; cut++) {
    const result = readClientHello(whole.subarray(0, cut));
    assertEquals(result === null || result.sni === null, true, `cut at ${cut}`);
  }
  assertEquals(readClientHello(serverHello(0x1301)), null);
});

Deno.test("readServerHello: version and cipher of TLS 1.2 and 1.3", () => {
  assertEquals(readServerHello(serverHello(0xc02b)), {
    version: "TLSv1.2",
    cipher: "ECDHE-ECDSA-AES128-GCM-SHA256",
  });
  assertEquals(readServerHello(serverHello(0x1303, extension(43, [3, 4]))), {
    version: "TLSv1.3",
    cipher: "TLS_CHACHA20_POLY1305_SHA256",
  });
  assertEquals(readServerHello(serverHello(0x00ff))?.cipher, "0x00ff");
  assertEquals(readServerHello(clientHello()), null);
});

Deno.test("firstHandshake: a message over several records, given byte by byte", () => {
  const message = clientHello(sniExtension("a.example"));
  const stream = records(message, 7);
  for (let n = 0; n < stream.length; n++) {
    assertEquals(firstHandshake(stream.subarray(0, n)), "more", `${n} bytes`);
  }
  assertEquals(firstHandshake(stream), message);
});

Deno.test("firstHandshake: what follows the message is not part of it", () => {
  const message = clientHello();
  const stream = Uint8Array.from([...records(message, 1000), 20, 3, 3, 0, 1, 1]);
  assertEquals(firstHandshake(stream), message);
});

Deno.test("firstHandshake: clear text and absurd lengths are not TLS, from the first byte", () => {
  assertEquals(firstHandshake(Uint8Array.from(ascii("E"))), null);
  assertEquals(firstHandshake(Uint8Array.from(ascii("EHLO x\r\n"))), null);
  assertEquals(firstHandshake(Uint8Array.from([22, 2])), null);
  assertEquals(firstHandshake(Uint8Array.from([22, 3, 1, 0, 0])), null);
  assertEquals(firstHandshake(Uint8Array.from([22, 3, 1, 0xff, 0xff])), null);
  assertEquals(firstHandshake(Uint8Array.from([22, 3, 1, 0, 4, 1, 255, 255, 255])), null);
});
